"""What `pick --watch` tells and writes while a session is recorded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console

from napari_deepem.cli.picking_progress import PickingCourse, ProgressMode, follow_picking
from napari_deepem.core.errors import InputError

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

    paths: list[str] = []
    for argument in arguments:
        try:
            find_micrographs([argument])
        except InputError as error:
            if "no micrographs there" not in str(error):
                raise
        else:
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

    def micrographs() -> Generator[MicrographDone, None, SeriesRun]:
        with closing(job):
            while True:
                try:
                    news = next(job)
                except StopIteration as end:
                    series: SeriesRun = end.value
                    return series
                if not isinstance(news, Waiting):
                    yield news
                elif monotonic() - reported_at >= LEAST_BETWEEN_REPORTS_S:
                    report()

    try:
        return follow_picking(micrographs(), course, console, mode)
    finally:
        report()
