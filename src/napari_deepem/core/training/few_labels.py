"""What few labels teach a network that knew particles before: half of it is kept.

The weights between those before and after training do better than either, on the particles that
were labelled and on others (Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import score_crops
from napari_deepem.core.training.dataset import Field, cut_boxes

LEAST_SHARE = 0.5  # of the way to the trained weights
LABELS_HALFWAY = 20  # labelled particles that are worth as much as what was known before
UNKNOWN_BELOW = 0.5  # of the threshold: the median of particles that were not known, as white ones


def share_of_training(fields: Sequence[Field], start: Model) -> float:
    """How far the weights are to go from those before training to those after it, 0 to 1.

    All the way where what is labelled on these fields was no particle to the model before.
    """
    centres_yx = [field.positive_yx for field in fields]
    boxes = cut_boxes(fields, centres_yx, start.network.architecture.box_px)
    if np.median(score_crops(boxes, start.network)) < UNKNOWN_BELOW * start.threshold:
        return 1.0
    return max(LEAST_SHARE, len(boxes) / (len(boxes) + LABELS_HALFWAY))


@torch.no_grad()
def network_between(before: Network, after: Network, share: float) -> Network:
    """A network with weights a share of the way from one to the other, of the same architecture."""
    between = copy.deepcopy(after)
    weights_before = before.state_dict()
    for name, weights in between.state_dict().items():
        weights.copy_(torch.lerp(weights_before[name], weights, share))
    return between
