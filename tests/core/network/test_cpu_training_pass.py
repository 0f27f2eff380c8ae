"""Held to the plain pass: `Network` itself, differentiated by autograd."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from blobs import BOX_PX, blob_sample
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.cpu_training_pass import as_cells, training_logits
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import learners
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.learners import ModernLearner
from napari_deepem.core.training.recipes import MODERN

CELLS_OF_2 = Architecture(24, (5, 3, 3), (2, 2, 2), (6, 8, 8), "relu")
CELLS_OF_3 = Architecture(37, (5, 2, 2), (3, 2, 2), (4, 5, 6), "relu")  # box no multiple of a cell
NO_CELLS = Architecture(16, (5, 3, 2), (1, 2, 2), (3, 4, 5), "relu")
SIGMOID = replace(CELLS_OF_2, activation="sigmoid")


def network_of(architecture: Architecture, batch_norm: bool) -> Network:
    torch.manual_seed(3)
    network = Network(architecture, batch_norm).train()
    for norm in network.norms:
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 1.0, 0.5)  # some below zero, as training may leave them
            nn.init.normal_(norm.bias, 0.0, 0.5)
    return network


def boxes_of(architecture: Architecture) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(10, 1, architecture.box_px, architecture.box_px, generator=generator)


def differentiate(logits: torch.Tensor) -> None:
    functional.binary_cross_entropy_with_logits(logits, torch.arange(10) / 10).backward()


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("architecture", [CELLS_OF_2, CELLS_OF_3, NO_CELLS, SIGMOID])
def test_logits_gradients_and_statistics_are_those_of_the_plain_pass(
    architecture: Architecture, batch_norm: bool
) -> None:
    plain = network_of(architecture, batch_norm)
    fast, boxes = copy.deepcopy(plain), boxes_of(architecture)
    expected, found = plain(boxes)[:, 0, 0], training_logits(fast, boxes)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    differentiate(expected)
    differentiate(found)
    for (name, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        if mine.grad is None:  # taken away again by batch normalisation
            assert batch_norm
            assert name in {f"convolutions.{layer}.bias" for layer in range(3)}
            assert float(theirs.grad.abs().max()) < 1e-5
        else:
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-5, msg=name)
    for (name, mine), theirs in zip(fast.named_buffers(), plain.buffers(), strict=True):
        if "num_batches" not in name:  # which nothing asks for
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize(("side", "kernel", "cell"), [(9, 4, 2), (12, 4, 3), (10, 5, 1)])
def test_pixels_of_a_cell_become_maps_of_their_own(side: int, kernel: int, cell: int) -> None:
    image, weight = torch.randn(2, 1, side, side), torch.randn(5, 1, kernel, kernel)
    whole = functional.conv2d(image, weight)
    split = functional.conv2d(*as_cells(image, weight, cell))
    for index in range(cell**2):
        pixels = whole[:, :, index // cell :: cell, index % cell :: cell]
        found = split[:, 5 * index : 5 * index + 5]
        torch.testing.assert_close(found, pixels, rtol=1e-4, atol=1e-5)


def straightforward(network: Network, boxes: torch.Tensor) -> torch.Tensor:
    """Autograd through the network, but for biases whose gradients are rounding errors alone.

    AdamW divides gradients by their size and would take these for directions.
    """
    for convolve, norm in zip(network.convolutions, network.norms, strict=True):
        convolve.bias.requires_grad_(not isinstance(norm, nn.BatchNorm2d))
    return network(boxes)[:, 0, 0]


@pytest.mark.parametrize("continued", [False, True])
def test_same_batches_give_the_weights_of_the_straightforward_loop(
    monkeypatch: pytest.MonkeyPatch, continued: bool
) -> None:
    micrographs, labels = blob_sample(1)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    recipe = replace(MODERN, batches_per_epoch=8)
    architecture = replace(Architecture.for_box(BOX_PX), maps=MODERN.maps, activation="relu")
    start = network_of(architecture, batch_norm=False) if continued else None

    def train() -> np.ndarray:
        learner = ModernLearner(architecture, fields, recipe, np.random.default_rng(1), 1, start)
        learner.run_epoch()
        weights = learner.trained().state_dict().values()
        return np.concatenate([values.numpy().ravel() for values in weights])

    found, again = train(), train()
    np.testing.assert_array_equal(found, again)
    monkeypatch.setattr(learners, "training_logits", straightforward)
    expected = train()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert not np.array_equal(found, expected)  # it is another pass
