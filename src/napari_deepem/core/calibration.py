"""Where to cut: the F2 threshold and the range of standard deviations of a trained network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .examples import Field, cut_boxes
from .jobs import finish
from .metrics import MATCH_RADIUS_BOXES, Evaluation, evaluate
from .network import Network
from .picking import find_candidates, select_picks
from .scoring import score_prepared
from .types import Picks

THRESHOLD_WITHOUT_HELD_OUT = 0.5  # where a sigmoid is undecided
STD_SPREADS = 5.0  # particles vary in orientation and ice; carbon and crystals lie further out
LEAST_STD_SPREAD = 0.05  # of the median: a handful of labels can't show how particles vary


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
    """The range of box standard deviations that labelled particles, and hardly others, have.

    Five robust standard deviations to either side of the median of all labelled particles.
    """
    boxes = cut_boxes(fields, [field.positive_yx for field in fields], box_px)
    stds = boxes.std(axis=(1, 2), dtype=np.float64)
    middle = float(np.median(stds))
    spread = 1.4826 * float(np.median(np.abs(stds - middle)))
    reach = STD_SPREADS * max(spread, LEAST_STD_SPREAD * middle)
    return max(0.0, middle - reach), middle + reach
