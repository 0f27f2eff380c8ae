"""The grid of boxes that is scored on an image, and the tiles in which that is done.

All lengths are the prepared image's own, network, pixels.
"""

from __future__ import annotations

from itertools import pairwise, product
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array, FloatArray

if TYPE_CHECKING:
    from napari_deepem.core.network.network import Network  # its class would bring torch

BOXES_TO_A_BOX = 8  # at least so many boxes are scored across one: finer than positions matter
STRIP_ROWS = 256  # of a tile whose sums are taken at once, in double precision


def default_step(network: Network) -> int:
    """The coarsest divisor of the network's own step that is an eighth of a box or less."""
    own = network.architecture.step_px
    finest_needed = network.architecture.box_px // BOXES_TO_A_BOX
    return max(step for step in range(1, own + 1) if own % step == 0 and step <= finest_needed)


def corners_along(side: int, box_px: int, step_px: int) -> NDArray[np.int64]:
    """First pixels of the boxes along a side of the image: multiples of the step, 0 among them.

    Their middles reach from before the first pixel to beyond the last, unless the step is so long
    that such a box would see nothing of the image.
    """
    half = box_px // 2
    first = -min(ceil(half / step_px), (box_px - 1) // step_px)
    last = min(ceil((side - 1 - half) / step_px), (side - 1) // step_px)
    return step_px * np.arange(first, last + 1)


def parts_of(count: int, most: int) -> list[slice]:
    """Slices of `count` items in a row, alike in length and none longer than `most`."""
    ends = np.linspace(0, count, ceil(count / most) + 1).astype(int)
    return [slice(first, end) for first, end in pairwise(ends)]


def cut_window(
    prepared: Float32Array,
    corner_rows: NDArray[np.int64],
    corner_cols: NDArray[np.int64],
    box_px: int,
) -> Float32Array:
    """The part of an image that holds the boxes with these corners, 0 beyond the borders."""
    cut, beyond = [], []
    for corners, side in zip((corner_rows, corner_cols), prepared.shape, strict=True):
        first, end = int(corners[0]), int(corners[-1]) + box_px
        cut.append(slice(max(first, 0), min(end, side)))
        beyond.append((max(-first, 0), max(end - side, 0)))
    return np.pad(prepared[tuple(cut)], beyond)


def stds_of_boxes(tile: Float32Array, box_px: int, step_px: int) -> Float32Array:
    """(rows, cols) standard deviations of the pixels of each box of a grid, by running sums."""
    firsts = [np.arange(0, side - box_px + 1, step_px) for side in tile.shape]
    across = np.empty((2, tile.shape[0], len(firsts[1])))  # sums of values, of squares
    for top in range(0, tile.shape[0], STRIP_ROWS):
        strip = tile[top : top + STRIP_ROWS].astype(np.float64)
        for k, values in enumerate((strip, strip**2)):
            across[k, top : top + STRIP_ROWS] = _sums(values, firsts[1], box_px)
    mean, mean_square = _sums(across.transpose(0, 2, 1), firsts[0], box_px) / box_px**2
    return np.asarray(np.sqrt(np.maximum(mean_square - mean**2, 0.0)).T, dtype=np.float32)


def _sums(values: FloatArray, firsts: NDArray[np.int64], length: int) -> FloatArray:
    """Sums of so many values along the last axis, from each first one on; the first first is 0."""
    running = np.cumsum(values, axis=-1)
    sums = running[..., firsts + length - 1]
    sums[..., 1:] -= running[..., firsts[1:] - 1]
    return sums


def blank_at(
    prepared: Float32Array, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(rows, cols) bool: whether there is no image at and around these pixels, exact zeros."""
    blank, around = np.ones((len(rows), len(cols)), dtype=bool), (-1, 0, 1)
    last_row, last_col = (side - 1 for side in prepared.shape)
    for down, right in product(around, around):
        near = np.ix_((rows + down).clip(0, last_row), (cols + right).clip(0, last_col))
        blank &= prepared[near] == 0.0
    return blank
