"""Picks and labels of a session as coordinate files.

What is to be written is planned first, path by path, so that a view can ask before it replaces
files; a job then chooses picks and writes them, one micrograph after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, Labels, Picks
from napari_deepem.io.coordinates import FORMATS, write_coordinates
from napari_deepem.io.owned_files import OwnedFiles
from napari_deepem.session.readiness import What, why_not_save
from napari_deepem.session.series import Scope, names_of
from napari_deepem.session.state import Session

SUFFIXES = {f"{format.title} ({format.suffix})": format.suffix for format in FORMATS}
NO_FORMAT = "Choose a format."


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A plan of what is to be written where."""

    names: tuple[str, ...]
    picks_of: Callable[[str], tuple[Picks, int]]  # of a micrograph, and how many were rejected
    folder: Path
    suffixes: tuple[str, ...]
    not_scored: int = 0  # micrographs that were asked for, and have nothing to write

    def paths(self) -> Iterator[Path]:
        """The paths of all files, in the order of writing."""
        return (self.path_of(name, suffix) for name in self.names for suffix in self.suffixes)

    def path_of(self, name: str, suffix: str) -> Path:
        """The path of one micrograph's file in one format."""
        return self.folder / f"{name}{suffix}"


@dataclass(frozen=True, eq=False, slots=True)
class Written:
    """The files that were written, and what is in them."""

    files: OwnedFiles
    micrographs: int
    particles: int
    rejected: int  # picks that were left out


def plan(session: Session, what: What, scope: Scope, folder: Path, suffixes: Iterable[str]) -> Plan:
    """The plan of one file a micrograph and format in a folder, with the settings as they are now.

    Raises
    ------
    InputError
        There is nothing to write, or no format is chosen.
    """
    suffixes = tuple(suffixes)
    if not suffixes:
        raise InputError(NO_FORMAT)
    if why := why_not_save(session, what, scope):
        raise InputError(why)
    names = names_of(session, scope)
    if what == "labels":
        labels = {n: session.labels_of(n) for n in names if len(session.labels_of(n).positive_yx)}
        return Plan(
            tuple(labels), partial(_labelled, labels, session.box_size_px), folder, suffixes
        )
    candidates = {name: session.candidates[name] for name in names if name in session.candidates}
    picks_of = partial(_not_rejected, candidates, dict(session.verdicts), session.criteria)
    return Plan(tuple(candidates), picks_of, folder, suffixes, len(names) - len(candidates))


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
    files = OwnedFiles()
    written: dict[tuple[int, int], Path] = {}  # by device and inode
    particles = rejected = 0
    for done, name in enumerate(plan.names):
        picks, left_out = plan.picks_of(name)
        for path in (plan.path_of(name, suffix) for suffix in plan.suffixes):
            other = written.get(_place_on_disk(path))
            if other is not None:
                raise InputError(f"{path} is {other.name} on this disk: save them in two folders")
            write_coordinates(path, picks)
            files.add(path)
            written[_place_on_disk(path)] = path
        particles, rejected = particles + len(picks), rejected + left_out
        yield done + 1
    return Written(files, len(plan.names), particles, rejected)


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
    picks = criteria.picks_of(candidates[name])
    if name not in verdicts or not len(verdicts[name].negative_yx):
        return picks, 0
    reach_px = SAME_PARTICLE_BOXES * candidates[name].box_size_px
    kept = nearest_distances(picks.centres_yx, verdicts[name].negative_yx) > reach_px
    scores = None if picks.scores is None else picks.scores[kept]
    return Picks(picks.centres_yx[kept], scores, picks.box_size_px), int((~kept).sum())
