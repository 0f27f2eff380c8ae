"""Networks with random weights whose scores differ from box to box."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch
from torch import nn

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling


def layers_of(network: Network) -> list[nn.Conv2d]:
    """C1, C3, C5 and the output unit."""
    layers = [*network.convolutions, network.output]
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)]


def random_network(
    architecture: Architecture, seed: int = 0, *, batch_norm: bool = False
) -> Network:
    """Torch's own initial weights, from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(architecture, batch_norm=batch_norm).eval()


def lively_network(architecture: Architecture, seed: int = 0) -> Network:
    """The paper's initial weights, strengthened until noise gets logits of mean 0 and spread 0.5.

    As they are, all boxes of noise score alike to 1e-4: any two ways of scoring would agree.
    Strengthening magnifies float32 rounding: at this spread, dense and single scores of the KLH
    preset differ by 9e-6, at twice the spread by 1.4e-5, other presets by under 5e-6. Trained
    networks, of both recipes, agree to 5e-8.
    """
    return copy.deepcopy(_lively_network(architecture, seed))


@cache
@torch.no_grad()
def _lively_network(architecture: Architecture, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    network = Network(architecture).eval()
    network.initialise_as_paper(rng)
    box_px = architecture.box_px
    maps = torch.from_numpy(rng.normal(size=(8, 1, box_px, box_px)).astype(np.float32))
    for convolve, pool in zip(layers_of(network), network.pools, strict=False):
        assert convolve.bias is not None
        response = convolve(maps)
        gain = 2.0 / response.std(dim=(0, 2, 3))
        convolve.weight.mul_(gain[:, None, None, None])
        convolve.bias.copy_(-gain * response.mean(dim=(0, 2, 3)))
        maps = pool(network.activation(convolve(maps)))
    logits = network.output(maps)
    assert network.output.bias is not None
    network.output.weight.mul_(0.5 / logits.std())
    network.output.bias.copy_(-0.5 * logits.mean() / logits.std())
    return network


def lively_model(box_px: int) -> Model:
    """A model of such a network for unbinned boxes, at 2 A/px."""
    return Model(
        network=lively_network(Architecture.for_box(box_px)),
        recipe="modern",
        box_size_px=box_px,
        sampling=Sampling(1),
        pixel_size=2.0,
        threshold=0.6,
        std_range=(0.5, 1.4),
    )
