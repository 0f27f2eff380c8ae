"""The selection in a gallery: as in a list of files, whatever the number of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt

FAR = 10**9
STEPS = {  # by rows, lines and pages
    Qt.Key.Key_Left: (-1, 0, 0),
    Qt.Key.Key_Right: (1, 0, 0),
    Qt.Key.Key_Up: (0, -1, 0),
    Qt.Key.Key_Down: (0, 1, 0),
    Qt.Key.Key_PageUp: (0, 0, -1),
    Qt.Key.Key_PageDown: (0, 0, 1),
    Qt.Key.Key_Home: (-FAR, 0, 0),
    Qt.Key.Key_End: (FAR, 0, 0),
}


class GallerySelection:
    """The rows that are selected, as a mask, and the one that the user was at last."""

    def __init__(self) -> None:
        self.begin(0)

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The (n,) selected rows, rising."""
        return np.flatnonzero(self.mask)

    def begin(self, count: int) -> None:
        """Begin anew with so many rows, none of them selected."""
        self.mask: NDArray[np.bool_] = np.zeros(count, dtype=bool)
        self.current: int | None = None
        self._anchor = 0  # where a stretch begins
        self._before = self.mask  # the mask as it was when a rubber band began

    def click(self, row: int, *, toggles: bool = False) -> None:
        """Select a row alone; one that `toggles` joins the others, or leaves them."""
        if toggles:
            self.mask[row] = not self.mask[row]
        else:
            self.mask[:] = False
            self.mask[row] = True
        self.current = self._anchor = row

    def extend(self, row: int) -> None:
        """Select the stretch from the row that was clicked last to this one."""
        first, last = sorted((self._anchor, row))
        self.mask[:] = False
        self.mask[first : last + 1] = True
        self.current = row

    def step(self, by: int, *, extends: bool = False) -> int:
        """Go on from where the user was at last, by so many rows; returns the row."""
        row = 0 if self.current is None else min(max(self.current + by, 0), len(self) - 1)
        if extends:
            self.extend(row)
        else:
            self.click(row)
        return row

    def only(self, rows: NDArray[np.int64]) -> None:
        """Select just these rows."""
        self.mask[:] = False
        self.mask[rows] = True
        self.current = int(rows[-1]) if len(rows) else None
        self._anchor = int(rows[0]) if len(rows) else 0

    def begin_band(self, *, keeps: bool) -> None:
        """Begin a rubber band, which `keeps` what is selected or lets go of it."""
        self._before = self.mask.copy() if keeps else np.zeros_like(self.mask)

    def band(self, rows: NDArray[np.int64]) -> None:
        """Select what a rubber band touches, on top of what was kept when it began."""
        self.mask[:] = self._before
        self.mask[rows] = True
        if len(rows):
            self.current = int(rows[-1])
