"""The peaks of a curve over box sizes, and where it has risen to them."""

from __future__ import annotations

import numpy as np

from napari_deepem.core.types import FloatArray

LESSER = 1.0  # of a logit: peaks that lie this far below the highest are no choices
RISEN = 0.85  # of the way from the lowest strength up to a peak: from there on it is flat, or falls


def peaks_of(log_sizes: FloatArray, heights: FloatArray) -> list[float]:
    """The logarithms of the sizes where a curve peaks, the highest peak first.

    Between sizes a parabola through the three around a peak tells. The smallest and the largest
    size are no peaks, which may well lie beyond them, unless there is no other; nor are peaks far
    below the highest.
    """
    inner = range(1, len(heights) - 1)
    tops = [k for k in inner if heights[k - 1] < heights[k] >= heights[k + 1]]
    peaks = []
    for k in tops:
        square, slope, height = np.polyfit(
            log_sizes[k - 1 : k + 2] - log_sizes[k], heights[k - 1 : k + 2], 2
        )
        offset = -slope / (2 * square)
        peaks.append((float(height + slope * offset / 2), float(log_sizes[k] + offset)))
    if not peaks:
        k = int(np.argmax(heights))
        peaks.append((float(heights[k]), float(log_sizes[k])))
    peaks.sort(reverse=True)
    return [place for height, place in peaks if height > peaks[0][0] - LESSER]


def risen_before(peak: float, log_sizes: FloatArray, strengths: FloatArray) -> float:
    """The logarithm of the last size before a peak where the curve crosses `RISEN` of its rise."""
    top = int(np.argmin(np.abs(log_sizes - peak)))
    rising = strengths[: top + 1]
    level = rising.min() + RISEN * (strengths[max(0, top - 1) : top + 2].max() - rising.min())
    below = np.flatnonzero(rising < level)
    if not len(below) or below[-1] == top:
        return peak
    last = int(below[-1])
    step = slice(last, last + 2)
    return float(np.interp(level, strengths[step], log_sizes[step]))
