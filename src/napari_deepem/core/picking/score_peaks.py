"""The peaks of a score map: how wide each is. That of a large thing is wider than a particle's."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.picking.candidates import smooth_scores
from napari_deepem.core.types import FloatArray, ScoreMap

DIRECTIONS = 8
SAMPLES_A_STEP = 2  # along a direction, of the map's step
REACH_BOXES = 1.0  # a peak that is wider than twice this is told as that wide


def peak_widths(score_map: ScoreMap, centres_yx: FloatArray) -> FloatArray:
    """(n,) widths at half height of the peaks at (n, 2) places, original pixels.

    From the middle of a peak the score falls; the width is twice the mean of the distances, along
    eight directions, at which it is half of what it is in the middle. The scores are smoothed as
    those of candidates are, see `smooth_scores`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import ScoreMap
    >>> from napari_deepem.core.picking.score_peaks import peak_widths
    >>> scores = np.zeros((9, 9), dtype=np.float32)
    >>> scores[4, 4] = 1.0
    >>> score_map = ScoreMap(scores, np.ones_like(scores), origin_px=0, step_px=8, box_size_px=32)
    >>> peak_widths(score_map, np.array([[32.0, 32.0]])).round(1)
    array([7.4])
    """
    scores = smooth_scores(score_map)
    middles_yx = (centres_yx - score_map.origin_px) / score_map.step_px
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    aside_yx = np.stack([np.sin(angles), np.cos(angles)], axis=1)  # (d, 2)
    reach = REACH_BOXES * score_map.box_size_px / score_map.step_px
    distances = np.arange(0.0, reach + 1 / SAMPLES_A_STEP, 1 / SAMPLES_A_STEP)  # (k,) grid steps
    places_yx = middles_yx[:, None, None] + aside_yx[:, None] * distances[:, None]  # (n, d, k, 2)
    heights = scipy.ndimage.map_coordinates(scores, np.moveaxis(places_yx, -1, 0), order=1)
    radii = _first_below(heights, heights[..., :1] / 2) / SAMPLES_A_STEP
    return np.asarray(2 * radii.mean(axis=1) * score_map.step_px, dtype=np.float64)


def _first_below(heights: NDArray[Any], level: NDArray[Any]) -> FloatArray:
    """(...) fractions of an index at which (..., k) heights first fall below (..., 1) levels."""
    is_below = heights < level
    is_below[..., -1] = True  # at the latest
    after = np.maximum(is_below.argmax(axis=-1), 1)[..., None]
    low, high = (np.take_along_axis(heights, at, axis=-1) for at in (after, after - 1))
    fall = np.maximum(high - low, 1e-12)
    part = np.clip((high - level) / fall, 0.0, 1.0)
    return np.asarray((after - 1 + part)[..., 0])
