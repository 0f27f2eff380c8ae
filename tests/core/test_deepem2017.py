"""`deepem2017` against the paper as written out in tests/paper.py."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats

import paper
from blobs import BOX_PX, blob_sample
from napari_deepem.core.network.architecture import TABLE_1, Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.training.dataset import Field, cut_boxes, prepare_fields
from napari_deepem.core.training.learners import PaperLearner
from napari_deepem.core.training.recipes import DEEPEM2017
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Labels, Micrograph
from networks import layers_of
from simulated import simulated_micrograph

SMALL = Architecture.for_box(BOX_PX)  # sigmoid and 6, 12, 12 maps, as Table 1's
PRESETS = pytest.mark.parametrize("name", TABLE_1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def paper_weights(architecture: Architecture, seed: int = 0) -> paper.Weights:
    return paper.initial_weights(
        architecture.box_px, architecture.kernels, architecture.pools, rng(seed)
    )


def weights_of(network: Network) -> paper.Weights:
    return [
        values.detach().numpy().astype(np.float64)
        for layer in layers_of(network)
        for values in layer.parameters()
    ]


@torch.no_grad()
def set_weights(network: Network, weights: paper.Weights) -> None:
    for mine, theirs in zip(network.parameters(), weights, strict=True):
        mine.copy_(torch.from_numpy(theirs))


@PRESETS
def test_initial_weights_are_those_of_the_paper(name: str) -> None:
    network = Network(TABLE_1[name])
    network.initialise_as_paper(rng(5))
    for mine, theirs in zip(weights_of(network), paper_weights(TABLE_1[name], 5), strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(np.float32))


@PRESETS
def test_initial_weights_are_uniform_within_the_toolboxs_bounds(name: str) -> None:
    architecture = TABLE_1[name]
    network = Network(architecture)
    network.initialise_as_paper(rng())
    (k1, k3, k5), s6 = architecture.kernels, architecture.map_sizes[-1]
    fans = [  # in, out: maps times kernel area; the output unit has one out
        (1 * k1**2, 6 * k1**2),
        (6 * k3**2, 12 * k3**2),
        (12 * k5**2, 12 * k5**2),
        (12 * s6**2, 1),
    ]
    for layer, (fan_in, fan_out) in zip(layers_of(network), fans, strict=True):
        reach = np.sqrt(6 / (fan_in + fan_out))
        weights = layer.weight.detach().numpy().ravel()
        assert np.abs(weights).max() <= reach
        assert stats.kstest(weights, stats.uniform(-reach, 2 * reach).cdf).pvalue > 0.01
        assert layer.bias is not None
        assert not layer.bias.detach().numpy().any()


@cache
def noise_field(name: str) -> Field:
    """A micrograph of noise with one particle and one marked negative in boxes of a preset."""
    micrograph = Micrograph(rng(1).normal(size=(300, 310)), name)
    labels = Labels.of([[140.0, 150.0]], [[160.0, 140.0]])
    (field,) = prepare_fields([micrograph], [labels], TABLE_1[name].box_px, Sampling(1))
    return field


@cache
def outputs_and_step(name: str) -> tuple[paper.Array, paper.Weights]:
    """What the paper answers to both boxes of a noise field, and its weights after a step."""
    field, architecture = noise_field(name), TABLE_1[name]
    boxes = cut_boxes([field, field], [field.positive_yx, field.negative_yx], architecture.box_px)
    crops = boxes.astype(np.float64)
    weights = paper_weights(architecture)
    outputs, _, _ = paper.forward(crops, weights, architecture.pools)
    return outputs, paper.step(crops, np.array([1.0, 0.0]), weights, architecture.pools)


@pytest.mark.parametrize(
    ("name", "dtype", "tolerance"),
    [
        *((name, torch.float32, 1e-6) for name in TABLE_1),
        *((name, torch.float64, 1e-12) for name in ("19s", "inflammasome")),  # KLH takes gigabytes
    ],
    ids=str,
)
def test_training_step_of_any_preset_is_that_of_the_paper(
    name: str, dtype: torch.dtype, tolerance: float
) -> None:
    expected_outputs, expected_weights = outputs_and_step(name)
    start = paper_weights(TABLE_1[name])
    learner = PaperLearner(TABLE_1[name], [noise_field(name)], DEEPEM2017, rng())
    learner.network.to(dtype)
    set_weights(learner.network, start)
    # the boxes as they are: rotated ones come below
    learner._crops, learner._targets = learner._crops[:2].to(dtype), learner._targets[:2].to(dtype)
    with torch.no_grad():
        outputs = torch.sigmoid(learner.network(learner._crops))[:, 0, 0]
    np.testing.assert_allclose(outputs, expected_outputs, rtol=0, atol=tolerance)
    loss = learner.run_epoch()
    assert abs(loss - paper.loss(expected_outputs, np.array([1.0, 0.0]))) <= tolerance
    found = weights_of(learner.network)
    for mine, theirs, before in zip(found, expected_weights, start, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance)
        assert np.abs(theirs - before).max() > 10 * tolerance  # a step that goes somewhere


@pytest.fixture(scope="module")
def blobs() -> Field:
    """A micrograph with nine particles and nine marked negatives."""
    micrographs, labels = blob_sample(1)
    marked = rng(2).uniform(5, 100, (9, 2))
    (field,) = prepare_fields(
        micrographs, [Labels.of(labels[0].positive_yx, marked)], BOX_PX, Sampling(1)
    )
    return field


def training_set(field: Field) -> tuple[paper.Array, paper.Array]:
    """Every box and its three rotations, and the targets: 72 examples."""
    boxes = cut_boxes([field, field], [field.positive_yx, field.negative_yx], BOX_PX)
    targets = np.repeat([1.0, 0.0], 9)
    return np.concatenate(paper.rotations(boxes.astype(np.float64))), np.tile(targets, 4)


def test_training_set_has_every_box_in_four_rotations(blobs: Field) -> None:
    learner = PaperLearner(SMALL, [blobs], DEEPEM2017, rng())
    crops, targets = training_set(blobs)
    np.testing.assert_array_equal(learner._crops[:, 0], crops)
    np.testing.assert_array_equal(learner._targets, targets)


def test_one_step_on_the_training_set_is_that_of_the_paper(blobs: Field) -> None:
    learner = PaperLearner(SMALL, [blobs], replace(DEEPEM2017, batch_size=72), rng())
    before = weights_of(learner.network)
    learner.run_epoch()
    expected = paper.step(*training_set(blobs), before, SMALL.pools)
    for mine, theirs in zip(weights_of(learner.network), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def test_epoch_sees_every_example_once(blobs: Field) -> None:
    still = replace(DEEPEM2017, batch_size=24, learning_rate=0.0)
    learner = PaperLearner(SMALL, [blobs], still, rng())
    crops, targets = training_set(blobs)
    outputs, _, _ = paper.forward(crops, weights_of(learner.network), SMALL.pools)
    for _ in range(2):
        assert learner.run_epoch() == pytest.approx(paper.loss(outputs, targets), abs=1e-6)


def test_recipe_says_what_the_paper_says() -> None:
    recipe = DEEPEM2017
    assert (recipe.activation, recipe.maps, recipe.batch_norm) == ("sigmoid", paper.MAPS, False)
    assert (recipe.learning_rate, recipe.negatives_per_positive) == (paper.RATE, 1.0)
    assert (recipe.jitter, recipe.contrast_jitter, recipe.label_smoothing) == (0, 0, 0)


STEP_PX = 20  # in original pixels; 5 of those that the network sees


def test_scan_every_20_px_is_the_recognition_of_the_paper() -> None:
    simulated = simulated_micrograph()
    labels = [Labels.of(simulated.truth_yx)]
    model = train(
        [simulated.micrograph], labels, SAMPLE_BOX_PX, binning=4, recipe="deepem2017", epochs=60
    )
    architecture = model.network.architecture
    prepared = prepare_micrograph(simulated.micrograph, SAMPLE_BOX_PX, Sampling(4)).astype(
        np.float64
    )
    scores, stds = paper.scan(
        prepared, weights_of(model.network), architecture.pools, architecture.box_px, STEP_PX // 4
    )
    found = score(simulated.micrograph, model, step_px=STEP_PX)
    first = round(((SAMPLE_BOX_PX - 1) / 2 - found.origin_px) / STEP_PX)  # whole boxes begin here
    whole = tuple(slice(first, first + count) for count in scores.shape)
    np.testing.assert_allclose(found.scores[whole], scores, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.stds[whole], stds, rtol=0, atol=1e-4)
    assert np.ptp(scores) > 0.5

    picks = select_picks(
        find_candidates(found),
        threshold=model.threshold,
        std_range=model.std_range,
        min_distance_px=0,
    )
    elements = np.rint((picks.centres_yx - found.origin_px) / STEP_PX).astype(int) - first
    is_inside = ((elements >= 1) & (elements < np.array(scores.shape) - 1)).all(axis=1)
    expected = paper.pick(scores, stds, model.threshold, model.std_range)
    assert {(int(row), int(col)) for row, col in elements[is_inside]} == expected
    assert len(expected) > len(simulated.truth_yx) / 2
