from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from blobs import BOX_PX, blob_sample
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import dataset, learners
from napari_deepem.core.training.crops import box_corners
from napari_deepem.core.training.dataset import Field, cut_boxes, hold_out, prepare_fields
from napari_deepem.core.training.learners import Learner, ModernLearner, PaperLearner
from napari_deepem.core.training.recipes import DEEPEM2017, MODERN, Recipe
from napari_deepem.core.types import Float32Array, FloatArray, Labels, Micrograph
from networks import layers_of, lively_network

ParameterList = list[FloatArray]  # weights and biases of C1, C3, C5 and the output, in turn


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def fields_of(*seeds: int, negatives: object = ()) -> list[Field]:
    micrographs, labels = blob_sample(*seeds)
    marked = [Labels.of(some.positive_yx, negatives) for some in labels]
    return prepare_fields(micrographs, marked, BOX_PX, Sampling(1))


def parameters_of(network: Network) -> ParameterList:
    return [
        values.detach().numpy().astype(np.float64)
        for layer in layers_of(network)
        for values in layer.parameters()
    ]


def test_loss_of_the_modern_recipe_is_cross_entropy() -> None:
    outputs = np.array([0.9, 0.2])
    logits = torch.from_numpy(np.log(outputs / (1 - outputs)))
    loss = ModernLearner.loss(logits, torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert float(loss) == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)


class Shown:
    """Notes the centres of all boxes that a learner cuts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.centres: list[FloatArray] = []
        monkeypatch.setattr(learners, "cut_boxes", self)
        monkeypatch.setattr(dataset, "cut_boxes", self)

    def __call__(
        self, fields: Sequence[Field], centres_yx: Sequence[FloatArray], box_px: int
    ) -> Float32Array:
        self.centres.append(np.concatenate([np.empty((0, 2)), *centres_yx]))
        return cut_boxes(fields, centres_yx, box_px)


def distances_to(centres_yx: FloatArray, others_yx: FloatArray) -> FloatArray:
    """(n,) distance of each of (n, 2) centres to the nearest of (m, 2) others."""
    return np.asarray(np.linalg.norm(centres_yx[:, None] - others_yx[None], axis=2).min(axis=1))


def test_modern_batches_are_half_particles_half_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (field,) = fields_of(1)
    shown = Shown(monkeypatch)
    recipe = replace(MODERN, batches_per_epoch=4)
    ModernLearner(Architecture.for_box(24), [field], recipe, rng(), 1).run_epoch()
    near = distances_to(np.concatenate(shown.centres), field.positive_yx)
    jitter = np.sqrt(2) * MODERN.jitter * BOX_PX
    particles = near <= jitter
    assert particles.sum() == (~particles).sum() == 4 * MODERN.batch_size // 2
    assert near[~particles].min() > MODERN.background_distance * BOX_PX
    assert len(np.unique(near[particles])) > 100  # never the same crop twice


@pytest.mark.parametrize(("per_positive", "particles"), [(3.0, 16), (1.0, 32), (0.5, 43)])
def test_modern_batches_have_the_recipes_share_of_negatives(
    monkeypatch: pytest.MonkeyPatch, per_positive: float, particles: int
) -> None:
    (field,) = fields_of(1)
    shown = Shown(monkeypatch)
    recipe = replace(
        MODERN, batches_per_epoch=2, batch_size=64, negatives_per_positive=per_positive
    )
    ModernLearner(Architecture.for_box(24), [field], recipe, rng(), 1).run_epoch()
    near = distances_to(np.concatenate(shown.centres), field.positive_yx)
    assert len(near) == 2 * 64
    assert (near <= np.sqrt(2) * MODERN.jitter * BOX_PX).sum() == 2 * particles


def test_marked_negatives_are_half_of_the_background_if_there_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marked = rng(2).uniform(5, 100, (9, 2))
    for n_marked, share in ((9, 0.5), (3, 1 / 3), (0, 0.0)):
        (field,) = fields_of(1, negatives=marked[:n_marked])
        shown = Shown(monkeypatch)
        recipe = replace(MODERN, batches_per_epoch=3)
        ModernLearner(Architecture.for_box(24), [field], recipe, rng(), 1).run_epoch()
        centres = np.concatenate(shown.centres)
        found = sum(int((centres == negative).all(axis=1).sum()) for negative in marked)
        assert found == round(3 * MODERN.batch_size // 2 * share)


@pytest.mark.parametrize("recipe", [MODERN, DEEPEM2017], ids=lambda recipe: recipe.name)
def test_training_never_sees_a_pixel_of_the_held_out_strip(
    monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> None:
    box_px = 64
    micrograph = Micrograph(rng().normal(size=(90, 400)).astype(np.float32), "m")
    columns = [*range(4, 213, 16), 236, 268, 300, 340, 350, 370, 390]  # 268 is the cut
    labels = Labels.of([[45.0, col] for col in columns])
    fields = prepare_fields([micrograph], [labels], box_px, Sampling(1))
    (left,), (right,) = hold_out(fields, box_px, rng())
    shown = Shown(monkeypatch)
    architecture = Architecture.for_box(box_px)
    if recipe is MODERN:
        short = replace(recipe, batches_per_epoch=4, batch_size=32)
        ModernLearner(architecture, [left], short, rng(), 1).run_epoch()
    else:
        PaperLearner(architecture, [left], recipe, rng())
    seen = box_corners(np.concatenate(shown.centres), box_px)[:, 1]
    theirs = box_corners(right.positive_yx, box_px)[:, 1]
    assert left.positive_yx[:, 1].max() == left.cols[1] == 236  # one is as near as may be
    assert seen.max() + box_px - 1 < theirs.min()


def test_modern_network_is_given_without_batch_norm() -> None:
    recipe = replace(MODERN, batches_per_epoch=2)
    learner = ModernLearner(Architecture.for_box(24), fields_of(1), recipe, rng(), 1)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in learner.network.modules())
    learner.run_epoch()
    network = learner.trained()
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert not network.training


@pytest.mark.parametrize("kind", ["modern", "paper"])
def test_trained_network_stays_as_it_is_while_training_goes_on(kind: str) -> None:
    fields = fields_of(1)
    learner: Learner
    if kind == "modern":
        recipe = replace(MODERN, batches_per_epoch=2)
        learner = ModernLearner(Architecture.for_box(24), fields, recipe, rng(), 2)
    else:
        learner = PaperLearner(Architecture.for_box(24), fields, DEEPEM2017, rng())
    learner.run_epoch()
    network = learner.trained()
    before = [values.copy() for values in parameters_of(network)]
    learner.run_epoch()
    for mine, theirs in zip(parameters_of(network), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    now = parameters_of(learner.trained())
    assert not np.array_equal(now[0], before[0])


def test_global_random_state_of_torch_is_left_alone() -> None:
    state = torch.random.get_rng_state()
    recipe = replace(MODERN, batches_per_epoch=1)
    ModernLearner(Architecture.for_box(24), fields_of(1), recipe, rng(), 1).run_epoch()
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(("few", "frozen", "batches"), [(9, 0, 5), (10, 1, 3), (10, 2, 3)])
def test_few_labels_leave_first_layers_as_they_were_and_are_shown_in_fewer_batches(
    few: int, frozen: int, batches: int
) -> None:
    start, fields = lively_network(Architecture.for_box(24)), fields_of(1)  # of nine particles
    before = parameters_of(start)
    recipe = replace(MODERN, batch_norm=False, batches_per_epoch=5, few=few, share_of_few=0.6)
    recipe = replace(recipe, frozen_of_few=max(1, frozen))
    learner = ModernLearner(start.architecture, fields, recipe, rng(), 1, start)
    assert len(list(learner.learn_batches())) == learner.batches_per_epoch == batches
    kept = [
        np.array_equal(mine, theirs)
        for mine, theirs in zip(parameters_of(learner.trained()), before, strict=True)
    ]
    assert kept == [True] * 2 * frozen + [False] * (8 - 2 * frozen)  # weights and biases
    on = ModernLearner(start.architecture, fields, MODERN, rng(), 1, learner.trained())
    assert all(parameter.requires_grad for parameter in on.network.parameters())
