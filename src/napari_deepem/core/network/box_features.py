"""What a network sees in boxes: by this, boxes are alike to it or not."""

from __future__ import annotations

import numpy as np
import torch

from napari_deepem.core.network.network import Network
from napari_deepem.core.types import Float32Array, FloatArray

AT_ONCE = 128  # boxes; their first maps take some 10 MB


@torch.inference_mode()
def box_features(network: Network, crops: Float32Array) -> FloatArray:
    """(n, maps) means of the last maps over (n, box, box) network pixels, in four rotations."""
    features = np.zeros((len(crops), network.architecture.maps[-1]))
    for quarter_turns in range(4):
        turned = np.rot90(crops, quarter_turns, axes=(1, 2))
        for first in range(0, len(crops), AT_ONCE):
            part = np.ascontiguousarray(turned[first : first + AT_ONCE])
            maps = network.last_maps(torch.from_numpy(part)[:, None])
            features[first : first + AT_ONCE] += maps.mean(dim=(2, 3)).numpy() / 4
    return features
