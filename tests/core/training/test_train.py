from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from blobs import BOX_PX, blob_micrograph, blob_sample
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.jobs import BatchesDone, EpochDone, TilesDone, finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.picking.scoring import score, score_prepared
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import field_picks
from napari_deepem.core.training import train as train_module
from napari_deepem.core.training.calibration import calibrating
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.epochs import best_epoch
from napari_deepem.core.training.field_picks import FieldScores, ScoredModel
from napari_deepem.core.training.held_out_figures import parts_to_pick
from napari_deepem.core.training.labelled_particles import particle_std_range
from napari_deepem.core.training.learners import Learner
from napari_deepem.core.training.recipes import MODERN, RECIPES
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.thresholds import threshold_of_few
from napari_deepem.core.training.train import (
    make_learner,
    train,
    train_epochs,
    train_fields,
)
from napari_deepem.core.types import Labels, Micrograph
from quick_recipes import shorten_recipes

EPOCHS = {"modern": 3, "deepem2017": 8}


@pytest.fixture(autouse=True, scope="module")
def quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=12, batch_size=32)
        yield


@pytest.fixture(params=EPOCHS, scope="module")
def trained(request: pytest.FixtureRequest) -> tuple[Model, list[EpochDone]]:
    """A model of each recipe, trained on three micrographs, and its progress."""
    progress: list[EpochDone] = []
    micrographs, labels = blob_sample(1, 2, 3)
    model = train(
        micrographs,
        labels,
        BOX_PX,
        start="chance",
        recipe=request.param,
        epochs=EPOCHS[request.param],
        on_epoch=progress.append,
    )
    return model, progress


def weights_of(model: Model) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.network.parameters())


def test_learned_network_finds_blobs_that_it_has_not_seen(
    trained: tuple[Model, list[EpochDone]],
) -> None:
    model, _ = trained
    unseen, truth = blob_micrograph(77)
    candidates = find_candidates(score(unseen, model))
    everything = select_picks(candidates, threshold=0.0)
    assert evaluate([everything], [truth], BOX_PX / 4).ap > 0.9
    picks = select_picks(candidates, threshold=model.threshold, std_range=model.std_range)
    assert evaluate([picks], [truth], BOX_PX / 4).f1 > 0.8


def test_progress_tells_every_epoch_and_its_numbers_improve(
    trained: tuple[Model, list[EpochDone]],
) -> None:
    model, progress = trained
    epochs = EPOCHS[model.recipe]
    assert [(news.epoch, news.epochs) for news in progress] == [
        (epoch, epochs) for epoch in range(1, epochs + 1)
    ]
    first, last = progress[0], progress[-1]
    assert last.loss < first.loss
    assert last.held_out_ap is not None
    assert last.held_out_ap > 0.95
    assert first.held_out_loss is not None
    assert last.held_out_loss is not None
    assert last.held_out_loss < first.held_out_loss


def test_model_holds_all_that_is_needed_to_use_it(
    trained: tuple[Model, list[EpochDone]],
) -> None:
    model, progress = trained
    assert (model.box_size_px, model.binning, model.box_px) == (BOX_PX, 1, BOX_PX)
    assert model.pixel_size == 2.0
    assert 0 < model.threshold < 1
    assert 0 < model.std_range[0] < 1 < model.std_range[1]
    assert not model.network.training
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.network.modules())
    expected = RECIPES[model.recipe].activation
    assert model.network.architecture.activation == expected
    assert len(progress) == len(model.summary["curve"])


def test_summary_names_the_micrographs_of_both_parts(
    trained: tuple[Model, list[EpochDone]],
) -> None:
    model, progress = trained
    assert json.loads(json.dumps(model.summary)) == model.summary
    training, held_out = (
        {part["micrograph"]: part["binned_cols"] for part in model.summary[kind]}
        for kind in ("trained_on", "held_out")
    )
    assert training.keys() == held_out.keys() == {"blobs_1", "blobs_2", "blobs_3"}
    assert all(training[name][1] < held_out[name][0] for name in training)
    assert model.summary["curve"][0]["loss"] == progress[0].loss
    assert 0.9 < model.summary["held_out_ap"] <= 1.0


def test_model_says_with_which_recipe_and_architecture_it_was_trained() -> None:
    micrographs, labels = blob_sample(1)
    settings = TrainingSettings(BOX_PX, start="chance", epochs=1)
    recipe = replace(settings.recipe, name="mine", learning_rate=0.01, maps=(2, 3, 4))
    architecture = Architecture(BOX_PX, (5, 3, 3), (2, 2, 2), (2, 3, 4), "relu")
    own = replace(settings, own_recipe=recipe, own_architecture=architecture)
    model = finish(train_epochs(micrographs, labels, own))
    assert model.recipe == model.summary["recipe"]["name"] == "mine"
    assert model.summary["recipe"]["learning_rate"] == 0.01
    assert model.summary["recipe"]["maps"] == [2, 3, 4]
    assert model.network.architecture == architecture


def test_what_is_held_out_does_not_depend_on_the_recipe() -> None:
    micrographs, labels = blob_sample(1, 2, 3, 4)
    found = [
        train(micrographs, labels, BOX_PX, start="chance", recipe=recipe, epochs=1, seed=6).summary[
            "held_out"
        ]
        for recipe in EPOCHS
    ]
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize("recipe", EPOCHS)
def test_same_seed_gives_the_same_weights_and_another_seed_others(recipe: str) -> None:
    micrographs, labels = blob_sample(1, 2)
    first, same, other = (
        train(micrographs, labels, BOX_PX, start="chance", recipe=recipe, epochs=1, seed=seed)
        for seed in (3, 3, 4)
    )
    assert torch.equal(weights_of(first), weights_of(same))
    assert (first.threshold, first.std_range) == (same.threshold, same.std_range)
    assert first.summary == same.summary
    assert not torch.equal(weights_of(first), weights_of(other))


def test_single_micrograph_holds_out_a_strip() -> None:
    micrograph, centres = blob_micrograph(1)
    model = train([micrograph], [Labels.of(centres)], BOX_PX, start="chance", epochs=1)
    (left,), (right,) = model.summary["trained_on"], model.summary["held_out"]
    assert left["micrograph"] == right["micrograph"] == "blobs_1"
    assert right["binned_cols"][0] - left["binned_cols"][1] == BOX_PX
    assert left["particles"] + right["particles"] <= len(centres)
    assert "held_out_ap" in model.summary


def test_few_labels_hold_out_nothing_and_the_threshold_is_a_half() -> None:
    micrograph, centres = blob_micrograph(1)
    progress: list[EpochDone] = []
    labels = Labels.of(centres[:5])
    model = train(
        [micrograph], [labels], BOX_PX, start="chance", epochs=1, on_epoch=progress.append
    )
    assert (progress[0].held_out_loss, progress[0].held_out_ap) == (None, None)
    assert model.summary["held_out"] == []
    assert "held_out_ap" not in model.summary
    assert model.threshold == 0.5


@pytest.mark.parametrize("recipe", EPOCHS)
def test_training_can_be_stopped_midway(recipe: str) -> None:
    micrographs, labels = blob_sample(1)
    job = train_epochs(
        micrographs, labels, TrainingSettings(BOX_PX, start="chance", recipe_name=recipe, epochs=5)
    )
    assert next(job).epoch == 1
    assert torch.is_grad_enabled()
    job.close()
    assert list(job) == []


def test_stopped_training_returns_the_best_epoch_calibrated() -> None:
    micrographs, labels = blob_sample(1, 2)
    progress: list[EpochDone] = []
    job = train_epochs(
        micrographs,
        labels,
        TrainingSettings(BOX_PX, start="chance", epochs=9),
        stop=lambda: len(progress) == 3,
    )
    model = finish(job, progress.append)
    assert [done["epoch"] for done in model.summary["curve"]] == [1, 2, 3]
    best = max(done.held_out_ap or 0 for done in progress)
    kept = model.summary["stopped"]["kept_epoch"]
    assert model.summary["stopped"]["epochs"] == 9
    assert progress[kept - 1].held_out_ap == best
    assert "held_out_recall" in model.summary
    assert not model.network.training


def test_training_stops_between_batches_and_judges_no_part_of_an_epoch_but_of_the_first() -> None:
    """An epoch may take many seconds, and so may its figures on what is held out."""
    micrographs, labels = blob_sample(1, 2)
    recipe = replace(MODERN, batches_per_epoch=4)
    settings = TrainingSettings(
        BOX_PX, start="chance", epochs=5, labels_complete=False, own_recipe=recipe
    )
    fields = prepare_fields(micrographs, labels, BOX_PX, settings.chosen_sampling)
    batches: list[int] = []

    def note(progress: BatchesDone | EpochDone) -> None:
        if isinstance(progress, BatchesDone):
            batches.append(progress.done)
            assert progress.total == 20

    model = finish(train_fields(fields, settings, stop=lambda: len(batches) >= 6), note)
    assert batches == [1, 2, 3, 4, 5, 6]
    assert [done["epoch"] for done in model.summary["curve"]] == [1]
    n_labels = sum(part["particles"] for part in model.summary["held_out"])
    assert model.summary["stopped"] == {"epochs": 5, "kept_epoch": 1, "n_labels": n_labels}
    batches.clear()
    model = finish(train_fields(fields, settings, stop=lambda: bool(batches)), note)
    assert batches == [1]
    assert model.summary["stopped"] == {"epochs": 5, "kept_epoch": 1, "n_labels": n_labels}


def test_threshold_of_a_stopped_training_is_that_of_its_network_on_a_part_of_what_is_held_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[tuple[int, ...]] = []

    def noted(image: np.ndarray, *arguments: Any, **options: Any) -> Any:
        scored.append(image.shape)
        return score_prepared(image, *arguments, **options)

    monkeypatch.setattr(field_picks, "score_prepared", noted)
    monkeypatch.setattr(train_module, "QUICK_PX", 1.0)
    fields = prepare_fields(*blob_sample(*range(16)), BOX_PX, Sampling(1))
    settings = TrainingSettings(BOX_PX, Sampling(1), start="chance", epochs=50)
    parts = fields[:12], fields[12:]
    batches: list[object] = []
    job = train_fields(fields, settings, parts, stop=lambda: len(batches) > 50)
    model = finish(job, batches.append)
    (part,) = parts_to_pick(fields[12:], BOX_PX, 1.0)  # of four micrographs
    assert scored == [part.prepared.shape]
    assert model.summary["stopped"]["n_labels"] == len(part.positive_yx)
    assert len(model.summary["held_out"]) == 4
    scores = FieldScores(model.network)
    calibration = finish(calibrating(scores, [part], True, labelled=fields))
    assert model.threshold == calibration.threshold != 0.5
    assert model.std_range == particle_std_range(fields, BOX_PX)


@pytest.mark.parametrize("done", [EpochDone, TilesDone])  # before the threshold is found, or then
def test_whole_network_is_kept_by_who_stops_while_the_threshold_is_found(done: type) -> None:
    fields = prepare_fields(*blob_sample(1, 2), BOX_PX, Sampling(1))
    settings = TrainingSettings(BOX_PX, Sampling(1), start="chance", epochs=1)
    progress: list[object] = []

    def stop() -> bool:
        return isinstance(progress[-1], done) and any(isinstance(p, EpochDone) for p in progress)

    whole = finish(train_fields(fields, settings))
    stopped = finish(train_fields(fields, settings, stop=stop), progress.append)
    assert torch.equal(weights_of(whole), weights_of(stopped))
    n_labels = sum(part["particles"] for part in whole.summary["held_out"])
    assert stopped.summary["stopped"] == {"epochs": 1, "kept_epoch": 1, "n_labels": n_labels}
    assert "stopped" not in whole.summary


def test_threshold_of_a_stopped_training_with_few_labels_is_found_on_a_part_of_these(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too few are held out, and the general network knew particles before."""
    monkeypatch.setattr(train_module, "QUICK_PX", 1.0)
    micrographs, labels = blob_sample(1, 2, 3)
    few = [Labels.of(each.positive_yx[:3]) for each in labels]
    settings = TrainingSettings(BOX_PX, epochs=5, labels_complete=False)
    fields = prepare_fields(micrographs, few, BOX_PX, settings.chosen_sampling)
    batches: list[object] = []

    def note(progress: object) -> None:
        if isinstance(progress, BatchesDone):
            batches.append(progress)

    job = train_fields(fields, settings, (fields[:2], fields[2:]), stop=lambda: len(batches) == 2)
    model = finish(job, note)
    (part,) = parts_to_pick(fields, settings.network_box_px, 1.0)  # of three micrographs
    assert "held_out_recall" not in model.summary
    assert model.summary["stopped"]["n_labels"] == len(part.positive_yx) > 0
    scores, start = FieldScores(model.network), ScoredModel.of(settings.start_model)
    assert model.threshold == threshold_of_few(scores, start, [part])


@pytest.mark.parametrize("start", ["general", "chance"])
def test_training_with_a_micrograph_of_negatives_alone_can_be_stopped(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "QUICK_PX", 1.0)
    micrographs, (labels, _) = blob_sample(1, 2)
    given = [Labels.of(labels.positive_yx[:5]), Labels.of([], [(20.0, 30.0)])]
    settings = TrainingSettings(BOX_PX, start=start, epochs=2, labels_complete=False)
    fields = prepare_fields(micrographs, given, BOX_PX, settings.chosen_sampling)
    model = finish(train_fields(fields, settings, stop=lambda: True))
    assert model.summary["stopped"]["kept_epoch"] == 1
    assert [item.name for item in model.training_set] == ["blobs_1", "blobs_2"]


def test_best_epoch_is_that_of_the_highest_ap_then_of_the_lowest_loss() -> None:
    def curve(*held_out: tuple[float | None, float | None]) -> list[EpochDone]:
        return [EpochDone(i, 9, 0.0, loss, ap) for i, (loss, ap) in enumerate(held_out, start=1)]

    assert best_epoch(curve((0.5, 0.8), (0.6, 0.9), (0.4, 0.7))) == 2
    assert best_epoch(curve((0.5, 0.9), (0.4, 0.9), (0.6, 0.9))) == 2
    assert best_epoch(curve((None, None), (None, None))) == 2
    assert best_epoch([]) == 0


def test_micrographs_without_labels_are_left_out() -> None:
    micrographs, labels = blob_sample(1, 2, 3)
    model = train(
        micrographs, [labels[0], Labels.of(), labels[2]], BOX_PX, start="chance", epochs=1
    )
    parts = [*model.summary["trained_on"], *model.summary["held_out"]]
    assert {part["micrograph"] for part in parts} == {"blobs_1", "blobs_3"}


def test_marked_negatives_score_lower_than_if_they_were_not_marked() -> None:
    rng = np.random.default_rng(5)
    sample, decoys = [], []
    for seed in (1, 2, 3):
        micrograph, centres = blob_micrograph(seed, count=6)
        free = rng.uniform(10, (100, 130), (300, 2))
        distances = np.linalg.norm(free[:, None] - centres[None], axis=2).min(axis=1)
        squares = free[distances > 26][:3]
        image = micrograph.image.copy()
        for row, col in squares.astype(int):
            image[row - 4 : row + 5, col - 4 : col + 5] += 12.0  # of a blob's brightness
        sample.append((Micrograph(image, micrograph.name), centres))
        decoys.append(squares)
    micrographs = [micrograph for micrograph, _ in sample]
    unmarked = [Labels.of(centres) for _, centres in sample]
    marked = [Labels.of(c, squares) for (_, c), squares in zip(sample, decoys, strict=True)]
    means = []
    for labels in (unmarked, marked):
        model = train(micrographs, labels, BOX_PX, start="chance", epochs=4)
        score_map = score(micrographs[0], model)
        nearest = np.rint((decoys[0] - score_map.origin_px) / score_map.step_px).astype(int)
        means.append(float(score_map.scores[tuple(nearest.T)].mean()))
    assert means[1] < means[0] - 0.1


@pytest.mark.parametrize("labels", [[], [Labels.of()], [Labels.of([], [[20, 30]])]])
def test_training_without_particles_is_refused(labels: list[Labels]) -> None:
    micrographs = [blob_micrograph(1)[0]] * len(labels)
    with pytest.raises(InputError, match="no particle is labelled"):
        train(micrographs, labels, BOX_PX)


def test_labels_outside_the_image_are_refused() -> None:
    micrographs, labels = blob_sample(1)
    outside = Labels.of([*labels[0].positive_yx, [300.0, 20.0]])
    with pytest.raises(InputError, match="1 of 10 coordinates lie outside micrograph blobs_1"):
        train(micrographs, [outside], BOX_PX)


def test_micrograph_smaller_than_the_box_is_refused() -> None:
    micrographs, labels = blob_sample(1)
    with pytest.raises(InputError, match="box of 111 px does not fit micrograph blobs_1"):
        train(micrographs, labels, 111)


def test_constant_micrograph_is_refused() -> None:
    flat = Micrograph(np.full((60, 60), 65535.0, np.float32), "flat")
    with pytest.raises(InputError, match="same value"):
        train([flat], [Labels.of([[30, 30]])], BOX_PX)


@pytest.mark.parametrize("recipe", EPOCHS)
def test_particles_everywhere_leave_no_negatives(recipe: str) -> None:
    micrograph, _ = blob_micrograph(1)
    everywhere = Labels.of(np.argwhere(np.ones((19, 24))) * 6)
    with pytest.raises(InputError, match=r"no place is left for negatives.*mark non-particles"):
        train([micrograph], [everywhere], BOX_PX, start="chance", recipe=recipe, epochs=1)


def test_training_bins_and_keeps_original_pixels() -> None:
    rows, cols = np.arange(220) // 2, np.arange(280) // 2
    micrograph, centres = blob_micrograph(1)
    large = Micrograph(micrograph.image[np.ix_(rows, cols)], "large", 1.0)
    labels = Labels.of(2 * centres + 0.5)
    model = train([large], [labels], 2 * BOX_PX, start="chance", binning=2, epochs=3)
    assert (model.box_size_px, model.binning, model.box_px) == (48, 2, 24)
    picks = select_picks(find_candidates(score(large, model)), threshold=0.0)
    assert evaluate([picks], [labels.positive_yx], 12).ap > 0.9


def test_training_that_is_stopped_after_it_diverged_keeps_what_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B.2: figures that are no numbers would make the model's file unreadable."""
    micrographs, labels = blob_sample(2)
    settings = TrainingSettings(BOX_PX, start="chance", epochs=9)
    fields = prepare_fields(micrographs, labels, BOX_PX, settings.chosen_sampling)
    networks, curve = [], []

    def make(*arguments: Any) -> Learner:
        learner = make_learner(*arguments)
        networks.append(learner.network)
        return learner

    def follow(progress: BatchesDone | EpochDone) -> None:
        if isinstance(progress, EpochDone):
            curve.append(progress)
            for weights in networks[0].parameters():
                weights.data.fill_(torch.nan)

    monkeypatch.setattr("napari_deepem.core.training.train.make_learner", make)
    model = finish(train_fields(fields, settings, stop=lambda: len(curve) == 2), follow)
    assert [epoch.is_finite for epoch in curve] == [True, False]
    assert len(model.summary["curve"]) == model.summary["stopped"]["kept_epoch"] == 1


def test_training_that_diverged_is_no_model() -> None:
    """B.2: a file of weights that are no numbers would pick nothing."""
    micrographs, labels = blob_sample(1)
    settings = TrainingSettings(BOX_PX, start="chance", epochs=1)
    recipe = replace(settings.recipe, learning_rate=1e30)
    job = train_epochs(micrographs, labels, replace(settings, own_recipe=recipe))
    with pytest.raises(InputError, match="the training diverged"):
        finish(job)
