"""Picking as an External job of RELION, which may be continued, asked to stop, and grow."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from napari_deepem.batch.picker import MicrographDone
from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.batch.scorer import Scorer, Source
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.atomic import check_writable
from napari_deepem.io.coordinates import read_coordinates, write_coordinates
from napari_deepem.io.coordinates.autopick import ENDING
from napari_deepem.io.coordinates.relion_project import place_in_job
from napari_deepem.io.relion_job_folder import (
    ABORT_ASKED,
    End,
    begin,
    mark_end,
    write_lists,
)


class JobAborted(KeyboardInterrupt):
    """The end of a job that RELION's user asked to stop: what was picked is kept."""


@contextmanager
def running_job(folder: Path) -> Iterator[None]:
    """A block that is a job, in a folder that tells RELION how it ends."""
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark_end(folder, None)
    end: End = "FAILURE"
    try:
        yield
        end = "SUCCESS"
    except KeyboardInterrupt:
        end = "ABORTED"
        raise
    finally:
        mark_end(folder, end)


def pick_in_job(
    folder: Path,
    micrographs_star: Path,
    micrographs: Sequence[str],
    scorer: Scorer,
    criteria: PickCriteria,
) -> Generator[MicrographDone, None, SeriesRun]:
    """A stream of `MicrographDone` that leaves in a job's folder what RELION wants of a picker.

    The micrographs go by the names in their STAR file, which are paths from the project, where we
    are. Those that have a coordinate file are not picked again, unless the job was begun with other
    settings. One that can't be used is reported, and the others go on.

    Raises
    ------
    InputError
        The folder can't be written into, or holds picks of others.
    JobAborted
        RELION's user has asked to stop.
    """
    series = SeriesRun(micrographs)
    places, problems = _places_of(folder, micrographs)
    begin(folder, places.values(), f"{scorer.key} {scorer.pixel_size} {criteria}")
    n_picks = {name: n for name, place in places.items() if (n := _n_picks_in(place)) is not None}
    n_before = dict(n_picks)
    paths = [Path(name) for name in places if name not in n_before]
    sources = read_ahead(paths, scorer.prepared_source_of)
    try:
        while (name := series.next()) is not None:
            if name in problems:
                done = MicrographDone(name, 0.0, remark=problems[name])
            elif name in n_before:
                done = MicrographDone(name, 0.0, n_before[name], was_done=True)
            else:
                _stop_if_asked(folder)
                _, source_of = next(sources)
                done = _pick(name, source_of, scorer, criteria, places[name], folder)
            if done.n_picks is None:
                series.failed(done.remark or "")
            else:
                n_picks[name] = done.n_picks
                series.done(done.remark)
            yield done
    finally:
        write_lists(folder, micrographs_star, [name for name in micrographs if n_picks.get(name)])
    return series


def _places_of(folder: Path, micrographs: Sequence[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Where the picks of each micrograph go; and why those of others can't."""
    micrograph_of: dict[Path, str] = {}
    problems: dict[str, str] = {}
    for name in micrographs:
        try:
            place = place_in_job(folder, name, ENDING)
        except InputError as error:
            problems[name] = str(error)
            continue
        other = micrograph_of.setdefault(place, name)
        if other != name:
            problems[name] = f"{name} and {other} would have their picks in one file, {place}"
    return {name: place for place, name in micrograph_of.items()}, problems


def _n_picks_in(place: Path) -> int | None:
    """How many picks a coordinate file has; None where there is none that can be read."""
    try:
        return len(read_coordinates(place))
    except InputError:
        return None


def _pick(
    name: str,
    source_of: Callable[[], Source],
    scorer: Scorer,
    criteria: PickCriteria,
    place: Path,
    folder: Path,
) -> MicrographDone:
    started = perf_counter()
    try:
        scores = finish(scorer.scores_of(source_of()), lambda _: _stop_if_asked(folder))
    except InputError as error:
        return MicrographDone(name, perf_counter() - started, remark=str(error))
    picks = criteria.picks_of(scores.candidates)
    write_coordinates(place, picks)
    remark = scorer.remark_on(scores)
    return MicrographDone(name, perf_counter() - started, len(picks), (place,), remark)


def _stop_if_asked(folder: Path) -> None:
    if (folder / ABORT_ASKED).exists():
        raise JobAborted
