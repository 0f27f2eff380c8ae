"""The particles of many micrographs in a folder or a file, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.formats import (
    NAMES_OF_WHOLE_FILES,
    SUFFIXES,
    format_of,
    formats_with_suffix_of,
)
from napari_deepem.io.coordinates.name_matching import bare_name, match_names
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
        if (
            self.is_anonymous
            and self.path.name in NAMES_OF_WHOLE_FILES
            and not any(self.picks.values())
        ):
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
        formats = {name: recognising(self.files[name][0]) for name in sorted(self.files)}
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


@dataclass(frozen=True, eq=False, slots=True)
class MergedSource:
    """Several files and folders as one: no micrograph is in two of them."""

    sources: Sequence[FileSource | FolderSource]
    _source_of: Mapping[str, FileSource | FolderSource]  # by names that may be asked for
    names: list[str]  # sorted

    @classmethod
    def of(cls, sources: Sequence[FileSource | FolderSource]) -> MergedSource:
        """Those that are given, as one; InputError if two have the same micrograph."""
        source_of: dict[str, FileSource | FolderSource] = {}
        by_bare_name: dict[str, FileSource | FolderSource] = {}
        for source in sources:
            for name in source.names:
                other = by_bare_name.setdefault(bare_name(name), source)
                if other is not source:
                    raise InputError(
                        f"{other.path} and {source.path} both have the micrograph {name}: give "
                        "one of them"
                    )
                source_of[name] = source
        names = sorted(source_of)
        for source in sources:
            if isinstance(source, FolderSource):
                for name in source.with_endings:
                    source_of.setdefault(name, source)
        return cls(sources, source_of, names)

    @property
    def path(self) -> Path:
        """The path of the first."""
        return self.sources[0].path

    @property
    def remarks(self) -> list[str]:
        """What is to be said of all, each once."""
        return list(dict.fromkeys(remark for each in self.sources for remark in each.remarks))

    def match(self, names: Iterable[str]) -> dict[str, str]:
        """For each micrograph its name here."""
        return match_names(names, self._source_of)

    def picks_of(self, name: str) -> Picks:
        """The particles of a micrograph, by its name here."""
        return self._source_of[name].picks_of(name)

    def path_of(self, name: str) -> str | None:
        """The path of a micrograph's own file, as a coordinate file has it, if it has."""
        return self._source_of[name].path_of(name)

    def shape_of(self, name: str) -> tuple[int, int] | None:
        """(height, width) of a micrograph, as a coordinate file has it, if it has."""
        return self._source_of[name].shape_of(name)


Source = FileSource | FolderSource | MergedSource


def names_matched(source: Source, names: Iterable[str]) -> dict[str, str]:
    """For each micrograph its name in a source; InputError if that has none of them."""
    names = list(names)
    matched = source.match(names)
    if not matched:
        theirs = source.names
        raise InputError(
            f"{source.path}: no coordinates for any of the {len(names)} micrographs, such as "
            f"{names[0] if names else 'none'}; it has {theirs[0] if theirs else 'no rows'}; names "
            "must agree"
        )
    return matched


def names_left_out(source: Source, names: Iterable[str]) -> list[str]:
    """The micrographs of a source that are none of those named, sorted."""
    matched = set(source.match(names).values())
    return [name for name in source.names if name not in matched]


def read_rows(path: Path) -> Rows:
    """The rows of one file, in any of the formats; InputError if it can't be read."""
    status_of(path)  # that it is missing comes before what its suffix says
    return format_of(path).read(path)


def recognising(file: Path) -> Format | None:
    """The format of a file that holds coordinates; None of any other."""
    return next((each for each in formats_with_suffix_of(file) if each.recognises(file)), None)
