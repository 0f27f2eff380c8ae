"""Places that look like the labelled particles, told without a network.

The labelled boxes are averaged, and over all angles; where the micrograph correlates with that as
it does at labels, there may be a particle that nobody has labelled. Good enough to draw background
elsewhere, not to pick.
"""

from __future__ import annotations

import numpy as np
import scipy

from napari_deepem.core.training.crops import box_corners
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.types import Float32Array, FloatArray

FEWEST_ALIKE = 3  # labels; the average of fewer is noise
LIKE_A_PARTICLE = 0.5  # of the median correlation at labels
NEIGHBOURHOOD = 0.5  # boxes; within, the best place stands for all
OFF_CENTRE = 0.1  # boxes; clicks err


def resembling(field: Field, box_px: int) -> FloatArray:
    """(n, 2) centres that look like the field's labelled particles, most alike first.

    Network pixels; empty with very few labels, or where they have nothing in common.
    """
    if len(field.positive_yx) < FEWEST_ALIKE:
        return np.empty((0, 2))
    boxes = field.padded.cut(box_corners(field.positive_yx, box_px), box_px)
    likeness = scipy.signal.fftconvolve(
        field.prepared, _disc_average(boxes)[::-1, ::-1], mode="same"
    )
    at_labels = _highest_near(likeness, field.positive_yx, OFF_CENTRE * box_px)
    lowest = LIKE_A_PARTICLE * float(np.median(at_labels))
    if lowest <= 0:
        return np.empty((0, 2))
    side = max(3, round(NEIGHBOURHOOD * box_px))
    peaks = (likeness == scipy.ndimage.maximum_filter(likeness, side)) & (likeness >= lowest)
    centres_yx = np.argwhere(peaks).astype(np.float64)
    return centres_yx[np.argsort(-likeness[peaks], kind="stable")]


def _disc_average(boxes: Float32Array) -> Float32Array:
    """(box, box) average of (n, box, box) boxes over them and all angles; its sum is 0."""
    average = boxes.mean(axis=0)
    side = average.shape[0]
    away = np.hypot(*(np.indices(average.shape) - (side - 1) / 2))
    inside = away <= side / 2
    rings = away.astype(np.int64)
    counts = np.maximum(np.bincount(rings.ravel()), 1)
    profile = np.bincount(rings.ravel(), average.ravel()) / counts
    disc = np.where(inside, profile[rings], 0.0)
    disc[inside] -= disc[inside].mean()
    return np.asarray(disc, dtype=np.float32)


def _highest_near(likeness: Float32Array, centres_yx: FloatArray, reach_px: float) -> FloatArray:
    highest = scipy.ndimage.maximum_filter(likeness, 2 * round(reach_px) + 1)
    rows, cols = np.clip(np.rint(centres_yx).astype(int), 0, np.array(likeness.shape) - 1).T
    return np.asarray(highest[rows, cols], dtype=np.float64)
