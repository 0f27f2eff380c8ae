"""The files that are micrographs, and their names: nothing is opened."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Container, Iterable
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.io.images.formats import FORMATS, SUFFIXES, format_of
from napari_deepem.io.images.frames import frame_path

_COMPRESSION = re.compile(r"\.(gz|bz2)$", re.IGNORECASE)
# by which files of other programs name micrographs, beside the suffixes of our own formats
_OTHER_SUFFIXES = (".map", ".rec")
_POWER_SPECTRUM = "_PS"  # RELION's motion correction writes m_PS.mrc beside m.mrc
_IMAGE_SUFFIX = re.compile(
    f"({'|'.join(map(re.escape, (*SUFFIXES, *_OTHER_SUFFIXES)))})$", re.IGNORECASE
)


class NoMicrographs(InputError):
    """A folder or a pattern stands for no micrograph, as far as there are any by now."""


_FRAME_START = re.compile(r"\d{1,9}@")


def micrograph_name(path: str | Path) -> str:
    """The name of a file without folders and image suffixes: 'sum/a.mrc.gz' is 'a'.

    Dots that don't start an image suffix belong to the name: 'May08_04.32.27' stays. Both kinds of
    slash part folders, because a STAR file may come from another system. It is text, and plain,
    whatever the file is called (see `io.images.file_names`): names of other files are made of it.
    A frame keeps its number: '000003@sum/a.mrcs', as RELION writes it, is '000003@a'.
    """
    file_name = re.split(r"[\\/]", str(path))[-1]
    frame = _FRAME_START.match(str(path))
    if frame is not None and not file_name.startswith(frame[0]):
        file_name = frame[0] + file_name
    return plain_name(_IMAGE_SUFFIX.sub("", _COMPRESSION.sub("", file_name)) or file_name)


def find_micrographs(arguments: Iterable[str | Path]) -> list[Path]:
    """The micrographs that files, patterns and folders stand for; none of them is opened.

    Links count as the files that they stand for, also those that lead nowhere: whoever reads them
    says so. A file of two names is two micrographs, see `files_of_several_names`.

    Parameters
    ----------
    arguments
        Paths, or patterns with `*`, `?`, `[...]` and `**`. A part of a pattern that a file or a
        folder is called stands for it alone.

    Returns
    -------
    list of Path
        In the order of the arguments, sorted within a pattern or a folder, each name once.

    Raises
    ------
    InputError
        An argument stands for nothing, or two files have the same name, by which picks are matched.
    """
    by_name: dict[str, Path] = {}
    for argument in arguments:
        for path in _matches(str(argument)):
            other = by_name.setdefault(micrograph_name(path), path)
            if other is not path and _identity(other) != _identity(path):
                raise InputError(
                    f"{other} and {path} have the same name, by which picks are matched; "
                    "give them one at a time or rename one"
                )
    if not by_name:
        raise InputError("no micrographs given; name at least one .mrc file or a folder of them")
    return list(by_name.values())


def files_of_several_names(paths: Iterable[Path]) -> list[list[Path]]:
    """The paths that lead to one file, as links do, for every file that several of them lead to."""
    by_file: dict[object, list[Path]] = {}
    for path in paths:
        by_file.setdefault(_identity(path), []).append(path)
    return [paths for paths in by_file.values() if len(paths) > 1]


def list_micrographs(folder: str | Path) -> dict[str, Path]:
    """The micrographs that lie in a folder, by name; none of them is opened.

    Returns
    -------
    dict of str to Path
        In natural order: m2 before m10. Where files have the same name but for their suffix, the
        later ones go by their whole file name.

    Raises
    ------
    InputError
        It is no folder, can't be read, or holds no micrographs.
    """
    folder = Path(folder)
    file_names = _micrographs_in(folder)
    if not file_names:
        raise NoMicrographs(
            f"{folder}: no micrographs there ({', '.join(SUFFIXES)}); "
            "choose the folder that they lie in"
        )
    files: dict[str, Path] = {}
    for file_name in sorted(file_names, key=natural_order):
        name = micrograph_name(file_name)
        files[plain_name(file_name) if name in files else name] = folder / file_name
    return files


def _matches(argument: str) -> list[Path]:
    path = Path(argument)
    frame = frame_path(argument)
    if path.is_dir():
        paths = [path / name for name in sorted(_micrographs_in(path))]
    elif frame is not None:
        paths = [frame]
    elif os.path.lexists(path):
        paths = [path]
    elif _is_pattern(argument):
        matches = (p for p in dict.fromkeys(_expanded(path)) if not _is_folder(p))
        paths = sorted(_foremost(p for p in matches if _named_as_micrograph(p.name)))
    else:
        raise InputError(f"{argument}: no such file or folder; check the path")
    if not paths:
        raise NoMicrographs(f"{argument}: no micrographs there ({', '.join(SUFFIXES)})")
    return paths


def _expanded(pattern: Path) -> list[Path]:
    """What a pattern stands for, part by part."""
    anchor, *parts = pattern.parts if pattern.anchor else ("", *pattern.parts)
    paths = [Path(anchor)]
    for part in (*parts, "*") if parts[-1] == "**" else parts:
        paths = [path for folder in paths for path in _called(part, folder)]
    return paths


def _called(part: str, folder: Path) -> list[Path]:
    """What lies in a folder and is called so; else is but for its stars; else fits the pattern."""
    if os.path.lexists(folder / part):
        return [folder / part]
    if not (_is_pattern(part) and folder.is_dir()):
        return []
    if part == "**":
        return _folders_under(folder)
    names = [entry.name for entry in _entries(folder)]
    shown = [name for name in names if part.startswith(".") or not name.startswith(".")]
    literal = fnmatch.filter(shown, part.replace("[", "[[]"))
    return [folder / name for name in literal or fnmatch.filter(shown, part)]


def _folders_under(folder: Path) -> list[Path]:
    """A folder and those in it; links, which may lead round in circles, are not followed."""
    folders = [folder]
    for each in folders:  # it grows meanwhile
        inner = (e.name for e in _entries(each) if e.is_dir(follow_symlinks=False))
        folders += [each / name for name in inner if not name.startswith(".")]
    return folders


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _identity(path: Path) -> object:
    """What is equal for paths that lead to one file."""
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _micrographs_in(folder: Path) -> list[str]:
    """The names of what looks like a micrograph; where a link leads is not asked, it takes long."""
    names = (
        entry.name
        for entry in _entries(folder)
        if _named_as_micrograph(entry.name) and not entry.is_dir(follow_symlinks=False)
    )
    return [path.name for path in _foremost(map(Path, names))]


def _foremost(paths: Iterable[Path]) -> list[Path]:
    """Those that a user means by a folder or a pattern: data before what is made beside them.

    Movies in stacks, and pictures, count where there is nothing better. Of an MRC and a TIFF of one
    name, in one folder, it is the MRC: that is what was made of the movie. Power spectra of
    micrographs are none.
    """
    paths = list(paths)
    formats = {path: format_of(path) for path in paths}
    tier = min((each.tier for each in formats.values()), default=0)
    stems = {path: path.with_name(micrograph_name(path)) for path in paths}
    best: dict[Path, int] = {}
    for path in paths:
        rank = FORMATS.index(formats[path])
        best[stems[path]] = min(rank, best.get(stems[path], rank))
    return [
        path
        for path in paths
        if formats[path].tier == tier
        and FORMATS.index(formats[path]) == best[stems[path]]
        and not _is_power_spectrum(stems[path], best)
    ]


def _is_power_spectrum(stem: Path, stems: Container[Path]) -> bool:
    name = stem.name.removesuffix(_POWER_SPECTRUM)
    return bool(name) and name != stem.name and stem.with_name(name) in stems


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened: {error.strerror or error}") from error


def _named_as_micrograph(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """The sort key of a name, in which numbers count as numbers."""
    parts = re.split(r"(\d+)", name.lower())  # every other one is a number
    return [(int(p), "") if odd % 2 else (-1, p) for odd, p in enumerate(parts)], name
