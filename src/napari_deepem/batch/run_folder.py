"""The folder of a run that picks: its coordinate files, and a record of every micrograph.

A file of a user is never touched: ours are those of micrographs that have a record there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Picks, ScoreMap
from napari_deepem.io.atomic import check_writable
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    MicrographPicks,
    format_called,
    keeps_below,
    options_by_format,
    write_coordinate_set,
)
from napari_deepem.io.images import write_image
from napari_deepem.io.pick_records import (
    Described,
    PickRecord,
    read_description,
    read_record,
    record_path,
    recorded_names,
    write_record,
)
from napari_deepem.io.temporary_names import remove_leftovers

SCORES = "_scores.mrc"  # the end of a score map's name


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder for the coordinate files of micrographs, in certain formats, and for their records.

    Perhaps for their score maps, too. It can be copied to other processes.
    """

    folder: Path
    formats: tuple[str, ...]
    with_scores: bool = False
    options: Mapping[str, str] = field(default_factory=dict)  # of the formats

    def claim(self, names: Sequence[str]) -> None:
        """Make sure that no file of anybody else would be replaced or hidden. Makes nothing yet.

        Raises
        ------
        InputError
            If the folder can't be written into, or holds coordinates of these micrographs, or
            images named as their score maps, that this program did not make: labels, most likely.
            Or none of the formats has an option of `options`.
        """
        options_by_format(map(format_called, self.formats), self.options)
        check_writable(self.folder)
        one_each = [format for format in FORMATS if not format.is_one_file]
        likely = _names_in(self.folder)
        for name in names:
            possible = [f for f in self._files_of(name, one_each) if f.casefold() in likely]
            present = [file for file in possible if (self.folder / file).exists()]
            if not present:
                continue
            described = read_description(self.folder, name)
            ours = () if described is None else described.files
            self._refuse(file for file in present if file not in ours)
        present = [file for file in self._whole_files() if (self.folder / file).exists()]
        self._refuse(file for file in present if not self._is_ours(file))

    def has_all(self, name: str) -> bool:
        """Whether all files of a micrograph's own are there, besides its record."""
        return all((self.folder / file).exists() for file in self._files_of(name))

    def picks_of(
        self, name: str, record: PickRecord, ranking: Picks | None = None
    ) -> MicrographPicks | None:
        """The picks of a micrograph's record, with what the formats hold; None if it failed."""
        return picks_of_record(name, record, ranking, with_below=keeps_below(self.formats))

    def write(
        self, picked: MicrographPicks, record: PickRecord, score_map: ScoreMap | None = None
    ) -> list[Path]:
        """The paths of a micrograph's own files, which are written after its record.

        What was picked from other pixels, or by other criteria, goes first: whenever it ends, the
        files that are there belong to the record. Files for all micrographs come in `finish`.
        """
        name, described = picked.name, record.described
        old = read_description(self.folder, name)
        older_files = () if old is None else old.files
        if not described.agrees_with(old):
            for file in older_files:
                (self.folder / file).unlink(missing_ok=True)
            older_files = ()
        files = tuple(dict.fromkeys((*self._files_of(name), *older_files)))
        older_whole = () if old is None else old.whole_files
        whole_files = tuple(dict.fromkeys((*self._whole_files(), *older_whole)))
        described = described.model_copy(update={"files": files, "whole_files": whole_files})
        write_record(self.folder, name, PickRecord(described, record.candidates))
        written: list[Path] = []
        for format in map(format_called, self.formats):
            if not format.is_one_file:
                written += self._write([picked], format)
        if score_map is not None and self.with_scores:
            written.append(self.folder / f"{name}{SCORES}")
            grid_size = picked.pixel_size and picked.pixel_size * score_map.step_px
            write_image(written[-1], score_map.scores, grid_size)
        return written

    def write_failure(self, name: str, described: Described) -> None:
        """Keep on record that a micrograph failed; one that was picked before stays as it is."""
        old = read_description(self.folder, name)
        if old is None or old.state == "failed":
            write_record(self.folder, name, PickRecord(described, None))

    def finish(self) -> list[Path]:
        """The paths of the files for all micrographs that the folder has records of.

        Other runs may be at work in the folder: what they add while a file is written makes it be
        written again, by whoever is last.
        """
        formats = [format_called(name) for name in self.formats]
        formats = [format for format in formats if format.is_one_file]
        names: list[str] = []
        while formats and names != (names := sorted(recorded_names(self.folder))):
            picked = [each for name in names if (each := self._recorded(name)) is not None]
            for format in formats if picked else ():
                self._write(picked, format)
        return [self.folder / format.place for format in formats if names]

    def remove_leftovers(self) -> None:
        """Remove what workers that were killed have left of files they were writing."""
        places = {self.folder / format_called(name).place for name in self.formats}
        for folder in {record_path(self.folder, "").parent, *(place.parent for place in places)}:
            remove_leftovers(folder)

    def _write(self, picked: Sequence[MicrographPicks], format: Format) -> list[Path]:
        options = options_by_format(map(format_called, self.formats), self.options)[format.name]
        return write_coordinate_set(self.folder, picked, format.name, options)

    def _recorded(self, name: str) -> MicrographPicks | None:
        """The picks that a record stands for; None of one that failed."""
        record = read_record(self.folder, name)
        return None if record is None else self.picks_of(name, record)

    def _files_of(self, name: str, more: Iterable[Format] = ()) -> list[str]:
        """The files of one micrograph's own, from the folder on, and those of more formats."""
        formats = {format.name: format for format in (*map(format_called, self.formats), *more)}
        paths = [
            path
            for format in formats.values()
            if not format.adds_to_file
            for path in format.own_files_of(Path(), name)
        ]
        scores = [f"{name}{SCORES}"] if self.with_scores else []
        return [*(path.as_posix() for path in paths), *scores]

    def _whole_files(self) -> list[str]:
        """The files for all micrographs, from the folder on, and what belongs to them."""
        formats = map(format_called, self.formats)
        places = (place for format in formats for place in (format.place, *format.beside))
        return [place for place in places if "{name}" not in place]

    def _is_ours(self, whole_file: str) -> bool:
        """Whether a file for all micrographs is on the record of any of them."""
        described = (read_description(self.folder, n) for n in recorded_names(self.folder))
        return any(whole_file in each.whole_files for each in described if each is not None)

    def _refuse(self, files: Iterable[str]) -> None:
        for file in files:
            raise InputError(
                f"{self.folder / file} was not picked by this program and would be replaced or "
                "hidden: choose another folder for the picks"
            )


def picks_of_record(
    name: str, record: PickRecord, ranking: Picks | None = None, *, with_below: bool = False
) -> MicrographPicks | None:
    """The picks of a micrograph as its record says that they were picked; None if it failed.

    `ranking` is what `PickCriteria.of_ranking` picks, where that is known.
    """
    described = record.described
    if record.candidates is None:
        return None
    criteria = PickCriteria.of_values(described.criteria.model_dump())
    if ranking is None:
        ranking = criteria.of_ranking.picks_of(record.candidates)
    picks = criteria.picked_of(ranking)
    return MicrographPicks(
        name,
        picks,
        ranking.at(slice(len(picks), None)) if with_below else None,
        path=described.path,
        shape=described.shape,
        pixel_size=described.pixel_size,
    )


def _names_in(folder: Path) -> frozenset[str]:
    """The names in a folder, cases folded: asking for one after the other takes far longer."""
    try:
        return frozenset(path.name.casefold() for path in folder.iterdir())
    except FileNotFoundError:
        return frozenset()
