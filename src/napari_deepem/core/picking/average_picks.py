"""The average of an image's best picks: it shows where a particle ends, so whether its box fits.

How dark the average is by the distance from its middle tells what one noisy particle does not. The
weights by which it is read are a least-squares fit: to the picks on 113 micrographs that general/
makes of particles by chance, each with five boxes from 0.64 to 1.56 times 1.3 diameters, as
`general/average_weights.py` makes it. It was made with a smaller general network: what it gives
with the one that is there tells the boxes of the development sets no better.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from napari_deepem.core.types import Float32Array, FloatArray

RINGS = 8  # about the middle, each an eighth of a box wide: out to a whole box
MOST_AVERAGED = 64  # picks
# of the rings, from the middle out, and what is added to their sum
WEIGHTS = np.array([-0.36, -0.46, -0.76, -0.04, -0.33, 0.79, 1.06, 1.54])
SMALLER = -0.46


def log_times_larger(prepared: Float32Array, centres_yx: FloatArray, box_px: int) -> float:
    """The logarithm of how many times larger than this box the right one is; 0 without picks.

    Parameters
    ----------
    prepared : (h, w) float32 array
        Network pixels, see `prepare_image`.
    centres_yx : (n, 2) array
        Picks there, the best ones first.
    box_px : int
        Side of the box that they were picked with, network pixels.
    """
    profile = average_profile(prepared, centres_yx, box_px)
    return float(profile @ WEIGHTS + SMALLER) if profile.any() else 0.0


def average_profile(prepared: Float32Array, centres_yx: FloatArray, box_px: int) -> FloatArray:
    """(8,) means over the rings of the average of the best picks, of length 1; 0 without picks.

    Picks whose box reaches over the border do not count.
    """
    half = box_px / 2
    inside = ((centres_yx >= half) & (centres_yx < np.array(prepared.shape) - half)).all(axis=1)
    best_yx = centres_yx[inside][:MOST_AVERAGED]
    if not len(best_yx):
        return np.zeros(RINGS)
    side = 2 * box_px  # around each pick, of which a part may lie beyond the border
    corner_rows, corner_cols = np.ceil(best_yx).astype(int).T  # of the padded image
    crops = sliding_window_view(np.pad(prepared, box_px), (side, side))[corner_rows, corner_cols]
    rows, cols = np.indices((side, side)) - (side - 1) / 2
    rings = (np.hypot(rows, cols) * RINGS / box_px).astype(int).ravel()
    sums = np.bincount(rings, crops.mean(axis=0).ravel())[:RINGS]
    profile = sums / np.bincount(rings)[:RINGS]
    return np.asarray(profile / max(float(np.linalg.norm(profile)), 1e-9))
