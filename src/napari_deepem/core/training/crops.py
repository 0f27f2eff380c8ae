"""Boxes cut out of prepared micrographs, and places for boxes that hold no particle.

Here positions are in network pixels. A box of n pixels centred on c has its corner at
ceil(c - n / 2): for whole c that is c - n // 2 (EMAN, RELION), and the box's middle,
corner + (n - 1) / 2, is never more than half a pixel away from c. Boxes over the border see 0, the
median of a prepared micrograph, there: a mirror image would make two of a cut particle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.types import Float32Array, FloatArray

DRAWS_BEFORE_GIVING_UP = 200


def box_corners(centres_yx: FloatArray, box_px: int) -> NDArray[np.int64]:
    """(n, 2) integer corners of the boxes centred on (n, 2) positions."""
    return np.ceil(centres_yx - box_px / 2).astype(np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class PaddedImage:
    """A prepared micrograph with a margin of 0, from which boxes can be cut anywhere."""

    pixels: Float32Array  # (h + 2 * margin, w + 2 * margin)
    margin: int  # pixels added on every side
    shape: tuple[int, int]  # (h, w) of the micrograph itself

    @classmethod
    def of(cls, image: Float32Array, box_px: int) -> PaddedImage:
        """An (h, w) image padded far enough for boxes centred up to its edges and beyond."""
        margin = box_px
        height, width = image.shape
        return cls(np.pad(image, margin, mode="constant"), margin, (height, width))

    def cut(self, corners: NDArray[Any], box_px: int) -> Float32Array:
        """(n, box, box) float32 crops with (n, 2) integer corners, copied."""
        windows = sliding_window_view(self.pixels, (box_px, box_px))
        highest = np.array(windows.shape[:2]) - 1
        rows, cols = np.clip(corners + self.margin, 0, highest).T
        return np.ascontiguousarray(windows[rows, cols])

    def cover(
        self, corner_rows: NDArray[Any], corner_cols: NDArray[Any], box_px: int
    ) -> Float32Array:
        """The part that holds the boxes with corners in these rising rows and columns; a view."""
        top, left = corner_rows[0] + self.margin, corner_cols[0] + self.margin
        bottom, right = (last[-1] + self.margin + box_px for last in (corner_rows, corner_cols))
        return self.pixels[top:bottom, left:right]


def draw_negatives(
    shape: tuple[int, int],
    positive_yx: FloatArray,
    away_px: float,
    count: int,
    rng: np.random.Generator,
    cols: tuple[float, float] | None = None,
) -> FloatArray:
    """Box centres drawn uniformly over the image, none within `away_px` of a particle.

    Parameters
    ----------
    shape : (height, width) of the image
    positive_yx : (n, 2) array of particle centres
    away_px : float
        Distance that is kept from every particle.
    count : int
        How many centres to draw.
    rng : numpy Generator
    cols : (low, high), optional
        Columns to stay within; all by default.

    Returns
    -------
    (count, 2) array of centres, row then column; all lengths in the pixels of `shape`.

    Raises
    ------
    InputError
        If the particles leave no room.
    """
    low, high = cols if cols is not None else (0.0, shape[1] - 1.0)
    drawn: list[FloatArray] = [np.empty((0, 2))]
    missing = count
    for _ in range(DRAWS_BEFORE_GIVING_UP):
        if missing <= 0:
            break
        centres = rng.uniform((0.0, low), (shape[0] - 1.0, high), size=(2 * missing + 16, 2))
        centres = centres[nearest_distances(centres, positive_yx) > away_px]
        drawn.append(centres[:missing])
        missing -= len(drawn[-1])
    if missing > 0:
        raise InputError(
            "no place is left for negatives: the labelled particles cover the whole micrograph; "
            "mark non-particles, use a smaller box, or add a micrograph with some empty ice"
        )
    return np.concatenate(drawn)


def quarter_turns(crops: Float32Array) -> Float32Array:
    """(4 * n, box, box): all crops, then all turned by 90, 180 and 270 degrees (Fig. 2)."""
    return np.concatenate([np.rot90(crops, k, axes=(1, 2)) for k in range(4)])


def flip_and_turn(crops: Float32Array, rng: np.random.Generator) -> Float32Array:
    """(n, box, box) crops, each in one of its eight orientations by chance."""
    orientations = rng.integers(8, size=len(crops))
    turned = np.empty_like(crops)
    for orientation in range(8):
        chosen = orientations == orientation
        rotated = np.rot90(crops[chosen], orientation % 4, axes=(1, 2))
        turned[chosen] = rotated[:, :, ::-1] if orientation >= 4 else rotated
    return turned
