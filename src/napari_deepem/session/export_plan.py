"""Picks and labels of a session as coordinate files.

What is to be written is planned first, path by path, so that a view can ask before it replaces
files; a job then chooses picks and writes them, one micrograph after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, Labels, Picks
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    MicrographPicks,
    format_called,
    keeps_below,
    what_is_lost,
    write_coordinate_set,
)
from napari_deepem.io.images import read_pixel_size, read_shape
from napari_deepem.io.owned_files import OwnedFiles
from napari_deepem.session.readiness import What, why_not_save
from napari_deepem.session.series import Scope, names_of
from napari_deepem.session.state import Session

FORMAT_TITLES = {format.name: format.title for format in FORMATS}
NO_FORMAT = "Choose a format."


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A plan of what is to be written where."""

    names: tuple[str, ...]
    picks_of: Callable[[str], tuple[Picks, int]]  # of a micrograph, and how many were rejected
    files: Mapping[str, Path]  # the micrographs' own files, as far as there are any
    folder: Path
    formats: tuple[Format, ...]
    below_of: Callable[[str], Picks] | None = None  # candidates below the threshold, where kept
    not_scored: int = 0  # micrographs that were asked for, and have nothing to write

    def paths(self) -> list[Path]:
        """The paths of all files that would replace older ones."""
        whole = (format for format in self.formats if not format.adds_to_file)
        return [path for format in whole for path in format.files_of(self.folder, self.names)]


@dataclass(frozen=True, eq=False, slots=True)
class Written:
    """The files that were written, and what is in them."""

    files: OwnedFiles
    micrographs: int
    particles: int
    rejected: int  # picks that were left out
    lost: str = ""  # a sentence on what the formats can't hold


def plan(session: Session, what: What, scope: Scope, folder: Path, formats: Iterable[str]) -> Plan:
    """The plan of files in a folder, in formats of these names, with the settings as they are now.

    Raises
    ------
    InputError
        There is nothing to write, or no format is chosen.
    """
    formats = tuple(formats)
    chosen = tuple(format_called(name) for name in formats)
    if not chosen:
        raise InputError(NO_FORMAT)
    if why := why_not_save(session, what, scope):
        raise InputError(why)
    names = names_of(session, scope)
    if what == "labels":
        labels = {n: session.labels_of(n) for n in names if len(session.labels_of(n).positive_yx)}
        labels_of = partial(_labelled, labels, session.box_size_px)
        return Plan(tuple(labels), labels_of, dict(session.files), folder, chosen)
    candidates = {name: session.candidates[name] for name in names if name in session.candidates}
    picks_of = partial(_not_rejected, candidates, dict(session.verdicts), session.criteria)
    below_of = partial(_below, *picks_of.args) if keeps_below(formats) else None
    return Plan(
        tuple(candidates),
        picks_of,
        dict(session.files),
        folder,
        chosen,
        below_of,
        not_scored=len(names) - len(candidates),
    )


def picks_to_save(session: Session, name: str) -> tuple[Picks, int]:
    """The picks of a micrograph that was scored, without rejected ones, and how many these are."""
    return _not_rejected(session.candidates, session.verdicts, session.criteria, name)


def writing(plan: Plan) -> Generator[int, None, Written]:
    """The job that writes what is planned: a stream of how many micrographs are done.

    Raises
    ------
    InputError
        A file can't be written, or would replace another one of the plan: some disks don't tell
        names apart that differ in their case.
    """
    files, places = OwnedFiles(), dict[tuple[int, int], Path]()  # by device and inode
    all_picked: list[MicrographPicks] = []
    rejected = 0

    def write(format: Format, picked: list[MicrographPicks]) -> None:
        for path in format.files_of(plan.folder, [each.name for each in picked]):
            other = places.get(_place_on_disk(path))
            if other is not None:
                raise InputError(f"{path} is {other.name} on this disk: save them in two folders")
        for path in write_coordinate_set(plan.folder, picked, format.name):
            files.add(path)
            places[_place_on_disk(path)] = path

    for done, name in enumerate(plan.names, start=1):
        picks, left_out = plan.picks_of(name)
        rejected += left_out
        below = None if plan.below_of is None else plan.below_of(name)
        all_picked.append(_described(name, picks, below, plan.files.get(name)))
        for format in plan.formats:
            if not format.is_one_file:
                write(format, all_picked[-1:])
        yield done
    for format in plan.formats:
        if format.is_one_file:
            write(format, all_picked)
    particles = sum(len(each.picks) for each in all_picked)
    return Written(
        files, len(plan.names), particles, rejected, what_is_lost(plan.formats, all_picked)
    )


def _described(name: str, picks: Picks, below: Picks | None, path: Path | None) -> MicrographPicks:
    """The picks with what the micrograph's file says, if there is one that can be read."""
    if path is None:
        return MicrographPicks(name, picks, below)
    return MicrographPicks(
        name, picks, below, path=str(path), shape=read_shape(path), pixel_size=read_pixel_size(path)
    )


def _place_on_disk(path: Path) -> tuple[int, int]:
    """The device and inode of a file; (0, 0) where there is none."""
    if not path.exists():
        return 0, 0
    status = path.stat()
    return status.st_dev, status.st_ino


def _labelled(labels: dict[str, Labels], box_size_px: int, name: str) -> tuple[Picks, int]:
    return Picks(labels[name].positive_yx, None, box_size_px), 0


def _not_rejected(
    candidates: Mapping[str, Candidates],
    verdicts: Mapping[str, Labels],
    criteria: PickCriteria,
    name: str,
) -> tuple[Picks, int]:
    return _without_rejected(criteria.picks_of(candidates[name]), verdicts.get(name))


def _below(
    candidates: Mapping[str, Candidates],
    verdicts: Mapping[str, Labels],
    criteria: PickCriteria,
    name: str,
) -> Picks:
    return _without_rejected(criteria.below_of(candidates[name]), verdicts.get(name))[0]


def _without_rejected(picks: Picks, verdicts: Labels | None) -> tuple[Picks, int]:
    """The picks that no verdict rejects, and how many are left out."""
    if verdicts is None or not len(verdicts.negative_yx) or picks.box_size_px is None:
        return picks, 0
    reach_px = SAME_PARTICLE_BOXES * picks.box_size_px
    kept = nearest_distances(picks.centres_yx, verdicts.negative_yx) > reach_px
    return picks.at(kept), int((~kept).sum())
