"""Picking while a session is recorded: micrographs are picked as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from napari_deepem.batch.pick import NEGATIVES, PickSettings, begin_picking, claim_places
from napari_deepem.batch.picker import MicrographDone
from napari_deepem.batch.run_manifest import write_manifest
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.core.network.model import Model
from napari_deepem.io.file_stamps import Stamp, stamp_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """The progress of watching: all that have arrived are picked, and files are up to date."""

    n_arriving: int  # files that still grow


@dataclass(frozen=True, slots=True)
class Watch:
    """How a folder is watched: how often, and until when."""

    poll_s: float = 5.0  # a file that has not changed from one look to the next is complete
    idle_s: float | None = (
        None  # without anything new it ends; None: it goes on until it is stopped
    )


def watch_files(
    find: Callable[[], Sequence[Path]],
    model: Model,
    folder: Path,
    settings: PickSettings,
    watch: Watch,
) -> Generator[MicrographDone | Waiting, None, SeriesRun]:
    """A stream of what came of micrographs as they arrive, as `pick_files` does it in a folder.

    Whoever stops it loses nothing: after each look, files for all micrographs are up to date, and
    the same command goes on. A micrograph that failed is tried again once its file has changed.

    Parameters
    ----------
    find
        Gives the micrographs that are there now.
    model, folder, settings
        As in `pick_files`; this process picks.
    watch

    Raises
    ------
    InputError
        As `pick_files`.
    """
    series = SeriesRun(())
    picker = begin_picking((), model, folder, settings)
    seen: dict[Path, Stamp] = {}  # of files that are over
    last_look: dict[Path, Stamp] = {}
    idle_since = monotonic()
    while True:
        look = {path: stamp for path in find() if (stamp := stamp_of(path)) is not None}
        fresh = {path: stamp for path, stamp in look.items() if seen.get(path) != stamp}
        complete = [path for path, stamp in fresh.items() if last_look.get(path) == stamp]
        claim_places(complete, picker)
        if complete:
            write_manifest(picker)
        for path in complete:
            check_negative = series.over < NEGATIVES
            source_of = partial(picker.source_of, path)
            done = picker.done_before(path) or picker.pick(path, source_of, check_negative)
            seen[path] = fresh[path]
            if done.n_picks is None:
                series.problems[done.name] = done.remark or ""
            else:
                series.problems.pop(done.name, None)
            series.done(done.remark)
            yield done
        if complete:
            picker.output.finish()
        if fresh:
            idle_since = monotonic()
        last_look = look
        yield Waiting(len(fresh) - len(complete))
        if watch.idle_s is not None and monotonic() - idle_since > watch.idle_s:
            return series
        sleep(watch.poll_s)
