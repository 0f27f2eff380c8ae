"""Where to cut: the F2 threshold and the range of standard deviations of a trained network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_deepem.core.examples import Field, cut_boxes
from napari_deepem.core.jobs import finish
from napari_deepem.core.metrics import MATCH_RADIUS_BOXES, Evaluation, evaluate
from napari_deepem.core.network import Network
from napari_deepem.core.picking import find_candidates, select_picks
from napari_deepem.core.scoring import score_prepared
from napari_deepem.core.types import Picks

THRESHOLD_WITHOUT_HELD_OUT = 0.5  # where a sigmoid is undecided
STD_MARGIN = 1.5  # ice thickness and orientations differ more than a few labels can show


def evaluate_held_out(network: Network, fields: Sequence[Field]) -> Evaluation:
    """Pick held-out micrographs, or parts of them, and compare with what is labelled there."""
    box_px = network.architecture.box_px
    picks = [_pick_field(network, field) for field in fields]
    truth = [field.positive_yx for field in fields]
    return evaluate(picks, truth, MATCH_RADIUS_BOXES * box_px)


def _pick_field(network: Network, field: Field) -> Picks:
    """Every candidate in the field's columns that keeps the minimum distance; binned pixels."""
    score_map = finish(score_prepared(field.prepared, network))
    picks = select_picks(find_candidates(score_map), threshold=0.0)
    low, high = field.cols
    inside = (picks.centres_yx[:, 1] >= low) & (picks.centres_yx[:, 1] <= high)
    assert picks.scores is not None
    return Picks(picks.centres_yx[inside], picks.scores[inside], picks.box_size_px)


def particle_std_range(fields: Sequence[Field], box_px: int) -> tuple[float, float]:
    """The range of box standard deviations of all labelled particles, half as wide again.

    Orientations differ in contrast by so much that a range around their mean loses some: in the
    simulated KLH, end-on views have twice the median.
    """
    boxes = cut_boxes(fields, [field.positive_yx for field in fields], box_px)
    stds = boxes.std(axis=(1, 2), dtype=np.float64)
    return float(stds.min() / STD_MARGIN), float(stds.max() * STD_MARGIN)
