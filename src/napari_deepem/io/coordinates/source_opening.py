"""The opening of files and folders: which files of a folder have coordinates, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.formats import (
    FORMATS,
    NAMES_OF_WHOLE_FILES,
    SUFFIXES,
    formats_with_suffix_of,
)
from napari_deepem.io.coordinates.sources import (
    FileSource,
    FolderSource,
    MergedSource,
    Source,
    read_rows,
    recognising,
)
from napari_deepem.io.images import micrograph_name


def open_sources(paths: Sequence[Path]) -> Source:
    """The source that several paths are together.

    Raises
    ------
    InputError
        One is missing or can't be read, or two have the same micrograph.
    """
    sources = [open_source(path) for path in paths]
    return sources[0] if len(sources) == 1 else MergedSource.of(sources)


def open_source(path: Path) -> FileSource | FolderSource:
    """The source that a path is: a file is read, a folder is listed.

    A folder that has no coordinate file of its own stands for its folder `info`, as EMAN2 has it.
    One whose only coordinate file holds many micrographs stands for that file, and so does one
    with a list of the files in it, as RELION's autopicker leaves it. One that has nothing but the
    same picks in several such files stands for the first in the order of formats.

    Raises
    ------
    InputError
        The path is missing or can't be read.
    """
    if not path.is_dir():
        return _open_file(path)
    files = _files_in(path)
    if not files and (path / "info").is_dir():
        path = path / "info"
        files = _files_in(path)
    standing_for_all = _list_among(list(files.values()))
    return _folder(path, files) if standing_for_all is None else _open_file(standing_for_all)


def _open_file(path: Path) -> FileSource:
    rows = read_rows(path)
    remarks = list(rows.remarks)
    if rows.micrographs:
        full_names = {micrograph_name(name): name for name in rows.micrographs}
        shapes = dict(zip(full_names, rows.shapes, strict=False))
        return FileSource(path, rows.by_name(path), False, remarks, full_names, shapes)
    names = [format.name_of(path) for format in formats_with_suffix_of(path)]
    return FileSource(path, {names[0]: rows.picks()}, True, remarks)


def _list_among(files: Sequence[Path]) -> Path | None:
    """The file that stands for all of a folder: it lists the others, or none is of a micrograph."""
    by_name = {file.name: file for file in files}
    others = (file for file in files if file.name not in NAMES_OF_WHOLE_FILES)
    all_are_of_many = len(files) == 1 or not any(recognising(file) for file in others)
    for format in FORMATS:
        names = list(by_name) if format.is_one_file and all_are_of_many else format.lists
        for name in names:
            file = by_name.get(name)
            if file is not None and format.suffix_of(file) and format.recognises(file):
                return file
    return None


def _files_in(folder: Path) -> dict[str, Path]:
    """Coordinate files of a folder by their names, with the suffix as the registry has it.

    Folders are passed over, whatever they are called. What is a pipe, or a link to nowhere, tells
    when it is read.
    """
    files: dict[str, Path] = {}
    try:
        for file in sorted(folder.iterdir()):
            if file.name.startswith(".") or not file.name.lower().endswith(SUFFIXES):
                continue
            if file.is_dir():
                continue
            format = formats_with_suffix_of(file)[0]
            other = files.setdefault(format.stem_of(file) + format.suffix_of(file), file)
            if other is not file:
                raise InputError(f"{other} and {file} have the same name: remove one of them")
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from error
    return files


def _folder(path: Path, files: dict[str, Path]) -> FolderSource:
    """The source of a folder's files, those of preferred formats and endings first."""
    by_name: dict[str, list[Path]] = {}
    with_endings: dict[str, list[Path]] = {}
    for file in sorted(files.values(), key=_rank):
        format = formats_with_suffix_of(file)[0]
        name, stem = format.name_of(file), format.stem_of(file)
        by_name.setdefault(name, []).append(file)
        if stem != name:
            with_endings.setdefault(stem, []).append(file)
    return FolderSource(path, by_name, with_endings)


def _rank(file: Path) -> tuple[int, int]:
    format = formats_with_suffix_of(file)[0]
    ending = format.stem_of(file).removeprefix(format.name_of(file))
    return FORMATS.index(format), ("", *format.endings).index(ending)
