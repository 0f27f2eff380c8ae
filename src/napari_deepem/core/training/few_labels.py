"""What few labels teach a network that knew particles before: half of it is kept.

The weights between those before and after training do better than either, on the particles that
were labelled and on others (Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import copy

import torch

from napari_deepem.core.network.network import Network

LEAST_SHARE = 0.5  # of the way to the trained weights
LABELS_HALFWAY = 20  # labelled particles that are worth as much as what was known before


def share_of_training(n_labels: int) -> float:
    """How far the weights are to go from those before training to those after it, 0 to 1."""
    return max(LEAST_SHARE, n_labels / (n_labels + LABELS_HALFWAY))


@torch.no_grad()
def network_between(before: Network, after: Network, share: float) -> Network:
    """A network with weights a share of the way from one to the other, of the same architecture."""
    between = copy.deepcopy(after)
    weights_before = before.state_dict()
    for name, weights in between.state_dict().items():
        weights.copy_(torch.lerp(weights_before[name], weights, share))
    return between
