"""Candidates: the local maxima of a score map."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.types import Candidates, Float32Array, FloatArray, ScoreMap


def find_candidates(score_map: ScoreMap) -> Candidates:
    """Every local maximum of a score map, and of the same smoothed if the map says how far.

    A grid element is a candidate if none of its eight neighbours scores higher. Maxima of the map
    itself tell close neighbours apart, those of the smoothed one lie nearer to weak particles; the
    scores of both are smoothed. Positions are refined below the grid by a parabola through the
    logits of the neighbours, along rows and along columns: scores near 1 are flat where their
    logits still have a peak.
    Elements along the border of the map are none: the maximum next to which they lie may well be
    outside, that of a particle of which the micrograph shows less than half. Nor are those with a
    standard deviation of 0: their boxes centre on padding, where there is no image.

    Parameters
    ----------
    score_map : ScoreMap

    Returns
    -------
    Candidates
        Best score first; equal scores in row-major order.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import ScoreMap, find_candidates
    >>> scores = np.zeros((5, 6), dtype=np.float32)
    >>> scores[2, 3] = 0.9
    >>> score_map = ScoreMap(scores, np.ones_like(scores), origin_px=0, step_px=8, box_size_px=64)
    >>> find_candidates(score_map).centres_yx
    array([[16., 24.]])
    """
    smooth = smooth_scores(score_map)
    maps = [smooth] if smooth is score_map.scores else [smooth, score_map.scores]
    peaks_yx = [_peaks(scores, score_map.stds > 0.0) for scores in maps]
    index_yx = np.concatenate(peaks_yx)
    offsets = [
        _parabola_offsets(_logits(scores), peaks)
        for scores, peaks in zip(maps, peaks_yx, strict=True)
    ]
    values = smooth[tuple(index_yx.T)].astype(np.float64)
    order = np.argsort(-values, kind="stable")
    index_yx, values = index_yx[order], values[order]
    centres_yx = score_map.centres_of(index_yx + np.concatenate(offsets)[order])
    if score_map.shape is not None:  # the last boxes' middles may lie beyond the micrograph
        centres_yx = np.clip(centres_yx, 0.0, np.array(score_map.shape) - 1.0)
    return Candidates(
        centres_yx=centres_yx,
        scores=values,
        stds=score_map.stds[tuple(index_yx.T)].astype(np.float64),
        box_size_px=score_map.box_size_px,
    )


def _peaks(scores: Float32Array, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, 2) indices of the local maxima inside the map where allowed, in row-major order."""
    highest_around = scipy.ndimage.maximum_filter(scores, size=3, mode="nearest")
    is_peak = (scores == highest_around) & (scores > 0.0) & allowed
    is_peak[[0, -1], :] = is_peak[:, [0, -1]] = False
    return np.argwhere(is_peak).astype(np.int64)


def smooth_scores(score_map: ScoreMap) -> Float32Array:
    """(rows, cols) scores whose logits are means over a neighbourhood, weighted by a Gaussian.

    As the mean over four rotations does, that over small shifts takes away noise: smoothed scores
    tell better which candidates are particles. How wide the Gaussian is, `score_map.smoothing`, a
    standard deviation in boxes, is chosen on held-out labels (see `calibration.choose_smoothing`);
    0 changes nothing.
    """
    if score_map.smoothing == 0:
        return score_map.scores
    width = score_map.smoothing * score_map.box_size_px / score_map.step_px
    smooth = scipy.special.expit(
        scipy.ndimage.gaussian_filter(_logits(score_map.scores), width, mode="nearest")
    )
    return np.asarray(smooth, dtype=np.float32)


def _logits(scores: Float32Array) -> FloatArray:
    """Logits of scores; in single precision those nearer to 0 or 1 than 1e-7 have none."""
    return np.asarray(scipy.special.logit(np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)))


def _parabola_offsets(heights: FloatArray, index_yx: NDArray[np.int64]) -> FloatArray:
    """(n, 2) offsets, at most half a step, of peaks at (n, 2) indices off the map's border."""
    offsets = np.zeros(index_yx.shape)
    for axis, aside in enumerate(np.eye(2, dtype=np.int64)):
        before, peak, after = (heights[tuple((index_yx + shift * aside).T)] for shift in (-1, 0, 1))
        curvature = before - 2 * peak + after  # negative at a peak, 0 on a plateau
        np.divide(0.5 * (before - after), curvature, out=offsets[:, axis], where=curvature < -1e-12)
    return np.clip(offsets, -0.5, 0.5)
