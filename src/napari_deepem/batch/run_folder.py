"""Folders that picks and score maps are written into, where a user's files are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks, ScoreMap
from napari_deepem.io.atomic import check_writable
from napari_deepem.io.coordinates import WRITABLE, write_coordinates
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
    formats: tuple[str, ...]  # without dots
    planned: frozenset[str]  # names of files to come
    old: frozenset[str]  # names of older files of these micrographs, which are ours
    on_record: bool = False  # that the files to come are ours

    @classmethod
    def claim(
        cls,
        folder: Path,
        names: Sequence[str],
        formats: tuple[str, ...],
        *,
        with_scores: bool = False,
    ) -> PickFolder:
        """The folder, where no file of anybody else would be replaced or hidden. Makes nothing yet.

        Raises
        ------
        InputError
            If it can't be written into, or holds coordinates of these micrographs, or images named
            as their score maps, that this program did not make: labels, most likely.
        """
        check_writable(folder)
        score_maps = [f"{name}{SCORES}" for name in names if with_scores]
        possible = [f"{name}{suffix}" for name in names for suffix in WRITABLE] + score_maps
        present = [name for name in possible if (folder / name).exists()]
        # after looking what is there: another run puts files on record, then writes them
        ours = Records(folder, RECORDS).names() | _first_names(folder)
        for name in present:
            if name not in ours:
                raise InputError(
                    f"{folder / name} was not picked by this program and would be replaced or "
                    "hidden: choose another folder for the picks"
                )
        planned = [f"{name}.{suffix}" for name in names for suffix in formats] + score_maps
        return cls(folder, formats, frozenset(planned), frozenset(present))

    def write(self, name: str, picks: Picks) -> list[Path]:
        """The paths of a micrograph's picks, written in every format; older others are removed."""
        if not self.on_record:  # no sooner: a run that picks nothing leaves nothing
            Records(self.folder, RECORDS).add(self.planned)
            self.on_record = True
        written = [self.folder / f"{name}.{suffix}" for suffix in self.formats]
        for path in written:
            write_coordinates(path, picks)
        for path in (self.folder / f"{name}{suffix}" for suffix in WRITABLE):
            if path not in written and path.name in self.old:
                path.unlink(missing_ok=True)
        return written

    def write_scores(self, name: str, score_map: ScoreMap, pixel_size: float | None) -> Path:
        """The path of a micrograph's scores, written after its picks, with the grid's pixel size.

        `pixel_size` is that of the micrograph, A/px; None: not known.
        """
        path = self.folder / f"{name}{SCORES}"
        write_image(path, score_map.scores, pixel_size and pixel_size * score_map.step_px)
        return path


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
