"""What lies near to what: positions sorted by the cells of a grid.

Cells are as wide as the distance that is asked about: all that is as near lies in 3 x 3 of them,
which are three runs of the sorted positions. A cell is a number among them, in no table, so that
empty ones cost nothing, however far apart the positions lie.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray

MOST_LOOKS = 500_000  # distances computed at once: 8 MB an array, even where all lie in a heap
MOST_AT_ONCE = 100_000
_MOST_ACROSS = 2**30  # so that the number of a cell fits into 64 bits

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


class CellGrid:
    """At least one position, sorted by cells: a *place* is an index into what is sorted."""

    def __init__(self, centres_yx: FloatArray, distance: float) -> None:
        y, x = _axes(centres_yx)
        self._corner_yx = top, left = float(y.min()), float(x.min())
        height, width = float(y.max()) - top, float(x.max()) - left
        # no rounding puts what is near two cells further
        side = max(distance * (1 + 1e-9), max(height, width) / _MOST_ACROSS)
        self._side = side or 1.0  # whatever, of positions that are all equal
        self._rows, self._cols = int(height / self._side) + 1, int(width / self._side) + 1
        self._across = self._cols + 4
        cells = self.cells_of(y, x)
        self.index: Indices = np.argsort(cells)  # (n,) which of the positions lies at each place
        self.cells: Indices = cells.take(self.index)
        self.y, self.x = y.take(self.index), x.take(self.index)

    def counts(self) -> Indices:
        """(k,) how many positions lie in each cell that isn't empty."""
        begins = np.flatnonzero(np.diff(self.cells, prepend=-1))
        return np.diff(begins, append=len(self.cells))

    def keep(self, places: Indices) -> None:
        """Leave out all but (m,) rising places, which are numbered anew."""
        self.index, self.cells = self.index.take(places), self.cells.take(places)
        self.y, self.x = self.y.take(places), self.x.take(places)

    def cells_of(self, y: FloatArray, x: FloatArray) -> Indices:
        """(m,) cells of (m,) positions; those outside lie in a rim, two empty cells wide."""
        rows, cols = (
            np.clip(np.floor((axis - corner) / self._side), -2, count + 1).astype(np.int64) + 2
            for axis, corner, count in zip(
                (y, x), self._corner_yx, (self._rows, self._cols), strict=True
            )
        )
        return rows * self._across + cols

    def runs_around(self, cells: Indices) -> tuple[Indices, Indices]:
        """(m, 3) places where the runs around (m,) cells start, and (m, 3) how long they are."""
        middles = cells + np.array([[-1], [0], [1]]) * self._across
        starts = self.cells.searchsorted(middles - 1).T  # quick, as each row of these rises
        return starts, self.cells.searchsorted(middles + 2).T - starts

    def look(
        self, y: FloatArray, x: FloatArray, starts: Indices, lengths: Indices
    ) -> tuple[Indices, Indices, FloatArray]:
        """What lies in the runs around (m,) positions.

        Returns
        -------
        ours, places, squares
            (k,) each: which of the positions, what lies around it, the square of the distance.
        """
        flat = lengths.ravel()
        places = np.repeat(starts.ravel() - starts_of(flat)[:-1], flat)
        places += np.arange(len(places))
        ours = np.repeat(np.arange(len(y)), lengths[:, 0] + lengths[:, 1] + lengths[:, 2])
        dy, dx = self.y.take(places), self.x.take(places)
        dy -= y.take(ours)
        dx -= x.take(ours)
        dy *= dy
        dx *= dx
        dy += dx
        return ours, places, dy

    def pairs_within(
        self, centres_yx: FloatArray, radius: float
    ) -> Iterator[tuple[Indices, Indices, FloatArray]]:
        """Pairs of (m, 2) positions and those of the grid, no further apart than a radius.

        The radius is no longer than the distance that the grid is made for.

        Yields
        ------
        ours, theirs, distances
            (k,) each, for some of the positions at a time, in their order: an index into them,
            one into those that the grid is made of, and how far these lie apart.
        """
        all_y, all_x = _axes(centres_yx)
        done, count = 0, MOST_AT_ONCE
        while done < len(centres_yx):
            y, x = all_y[done : done + count], all_x[done : done + count]
            cells = self.cells_of(y, x)
            by_cell = np.argsort(cells)  # neighbours one after the other
            starts, lengths = self.runs_around(cells.take(by_cell))
            if lengths.sum() > MOST_LOOKS and count > 1:
                count //= 2
                continue
            ours, places, squares = self.look(y.take(by_cell), x.take(by_cell), starts, lengths)
            near = np.flatnonzero(squares <= radius * radius)
            theirs = self.index.take(places.take(near))
            yield by_cell.take(ours.take(near)) + done, theirs, np.sqrt(squares.take(near))
            done += count
            count = min(2 * count, MOST_AT_ONCE)


def _axes(centres_yx: FloatArray) -> tuple[FloatArray, FloatArray]:
    y, x = (np.ascontiguousarray(axis) for axis in centres_yx.T)
    return y, x


def are_near(centres_yx: FloatArray, others_yx: FloatArray, radius: float) -> Mask:
    """(n,) bool: whether any of (m, 2) others lies no further than a radius from each of (n, 2)."""
    near = np.zeros(len(centres_yx), dtype=bool)
    if len(others_yx):
        for ours, _, _ in CellGrid(others_yx, radius).pairs_within(centres_yx, radius):
            near[ours] = True
    return near


def starts_of(lengths: NDArray[np.int64 | np.bool_]) -> Indices:
    """(n + 1,) starts of runs of (n,) lengths, one after the other, and where the last ends."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts
