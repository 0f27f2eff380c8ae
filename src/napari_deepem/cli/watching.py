"""What `pick --watch` tells and writes while a session is recorded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console

from napari_deepem.cli.picking_progress import PickingCourse, ProgressMode, follow_picking
from napari_deepem.core.jobs import passed_on

if TYPE_CHECKING:
    from napari_deepem.batch.picker import MicrographDone
    from napari_deepem.batch.series_run import SeriesRun
    from napari_deepem.batch.watch import Waiting

LEAST_BETWEEN_REPORTS_S = 60.0  # reading all records of a long session takes seconds


def arrived(arguments: Sequence[str]) -> list[Path]:
    """The micrographs that arguments stand for now; none where there are none yet.

    Raises
    ------
    InputError
        A file or a folder is not there, or two have the same name.
    """
    from napari_deepem.io.images import find_micrographs
    from napari_deepem.io.images.listing import NoMicrographs

    paths: list[str] = []
    for argument in arguments:
        with suppress(NoMicrographs):
            find_micrographs([argument])
            paths.append(argument)
    return find_micrographs(paths) if paths else []


def follow_watching(
    job: Generator[MicrographDone | Waiting, None, SeriesRun],
    course: PickingCourse,
    console: Console,
    mode: ProgressMode,
    write_report: Callable[[], None] | None,
) -> PickingCourse:
    """The course of a watch, which is run telling of each micrograph until it ends."""
    from napari_deepem.batch.watch import Waiting

    reported, reported_at = 0, -LEAST_BETWEEN_REPORTS_S

    def report() -> None:
        nonlocal reported, reported_at
        if write_report is not None and course.done > reported:
            reported, reported_at = course.done, monotonic()
            write_report()

    def done_of(news: MicrographDone | Waiting) -> MicrographDone | None:
        if not isinstance(news, Waiting):
            return news
        if monotonic() - reported_at >= LEAST_BETWEEN_REPORTS_S:
            report()
        return None

    try:
        with closing(job):
            return follow_picking(passed_on(job, done_of), course, console, mode)
    finally:
        report()
