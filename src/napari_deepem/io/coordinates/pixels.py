"""Whole pixels, for formats whose readers cut fractions off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray


def nearest_pixel(centres_yx: FloatArray) -> NDArray[np.int64]:
    """Round (n, 2) positions to the nearest pixel, halves up: no position moves by more than 0.5.

    Unlike numpy's rounding, which takes halves to the even neighbour, this moves all halves alike,
    so distances between them stay; unlike truncation it has no shift on average.
    """
    return np.floor(centres_yx + 0.5).astype(np.int64)
