"""The particles of many micrographs in a folder or a file, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.formats import (
    FORMATS,
    SUFFIXES,
    format_of,
    formats_with_suffix_of,
)
from napari_deepem.io.coordinates.name_matching import match_names
from napari_deepem.io.coordinates.parsing import status_of
from napari_deepem.io.coordinates.rows import Rows
from napari_deepem.io.images import micrograph_name


@dataclass(frozen=True, eq=False, slots=True)
class FileSource:
    """One file, which has been read: of many micrographs that it names, or of one."""

    path: Path
    picks: dict[str, Picks]
    is_anonymous: bool  # whether the file says of no micrograph that it is on it
    remarks: list[str]
    full_names: Mapping[str, str] = field(default_factory=dict)  # as the file has them
    shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # (height, width)

    @property
    def names(self) -> list[str]:
        """The names of the micrographs that there are coordinates for, sorted.

        Raises
        ------
        InputError
            A file that is written for all micrographs has no rows, and so no name.
        """
        if self.is_anonymous and self.path.name in _ARE_OF_MANY and not any(self.picks.values()):
            raise InputError(f"{self.path}: holds no picks, and so names no micrograph")
        return sorted(self.picks)

    def match(self, names: Iterable[str]) -> dict[str, str]:
        """For each micrograph its name here; an anonymous file is meant for a single one."""
        names = list(names)
        matched = match_names(names, self.picks)
        if not matched and self.is_anonymous and len(names) == 1:
            return {names[0]: next(iter(self.picks))}
        return matched

    def picks_of(self, name: str) -> Picks:
        """The particles of a micrograph, by its name here."""
        return self.picks[name]

    def path_of(self, name: str) -> str | None:
        """The path of a micrograph's own file, as the coordinate file has it; None: it has none."""
        full_name = self.full_names.get(name, name)
        return None if full_name == name else full_name

    def shape_of(self, name: str) -> tuple[int, int] | None:
        """(height, width) of a micrograph, as the coordinate file has it; None: it does not say."""
        return self.shapes.get(name)


@dataclass(frozen=True, eq=False, slots=True)
class FolderSource:
    """A folder with a file a micrograph, named as that, in any of the formats."""

    path: Path
    files: dict[str, list[Path]]  # of each name, the preferred ones first
    with_endings: dict[str, list[Path]]  # by names that end as files of other programs do
    remarks: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names with files that hold coordinates, sorted; other files are passed over.

        So are those of many micrographs, which is said, where there are files of single ones.

        Raises
        ------
        InputError
            A file can't be read, or there is none.
        """
        formats = {name: _recognising(self.files[name][0]) for name in sorted(self.files)}
        names = [name for name, format in formats.items() if format]
        if not names:
            raise self._nothing_there()
        of_many = [name for name, format in formats.items() if format and format.is_one_file]
        if len(of_many) == len(names):
            return names
        of_others = {name for name in of_many if not self._is_named_in_its_file(name)}
        self.remarks.extend(
            f"{self.files[name][0]} is passed over: it names other micrographs; give it by itself"
            for name in sorted(of_others)
        )
        return [name for name in names if name not in of_others]

    def _nothing_there(self) -> InputError:
        if not self.files:
            return InputError(f"{self.path}: no coordinate files there ({', '.join(SUFFIXES)})")
        first = self.files[min(self.files)][0]
        return InputError(
            f"{self.path}: none of its files holds coordinates; give {first.name} by itself to "
            "see what is wrong with it"
        )

    def _is_named_in_its_file(self, name: str) -> bool:
        """Whether the file of a name is of that micrograph by its content, too."""
        names = [micrograph_name(each) for each in read_rows(self.files[name][0]).micrographs]
        return bool(match_names([name], dict.fromkeys(names)))

    def match(self, names: Iterable[str]) -> dict[str, str]:
        """For each micrograph the name that its file has here."""
        names = list(names)
        whole = {name: name for name in names if name in self.with_endings}
        return match_names(names, self.files) | whole

    def path_of(self, name: str) -> None:
        """None: the files of a folder are of micrographs, whose own files they don't tell."""

    def shape_of(self, name: str) -> None:
        """None: no file of a single micrograph tells its size."""

    def picks_of(self, name: str) -> Picks:
        """The particles of a micrograph, by its name here, from its file, which may name it too.

        Raises
        ------
        InputError
            The file can't be read, or holds other micrographs.
        """
        path = (self.with_endings.get(name) or self.files[name])[0]
        rows = read_rows(path)
        self.remarks.extend(rows.remarks)
        if len(rows.micrographs) < 2:
            return rows.picks()
        divided = rows.by_name(path)
        there = match_names([name], divided)
        if not there:
            raise InputError(
                f"{path}: holds other micrographs, such as {min(divided)}, but not {name}"
            )
        return divided[there[name]]


Source = FileSource | FolderSource
# what the files are called that are written for all micrographs
_ARE_OF_MANY = frozenset(format.place for format in FORMATS if format.is_one_file)


def open_source(path: Path) -> Source:
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


def read_rows(path: Path) -> Rows:
    """The rows of one file, in any of the formats; InputError if it can't be read."""
    status_of(path)  # that it is missing comes before what its suffix says
    return format_of(path).read(path)


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
    others = (file for file in files if file.name not in _ARE_OF_MANY)
    all_are_of_many = len(files) == 1 or not any(_recognising(file) for file in others)
    for format in FORMATS:
        names = list(by_name) if format.is_one_file and all_are_of_many else format.lists
        for name in names:
            file = by_name.get(name)
            if file is not None and format.suffix_of(file) and format.recognises(file):
                return file
    return None


def _recognising(file: Path) -> Format | None:
    return next((each for each in formats_with_suffix_of(file) if each.recognises(file)), None)


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
