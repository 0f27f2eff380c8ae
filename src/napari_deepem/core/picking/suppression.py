"""Suppression of what is too near to a better one, quick enough for a slider that is dragged.

A loop over all pairs takes a second for 100 000 candidates. Here a batch of the best that are
undecided is decided at once, in arrays, together with all that is near them in a `CellGrid`. Since
each batch drops most of what the next ones would come upon, a few distances are computed for each
candidate, whatever the distance.
"""

from __future__ import annotations

import numpy as np

from napari_deepem.core.picking.cell_grid import MOST_LOOKS, CellGrid, Indices, Mask, starts_of
from napari_deepem.core.types import FloatArray

# Labels that are nearer than this, of a box, are one, written twice: programs round to a pixel, and
# a hand that clicks again lands some pixels off. Of neighbours in the sets that we have, in crowds
# and with particles over each other, none is nearer than 0.34 boxes.
REPEATED_BOXES = 0.1
BATCH_CELLS = 8  # to one of a batch, on average: few of a batch drop each other


def keep_best_apart(centres_yx: FloatArray, min_distance_px: float) -> Mask:
    """(n,) bool: which of (n, 2) centres, best first, are kept, none too near to a better one."""
    kept = np.ones(len(centres_yx), dtype=bool)
    if len(centres_yx) == 0 or min_distance_px <= 0:
        return kept
    undecided = _Undecided(centres_yx, min_distance_px)
    while len(undecided.best):
        batch = undecided.next_batch()
        better, worse = undecided.pairs_of(batch)
        decided = np.zeros(len(undecided.grid.index), dtype=bool)
        decided[batch] = True
        in_batch = decided.take(worse)
        dropped = drop_in_turn(better[in_batch], worse[in_batch], len(decided))
        dropped[worse[~dropped.take(better)]] = True
        kept[undecided.grid.index[dropped]] = False
        undecided.forget(decided | dropped)
    return kept


def once(centres_yx: FloatArray, box_size_px: float) -> FloatArray:
    """(k, 2) positions of (n, 2), the first of those that are one, in their order."""
    return centres_yx[keep_best_apart(centres_yx, REPEATED_BOXES * box_size_px)]


def drop_in_turn(better: Indices, worse: Indices, count: int) -> Mask:
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
    """Centres that are neither kept nor dropped yet, by their places in a grid."""

    def __init__(self, centres_yx: FloatArray, distance: float) -> None:
        self.grid = CellGrid(centres_yx, distance)
        self._distance = distance
        count = len(centres_yx)
        self._few = len(self.grid.counts()) // BATCH_CELLS
        self.best: Indices = np.empty(count, dtype=np.int64)  # (n,) places, best first
        self.best[self.grid.index] = np.arange(count)

    def next_batch(self) -> Indices:
        """(m,) places of the best, in the grid's order; fewer as long as any cell is crowded."""
        of_crowds = MOST_LOOKS // (9 * int(self.grid.counts().max()))
        return np.sort(self.best[: max(1, min(self._few, of_crowds))])

    def pairs_of(self, batch: Indices) -> tuple[Indices, Indices]:
        """(k,) places in the batch, and (k,) of what is worse and too near to them: pairs."""
        grid = self.grid
        starts, lengths = grid.runs_around(grid.cells.take(batch))
        ours, others, squares = grid.look(grid.y.take(batch), grid.x.take(batch), starts, lengths)
        near = np.flatnonzero(np.sqrt(squares, out=squares) < self._distance)
        others, batch = others.take(near), batch.take(ours.take(near))
        worse = grid.index.take(others) > grid.index.take(batch)
        return batch[worse], others[worse]

    def forget(self, decided: Mask) -> None:
        """Remove the centres that are decided."""
        stays = ~decided
        self.best = starts_of(stays).take(self.best[stays.take(self.best)])
        self.grid.keep(np.flatnonzero(stays))
