"""Long work is a generator: it yields its progress and returns its result.

Whoever runs one decides what to do with the progress and may stop by asking no more.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from napari_deepem.core.types import ScoreMap

News = TypeVar("News")
Progress = TypeVar("Progress")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Progress of training: one epoch is over."""

    epoch: int  #: counted from 1
    epochs: int
    loss: float  #: mean over the epoch's batches
    held_out_loss: float | None  #: the same loss on held-out boxes; None if none are held out
    held_out_ap: float | None  #: average precision at telling held-out particles from background
    #: average precision of picking held-out parts; None after most epochs, see `held_out_figures`
    picking_ap: float | None = None
    labels_complete: bool = True  #: if not, `picking_ap` is a lower bound

    @property
    def is_finite(self) -> bool:
        """Whether all figures are numbers: those of a training that has diverged are not."""
        figures = self.loss, self.held_out_loss, self.held_out_ap, self.picking_ap
        return all(isfinite(figure) for figure in figures if figure is not None)


@dataclass(frozen=True, slots=True)
class BatchesDone:
    """Progress of training within its epochs: so many of all its batches are learnt."""

    done: int
    total: int  #: of all epochs
    epochs: int = 1  #: planned, of equally many batches each

    @property
    def epoch(self) -> int:
        """The epoch that the last batch belongs to, counted from 1."""
        return -(-self.done * self.epochs // self.total)

    @property
    def per_epoch(self) -> int:
        """How many batches an epoch has."""
        return self.total // self.epochs


@dataclass(frozen=True, slots=True)
class MicrographRead:
    """Progress of reading: one micrograph of the joined training set is prepared."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TilesDone:
    """Progress of scoring a micrograph, or several in a training: so many tiles are scored."""

    done: int
    total: int
    #: what is known by now, 0 elsewhere; positions as in what is returned at the end
    so_far: ScoreMap | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class BoxSizesTried:
    """Progress of proposing a box: so many sizes are tried on one micrograph."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class BoxesCompared:
    """Progress of comparing boxes: the network has looked at so many of all; 0: not known yet."""

    done: int
    total: int


def never() -> bool:
    """Whether to stop a job that nobody asks to stop: no."""
    return False


def without_batches(
    job: Generator[BatchesDone | TilesDone | Progress, None, Result],
) -> Generator[Progress, None, Result]:
    """The same job, whose progress is told by epochs alone."""
    return passed_on(job, lambda news: None if isinstance(news, BatchesDone | TilesDone) else news)


def unless_stopped(
    job: Generator[Progress, None, Result], stop: Callable[[], bool]
) -> Generator[Progress, None, Result | None]:
    """The same job, given up where `stop`, which is asked after each step, is true: then None."""
    while True:
        try:
            progress = next(job)
        except StopIteration as end:
            result: Result = end.value
            return result
        if stop():
            job.close()
            return None
        yield progress


def passed_on(
    job: Generator[News, None, Result], progress_of: Callable[[News], Progress | None]
) -> Generator[Progress, None, Result]:
    """The same job, of whose news others are told, or nothing where that is None."""
    while True:
        try:
            news = next(job)
        except StopIteration as end:
            result: Result = end.value
            return result
        progress = progress_of(news)
        if progress is not None:
            yield progress


def finish(
    job: Generator[Progress, None, Result], on_progress: Callable[[Progress], object] | None = None
) -> Result:
    """The result of a job, which is run to its end; `on_progress` is given all that it yields."""
    while True:
        try:
            progress = next(job)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_progress is not None:
            on_progress(progress)
