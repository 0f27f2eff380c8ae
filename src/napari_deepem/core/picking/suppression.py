"""Suppression of what is too near to a better one, quick enough for a slider that is dragged.

A loop over all pairs takes a second for 100 000 candidates. Here a batch of the best that are
undecided is decided at once, in arrays, together with all that is near them. What is near is found
in a grid of cells as wide as the distance; since each batch drops most of what the next ones would
come upon, a few distances are computed for each candidate, whatever the distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray

BATCH_CELLS = 8  # to one of a batch, on average: few of a batch drop each other
CELLS_EACH = 4  # to one candidate, at most: empty cells cost time too
MOST_LOOKS = 4_000_000  # distances computed at once: 32 MB an array, even where all lie in a heap

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


def keep_best_apart(centres_yx: FloatArray, min_distance_px: float) -> Mask:
    """(n,) bool: which of (n, 2) centres, best first, are kept, none too near to a better one."""
    kept = np.ones(len(centres_yx), dtype=bool)
    if len(centres_yx) == 0 or min_distance_px <= 0:
        return kept
    undecided = _Undecided(centres_yx, min_distance_px)
    while len(undecided.best):
        batch = np.sort(undecided.best[: undecided.batch])  # neighbours one after the other
        better, worse = undecided.pairs_of(batch)
        decided = np.zeros(len(undecided.rank), dtype=bool)
        decided[batch] = True
        in_batch = decided.take(worse)
        dropped = _drop_in_turn(better[in_batch], worse[in_batch], len(decided))
        dropped[worse[~dropped.take(better)]] = True
        kept[undecided.rank[dropped]] = False
        undecided.forget(decided | dropped)
    return kept


def _drop_in_turn(better: Indices, worse: Indices, count: int) -> Mask:
    """(count,) bool: which are dropped, best first, if of every pair only one may stay."""
    dropped = np.zeros(count, dtype=bool)
    while len(worse):
        open_yet = np.zeros(count, dtype=bool)
        open_yet[worse] = True
        stays = ~open_yet.take(better)  # nothing that could drop it is left
        dropped[worse[stays]] = True
        undecided = ~(stays | dropped.take(better) | dropped.take(worse))
        better, worse = better[undecided], worse[undecided]
    return dropped


class _Undecided:
    """Centres that are neither kept nor dropped yet, sorted by the cells of a grid.

    Cells are as wide as the distance, or wider: all that is too near lies in 3 x 3 of them, which
    are three runs of the sorted centres. A *place* is an index into what is sorted.
    """

    def __init__(self, centres_yx: FloatArray, distance: float) -> None:
        count = len(centres_yx)
        y, x = (np.ascontiguousarray(axis) for axis in centres_yx.T)
        (top, height), (left, width) = ((axis.min(), np.ptp(axis)) for axis in (y, x))
        most_cells = CELLS_EACH * count
        side = max(
            distance * (1 + 1e-9),  # no rounding puts what is too near two cells further
            np.sqrt(height * width / most_cells),
            max(height, width) / most_cells,
        )
        rows = ((y - top) / side).astype(np.int64) + 1  # an empty rim all around
        cols = ((x - left) / side).astype(np.int64) + 1
        self._distance, self._across = distance, int(cols.max()) + 2
        cell = rows * self._across + cols
        held = np.bincount(cell, minlength=(int(rows.max()) + 2) * self._across)
        self.batch = max(1, min(len(held) // BATCH_CELLS, MOST_LOOKS // (9 * int(held.max()))))
        self.rank: Indices = np.argsort(cell)  # (n,) index among all, best first
        self.best: Indices = np.empty(count, dtype=np.int64)  # (n,) places, best first
        self.best[self.rank] = np.arange(count)
        self._y, self._x = y.take(self.rank), x.take(self.rank)
        self._cell = cell.take(self.rank)
        self._first = _starts(held)  # (cells + 1,) place of the first centre in or after a cell

    def pairs_of(self, batch: Indices) -> tuple[Indices, Indices]:
        """(k,) places in the batch, and (k,) of what is worse and too near to them: pairs."""
        middles = self._cell.take(batch)[:, None] + np.array([-1, 0, 1]) * self._across
        starts = self._first.take(middles - 1)  # (m, 3)
        lengths = self._first.take(middles + 2) - starts
        counts, runs = lengths[:, 0] + lengths[:, 1] + lengths[:, 2], lengths.ravel()
        others = np.repeat(starts.ravel() - _starts(runs)[:-1], runs)
        others += np.arange(len(others))
        dy, dx = self._y.take(others), self._x.take(others)
        dy -= np.repeat(self._y.take(batch), counts)
        dx -= np.repeat(self._x.take(batch), counts)
        dy *= dy
        dx *= dx
        dy += dx
        near = np.flatnonzero(np.sqrt(dy, out=dy) < self._distance)
        others, batch = others.take(near), np.repeat(batch, counts).take(near)
        worse = self.rank.take(others) > self.rank.take(batch)
        return batch[worse], others[worse]

    def forget(self, decided: Mask) -> None:
        """Remove the centres that are decided."""
        if len(self.best) <= self.batch:  # it was the last
            self.best = self.best[:0]
            return
        stays = ~decided
        place = _starts(stays)
        self.best = place.take(self.best[stays.take(self.best)])
        self._first = place.take(self._first)
        old_places = np.flatnonzero(stays)
        self.rank, self._cell = self.rank.take(old_places), self._cell.take(old_places)
        self._y, self._x = self._y.take(old_places), self._x.take(old_places)


def _starts(lengths: NDArray[np.int64 | np.bool_]) -> Indices:
    """(n + 1,) starts of runs of (n,) lengths, one after the other, and where the last ends."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts
