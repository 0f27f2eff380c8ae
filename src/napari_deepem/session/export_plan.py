"""Picks and labels of a session as coordinate files.

What is to be written is planned first, path by path, so that a view can ask before it replaces
files; a job then chooses picks and writes them, one micrograph after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import never
from napari_deepem.core.types import FinalPicks, Labels, PickCounts, Picks
from napari_deepem.io.atomic import writable_folder
from napari_deepem.io.coordinates import (
    FORMATS,
    Format,
    MicrographPicks,
    Need,
    format_called,
    keeps_below,
    what_is_lost,
    what_is_missing,
    write_coordinate_set,
)
from napari_deepem.io.images import read_pixel_size, read_shape
from napari_deepem.io.owned_files import OwnedFiles
from napari_deepem.session.final_selection import Basis, final_picks
from napari_deepem.session.readiness import What, why_not_save
from napari_deepem.session.series import Scope, names_of
from napari_deepem.session.series_criteria import SeriesCriteria
from napari_deepem.session.state import Session

NO_FORMAT = "Choose a format."
HINTS: Mapping[Need, str] = {
    "box": "set it in Annotate",
    "shape": "open the micrograph",
    "pixel size": "set it in Micrographs",
}
HELD = {
    "fraction": "with fractions of a pixel",
    "score": "scores",
    "box": "box size",
    "angle": "angles",
    "class": "classes",
    "size": "estimated diameters",
    "below": "candidates below the threshold",
}
Header = tuple[tuple[int, int], float | None]  # (height, width), A/px


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """A plan of what is to be written where."""

    names: tuple[str, ...]
    # of a micrograph, and candidates that only the threshold leaves out
    picks_of: Callable[[str], tuple[FinalPicks, Picks | None]]
    files: Mapping[str, Path]  # the micrographs' own files, as far as there are any
    headers: Mapping[str, Header]  # of those that were in memory
    folder: Path
    formats: tuple[Format, ...]
    options: Mapping[str, Mapping[str, str]]  # of each format, by its name
    not_scored: int = 0  # micrographs that were asked for, of which picks by hand alone are written

    def paths(self) -> list[Path]:
        """The paths of all files that would replace older ones."""
        whole = (format for format in self.formats if not format.adds_to_file)
        return [path for format in whole for path in format.files_of(self.folder, self.names)]


@dataclass(frozen=True, eq=False, slots=True)
class Written:
    """The files that were written, and what is in them."""

    files: OwnedFiles
    micrographs: int
    counts: PickCounts
    lost: str = ""  # a sentence on what the formats can't hold
    left_out: tuple[str, ...] = ()  # files for all micrographs, which a stop came before


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
    opened = {n: m.source for n, m in session.micrographs.items() if m.source is not None}
    known = {**opened, **session.files}, dict(session.headers), folder, chosen
    options = {format.name: options_of(session, format) for format in chosen}
    if what == "labels":
        labels = {n: session.labels_of(n) for n in names if len(session.labels_of(n).positive_yx)}
        labels_of = partial(_labelled, labels, session.box_size_px)
        return Plan(tuple(labels), labels_of, *known, options)
    bases = {name: Basis.of(session, name) for name in names if session.selection.has_picks(name)}
    picks_of = partial(_picked, bases, session.series_criteria, keeps_below(formats))
    not_scored = sum(name not in session.candidates for name in names)
    return Plan(tuple(bases), picks_of, *known, options, not_scored)


def describe(format: Format) -> str:
    """What a format's files are called, what they hold beside positions, and its own name."""
    held = [HELD[each] for each in HELD if each in format.keeps]
    place = format.place.format(name="NAME")
    return (
        f"{place}, {'for all micrographs' if format.is_one_file else 'one a micrograph'}.\n"
        f"Holds {', '.join(['positions', *held])}.\n"
        f"Its name on the command line is {format.name}."
    )


def options_of(session: Session, format: Format) -> dict[str, str]:
    """The values of a format's options that the user chose, or else its defaults."""
    chosen = {
        option.name: session.format_options.get(f"{format.name}.{option.name}")
        for option in format.options
    }
    return {
        option.name: value
        if (value := chosen[option.name]) in option.choices
        else option.choices[0]
        for option in format.options
    }


def remark_on(session: Session, what: What) -> str:
    """The line on what the chosen formats need and is not known, or can't hold; empty: nothing."""
    formats = [format for format in FORMATS if format.name in session.formats]
    header = session.headers.get(session.current or "")
    if not formats or header is None:
        return ""
    scores = np.empty(0) if what == "picks" else None
    picks = Picks(np.empty((0, 2)), scores, session.box_size_px)
    known = MicrographPicks(session.current or "", picks, shape=header[0], pixel_size=header[1])
    missing = (what_is_missing(format, [known], HINTS) for format in formats)
    return next(filter(None, missing), "") or what_is_lost(formats, [known])


def writing(plan: Plan, stop: Callable[[], bool] = never) -> Generator[int, None, Written]:
    """The job that writes what is planned: a stream of how many micrographs are done.

    `stop` is asked before each micrograph and each file for all of them: True ends the job there.
    What was written by then is whole, and a file for all is written with all of them or not at all.

    Raises
    ------
    InputError
        A file can't be written, or would replace another one of the plan: some disks don't tell
        names apart that differ in their case.
    """
    files, places = OwnedFiles(), dict[tuple[int, int], Path]()  # by device and inode
    all_picked: list[MicrographPicks] = []
    counts, left_out = PickCounts(), []

    def write(format: Format, picked: list[MicrographPicks]) -> None:
        for path in format.files_of(plan.folder, [each.name for each in picked]):
            other = places.get(_place_on_disk(path))
            if other is not None:
                raise InputError(f"{path} is {other.name} on this disk: save them in two folders")
        options = plan.options[format.name]
        for path in write_coordinate_set(plan.folder, picked, format.name, options, HINTS):
            files.add(path)
            places[_place_on_disk(path)] = path

    writable_folder(plan.folder)
    for done, name in enumerate(plan.names, start=1):
        if stop():
            break
        picks, below = plan.picks_of(name)
        counts += picks.counts
        all_picked.append(_described(plan, name, picks, below))
        for format in plan.formats:
            if not format.is_one_file:
                write(format, all_picked[-1:])
        yield done
    for format in plan.formats:
        if format.is_one_file and not stop():
            write(format, all_picked)
        elif format.is_one_file:
            left_out += [path.name for path in format.files_of(plan.folder, plan.names)]
    lost = what_is_lost(plan.formats, all_picked)
    return Written(files, len(all_picked), counts, lost, tuple(left_out))


def _described(plan: Plan, name: str, picks: Picks, below: Picks | None) -> MicrographPicks:
    """The picks with what is known of the micrograph, from memory or else from its file."""
    path, header = plan.files.get(name), plan.headers.get(name)
    if header is None and path is not None:
        header = read_shape(path), read_pixel_size(path)
    shape, pixel_size = header or (None, None)
    return MicrographPicks(
        name,
        picks,
        below,
        path=None if path is None else str(path),
        shape=shape,
        pixel_size=pixel_size,
    )


def _place_on_disk(path: Path) -> tuple[int, int]:
    """The device and inode of a file; (0, 0) where there is none."""
    if not path.exists():
        return 0, 0
    status = path.stat()
    return status.st_dev, status.st_ino


def _labelled(
    labels: dict[str, Labels], box_size_px: int, name: str
) -> tuple[FinalPicks, Picks | None]:
    positive_yx = labels[name].positive_yx
    return FinalPicks(positive_yx, None, box_size_px, by_hand=len(positive_yx)), None


def _picked(
    bases: Mapping[str, Basis], criteria: SeriesCriteria, with_below: bool, name: str
) -> tuple[FinalPicks, Picks | None]:
    picks, below = final_picks(bases[name], criteria.on(name))
    return picks, below if with_below else None
