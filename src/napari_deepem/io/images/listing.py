"""The files that are micrographs, and their names: nothing is opened."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.file_names import plain_name
from napari_deepem.io.images.formats import SUFFIXES

_COMPRESSION = re.compile(r"\.(gz|bz2)$", re.IGNORECASE)
# by which files of other programs name micrographs, beside the suffixes of our own formats
_OTHER_SUFFIXES = (".mrcs", ".map", ".rec", ".tif", ".tiff", ".eer")
_IMAGE_SUFFIX = re.compile(
    f"({'|'.join(map(re.escape, (*SUFFIXES, *_OTHER_SUFFIXES)))})$", re.IGNORECASE
)


def micrograph_name(path: str | Path) -> str:
    """The name of a file without folders and image suffixes: 'sum/a.mrc.gz' is 'a'.

    Dots that don't start an image suffix belong to the name: 'May08_04.32.27' stays. Both kinds of
    slash part folders, because a STAR file may come from another system. It is text, and plain,
    whatever the file is called (see `io.images.file_names`): names of other files are made of it.
    """
    file_name = re.split(r"[\\/]", str(path))[-1]
    return plain_name(_IMAGE_SUFFIX.sub("", _COMPRESSION.sub("", file_name)) or file_name)


def find_micrographs(arguments: Iterable[str | Path]) -> list[Path]:
    """The micrographs that files, glob patterns and folders stand for.

    Returns
    -------
    list of Path
        In the order of the arguments, sorted within a pattern or a folder, each file once.

    Raises
    ------
    InputError
        An argument stands for nothing, or two files have the same name, by which picks are matched.
    """
    paths: dict[Path, Path] = {}  # resolved: as given
    for argument in arguments:
        for path in _matches(str(argument)):
            paths.setdefault(path.resolve(), path)
    if not paths:
        raise InputError("no micrographs given; name at least one .mrc file or a folder of them")
    by_name: dict[str, Path] = {}
    for path in paths.values():
        other = by_name.setdefault(micrograph_name(path), path)
        if other is not path:
            raise InputError(
                f"{other} and {path} have the same name, by which picks are matched; "
                "give them one at a time or rename one"
            )
    return list(paths.values())


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
    try:
        with os.scandir(folder) as entries:
            file_names = [entry.name for entry in entries if _may_be_micrograph(entry)]
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened: {error.strerror or error}") from error
    if not file_names:
        raise InputError(
            f"{folder}: no micrographs there ({', '.join(SUFFIXES)}); "
            "choose the folder that they lie in"
        )
    files: dict[str, Path] = {}
    for file_name in sorted(file_names, key=_natural):
        name = micrograph_name(file_name)
        files[plain_name(file_name) if name in files else name] = folder / file_name
    return files


def _matches(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        paths = sorted(file for file in path.iterdir() if _is_micrograph(file))
    elif path.exists():
        paths = [path]
    elif glob.has_magic(argument):
        matches = (Path(name) for name in glob.glob(argument, recursive=True))  # noqa: PTH207  it may be absolute
        paths = sorted(file for file in matches if _is_micrograph(file))
    else:
        raise InputError(f"{argument}: no such file or folder; check the path")
    if not paths:
        raise InputError(f"{argument}: no micrographs there ({', '.join(SUFFIXES)})")
    return paths


def _is_micrograph(path: Path) -> bool:
    return _named_as_micrograph(path.name) and path.is_file()


def _may_be_micrograph(entry: os.DirEntry[str]) -> bool:
    """Whether an entry looks like a micrograph; where a link leads is not asked, it takes long."""
    return _named_as_micrograph(entry.name) and not entry.is_dir(follow_symlinks=False)


def _named_as_micrograph(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """The sort key of a name, in which numbers count as numbers."""
    parts = re.split(r"(\d+)", name.lower())  # every other one is a number
    return [(int(p), "") if odd % 2 else (-1, p) for odd, p in enumerate(parts)], name
