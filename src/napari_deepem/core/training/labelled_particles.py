"""What labelled particles tell of picks: how near two of them come, and how their boxes vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, neighbour_distances
from napari_deepem.core.training.dataset import Field, cut_boxes

SPACING_SHARE = 0.6  # of the least distance of labelled particles: picks err on both sides
# of picks: in noise a better false one hides particles (70S at SNR 0.005: maximum recall 0.965 at a
# quarter of the box, 0.917 at 0.4, 0.883 at 0.48; average precision 0.745, 0.744, 0.738)
LARGEST_DISTANCE_BOXES = 0.4
ENOUGH_NEIGHBOURS = 15  # labels whose neighbours are labelled too, to tell how near they come
STD_MARGIN = 1.5  # ice thickness and orientations differ more than a few labels can show


def distance_of_labels(fields: Sequence[Field], box_px: int, label_rate: float) -> float | None:
    """The minimum distance of picks that labelled particles suggest; None: a quarter of the box.

    A long or large particle has several maxima in the score map, further apart than a quarter of
    its box: its doubles. No two particles lie nearer than the least distance of labelled ones, so
    more than half of that is safe. Where but a share `label_rate` of the particles bear a label,
    most neighbours do not, and the least distance of labels tells nothing. Lengths are in network
    pixels.
    """
    distances = np.concatenate(
        [neighbour_distances(f.positive_yx) for f in fields] or [np.empty(0)]
    )
    if np.isfinite(distances).sum() * label_rate < ENOUGH_NEIGHBOURS:
        return None
    least_px, most_px = (share * box_px for share in (SAME_PARTICLE_BOXES, LARGEST_DISTANCE_BOXES))
    distance_px = min(SPACING_SHARE * float(distances.min()), most_px)
    return distance_px if distance_px > least_px else None


def particle_std_range(fields: Sequence[Field], box_px: int) -> tuple[float, float]:
    """The range of box standard deviations of all labelled particles, half as wide again.

    Orientations differ in contrast by so much that a range around their mean loses some: in the
    simulated KLH, end-on views have twice the median.
    """
    boxes = cut_boxes(fields, [field.positive_yx for field in fields], box_px)
    stds = boxes.std(axis=(1, 2), dtype=np.float64)
    return float(stds.min() / STD_MARGIN), float(stds.max() * STD_MARGIN)
