"""Folders that picks and score maps are written into, where a user's files are never touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import ScoreMap
from napari_deepem.io.atomic import check_writable
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    MicrographPicks,
    format_called,
    options_by_format,
    write_coordinate_set,
)
from napari_deepem.io.images import write_image
from napari_deepem.io.owned_files import Records

RECORDS = ".napari-deepem-picks-"  # each with names of files in a folder that are ours
FIRST_RECORD = ".napari-deepem-picks.json"  # one for all runs, as version 0.1.0 wrote it
SCORES = "_scores.mrc"  # the end of a score map's name


@dataclass(eq=False, slots=True)
class PickFolder:
    """A folder for the coordinate files of certain micrographs, in certain formats.

    Perhaps for their score maps, too.
    """

    folder: Path
    formats: tuple[Format, ...]
    options: Mapping[str, Mapping[str, str]]  # of each format, by its name
    planned: frozenset[str]  # names of files to come
    old: frozenset[str]  # names of older files of these micrographs, which are ours
    on_record: bool = False  # that the files to come are ours
    for_one_file: list[MicrographPicks] = field(default_factory=list)

    @classmethod
    def claim(
        cls,
        folder: Path,
        names: Sequence[str],
        formats: Sequence[str],
        *,
        with_scores: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> PickFolder:
        """The folder, where no file of anybody else would be replaced or hidden. Makes nothing yet.

        Raises
        ------
        InputError
            If it can't be written into, or holds coordinates of these micrographs, or images named
            as their score maps, that this program did not make: labels, most likely. Or none of
            the formats has an option of `options`.
        """
        check_writable(folder)
        chosen = tuple(format_called(name) for name in formats)
        by_format = options_by_format(chosen, options or {})
        score_maps = [f"{name}{SCORES}" for name in names if with_scores]
        one_each = [format for format in FORMATS if not format.is_one_file]
        possible = _names_of({*one_each, *chosen}, names) | frozenset(score_maps)
        present = sorted(name for name in possible if (folder / name).exists())
        # after looking what is there: another run puts files on record, then writes them
        ours = Records(folder, RECORDS).names() | _first_names(folder)
        for name in present:
            if name not in ours:
                raise InputError(
                    f"{folder / name} was not picked by this program and would be replaced or "
                    "hidden: choose another folder for the picks"
                )
        planned = _names_of(chosen, names) | frozenset(score_maps)
        return cls(folder, chosen, by_format, planned, frozenset(present))

    def write(self, picked: MicrographPicks) -> list[Path]:
        """The paths of a micrograph's own files, written in every format; older ones are removed.

        What goes into one file for all of them is kept until `finish`.
        """
        if not self.on_record:  # no sooner: a run that picks nothing leaves nothing
            Records(self.folder, RECORDS).add(self.planned)
            self.on_record = True
        written: list[Path] = []
        for format in self.formats:
            if not format.is_one_file:
                written += self._write([picked], format)
        if any(format.is_one_file for format in self.formats):
            self.for_one_file.append(picked)
        else:
            written_names = {path.relative_to(self.folder).as_posix() for path in written}
            for name in (_names_of(FORMATS, [picked.name]) & self.old) - written_names:
                (self.folder / name).unlink(missing_ok=True)
        return written

    def finish(self) -> list[Path]:
        """The paths of the files that hold all micrographs, written of those that were picked."""
        written: list[Path] = []
        for format in self.formats:
            if format.is_one_file and self.for_one_file:
                written += self._write(self.for_one_file, format)
        return written

    def _write(self, micrographs: Sequence[MicrographPicks], format: Format) -> list[Path]:
        options = self.options[format.name]
        return write_coordinate_set(self.folder, micrographs, format.name, options)

    def write_scores(self, name: str, score_map: ScoreMap, pixel_size: float | None) -> Path:
        """The path of a micrograph's scores, written after its picks, with the grid's pixel size.

        `pixel_size` is that of the micrograph, A/px; None: not known.
        """
        path = self.folder / f"{name}{SCORES}"
        write_image(path, score_map.scores, pixel_size and pixel_size * score_map.step_px)
        return path


def _names_of(formats: Iterable[Format], names: Sequence[str]) -> frozenset[str]:
    """The names, from the folder on, of the files that would be ours alone."""
    folder = Path()
    return frozenset(
        path.as_posix()
        for format in formats
        if not format.adds_to_file
        for path in format.files_of(folder, names)
    )


def _first_names(folder: Path) -> frozenset[str]:
    """The names on the record of version 0.1.0; a damaged one gives no rights."""
    record = folder / FIRST_RECORD
    if not record.exists():
        return frozenset()
    from pydantic import TypeAdapter

    from napari_deepem.io.declared_json import read_declared_file

    try:
        return frozenset(read_declared_file(TypeAdapter(list[str]), record, "{reason}"))
    except InputError:
        return frozenset()
