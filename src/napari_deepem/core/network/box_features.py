"""What a network sees in boxes: by this, boxes are alike to it or not."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_deepem.core.network.network import Network
from napari_deepem.core.types import Float32Array, FloatArray

AT_ONCE = 128  # boxes; their first maps take some 10 MB
RINGS = (0.25, 0.45)  # of a map's side: from the middle to here, to there, and beyond


def box_features(network: Network, crops: Float32Array) -> FloatArray:
    """(n, maps) means of the last maps over (n, box, box) network pixels, in four rotations."""
    side = network.architecture.map_sizes[-1]
    return _means(network, crops, np.ones((1, side, side), dtype=bool))


def ring_features(network: Network, crops: Float32Array) -> FloatArray:
    """(n, 3 * maps) the same of a box's middle, of a ring around that, and of what is outside.

    They tell a particle from what fills the box, or lies beside its middle.
    """
    side = network.architecture.map_sizes[-1]
    down, across = np.indices((side, side)) - (side - 1) / 2
    ring = np.digitize(np.hypot(down, across) / side, RINGS)
    masks = ring == np.arange(len(RINGS) + 1)[:, None, None]
    return _means(network, crops, masks[masks.any(axis=(1, 2))])


@torch.inference_mode()
def _means(network: Network, crops: Float32Array, masks: NDArray[np.bool_]) -> FloatArray:
    """(n, k * maps) means of the last maps where each of (k, rows, cols) masks is true."""
    means = np.zeros((len(crops), len(masks) * network.architecture.maps[-1]))
    shares = torch.from_numpy(masks / masks.sum(axis=(1, 2), keepdims=True)).float()
    for quarter_turns in range(4):
        turned = np.rot90(crops, quarter_turns, axes=(1, 2))
        for first in range(0, len(crops), AT_ONCE):
            part = np.ascontiguousarray(turned[first : first + AT_ONCE])
            maps = network.last_maps(torch.from_numpy(part)[:, None])
            of_masks = torch.einsum("nmij,kij->nkm", maps, shares).flatten(1)
            means[first : first + AT_ONCE] += of_masks.numpy() / 4
    return means
