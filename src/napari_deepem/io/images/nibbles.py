"""Numbers of 4 bits, two in a byte: what cameras that count electrons are saved as."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unpacked(rows: NDArray[np.uint8], width: int, *, low_first: bool) -> NDArray[np.uint8]:
    """(height, width) numbers from 0 to 15 of rows that are packed, each in whole bytes.

    Of two in a byte the left one is the lower half (`low_first`) where IMOD and SerialEM wrote
    them, and the upper half in a TIFF file of 4 bits.
    """
    numbers = np.empty((len(rows), 2 * rows.shape[1]), dtype=np.uint8)
    low, high = (0, 1) if low_first else (1, 0)
    np.bitwise_and(rows, 15, out=numbers[:, low::2])
    np.right_shift(rows, 4, out=numbers[:, high::2])
    return numbers[:, :width]
