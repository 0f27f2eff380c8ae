"""What a training starts from, and what a model remembers of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from blobs import BOX_PX, SIGMA_PX, blob_centres, blob_image, blob_sample
from napari_deepem.core.errors import InputError
from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.jobs import EpochDone, finish
from napari_deepem.core.network.general import general_model
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import recipes
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.field_picks import FieldScores, ScoredModel
from napari_deepem.core.training.refinement import settings_of
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.starts import FirstTraining, training_on
from napari_deepem.core.training.thresholds import threshold_of_few
from napari_deepem.core.training.train import train, train_epochs
from napari_deepem.core.types import FloatArray, Labels, Micrograph
from networks import lively_model
from quick_recipes import shorten_recipes


@pytest.fixture(autouse=True, scope="module")
def quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=20, batch_size=32, epochs=3)
        yield


@pytest.fixture(scope="module")
def general() -> Model:
    """A model from five clicks on one micrograph."""
    (micrograph,), (labels,) = blob_sample(1)
    return train([micrograph], [Labels.of(labels.positive_yx[:5])], BOX_PX, labels_complete=False)


def blobs_of(box_size_px: int, seed: int, sign: int) -> tuple[Micrograph, FloatArray]:
    """Blobs in boxes of any size, on a micrograph of 5 x 6 of them, and their (n, 2) centres.

    Dark ones (-1) as in micrographs, or bright ones (1), which the general network never saw.
    """
    rng, scale = np.random.default_rng(seed), box_size_px / BOX_PX
    centres = blob_centres(rng) * scale
    shape = (round(110 * scale), round(140 * scale))
    pixels = 3.0 * blob_image(shape, centres, SIGMA_PX * scale) * sign + rng.normal(size=shape)
    return Micrograph((100 + 5 * pixels).astype(np.float32), f"blobs_{seed}"), centres


def distances_of_best(model: Model, micrograph: Micrograph, truth_yx: FloatArray) -> FloatArray:
    """(n,) distances of the n best candidates from the nearest of n particles, in boxes."""
    best_yx = find_candidates(score(micrograph, model)).centres_yx[: len(truth_yx)]
    return nearest_distances(best_yx, truth_yx) / model.box_size_px


def share_picked(model: Model, micrograph: Micrograph, truth_yx: FloatArray) -> float:
    """How many of the particles are picked at the model's own threshold."""
    picks = PickCriteria.of_model(model).picks_of(find_candidates(score(micrograph, model)))
    if not len(picks):
        return 0.0
    near = nearest_distances(truth_yx, picks.centres_yx) < 0.25 * model.box_size_px
    return float(near.mean())


@pytest.mark.parametrize(
    ("box_size_px", "scale"), [(13, 0.295), (24, 0.545), (36, 0.818), (160, 3.636)]
)
def test_general_network_finds_at_any_scale_and_five_clicks_keep_that(
    box_size_px: int, scale: float
) -> None:
    unseen = blobs_of(box_size_px, 2, -1)
    assert (distances_of_best(general_model(box_size_px), *unseen) < 0.25).all()
    micrograph, centres = blobs_of(box_size_px, 1, -1)
    curve: list[EpochDone] = []
    labels = [Labels.of(centres[:5])]
    model = train([micrograph], labels, box_size_px, labels_complete=False, on_epoch=curve.append)
    assert model.binning == pytest.approx(scale, abs=1e-3)
    assert (model.box_px, curve[-1].held_out_ap) == (44, None)
    distances = distances_of_best(model, *unseen)
    assert (distances < 0.25).all()
    assert np.median(distances) < 0.12


@pytest.mark.parametrize("box_size_px", [36, 160])
def test_five_clicks_teach_the_general_network_what_it_does_not_know(box_size_px: int) -> None:
    unseen = blobs_of(box_size_px, 2, 1)
    assert not share_picked(general_model(box_size_px), *unseen)
    micrograph, centres = blobs_of(box_size_px, 1, 1)
    model = train([micrograph], [Labels.of(centres[:5])], box_size_px, labels_complete=False)
    assert share_picked(model, *unseen) > 0.85
    distances = distances_of_best(model, *unseen)
    assert (distances < 0.25).mean() > 0.85
    assert np.median(distances) < 0.12


def test_where_nothing_is_held_out_the_start_tells_how_its_successor_picks(general: Model) -> None:
    assert general.summary["held_out"] == []
    micrographs, labels = blob_sample(2)
    clicks = [Labels.of(labels[0].positive_yx[:5])]
    start = replace(general, threshold=0.3, smoothing=0.06, min_distance_px=8.0)
    on = train(micrographs, clicks, BOX_PX, start=start, labels_complete=False, epochs=1)
    assert (on.smoothing, on.min_distance_px) == (0.06, pytest.approx(8.0))
    fields = prepare_fields(micrographs, clicks, BOX_PX, start.sampling)
    assert on.threshold == threshold_of_few(FieldScores(on.network), ScoredModel.of(start), fields)


def test_general_network_is_the_default_and_gives_way_to_what_it_has_not() -> None:
    assert TrainingSettings(100).chosen_start == "general"
    assert TrainingSettings(100).chosen_sampling == Sampling(100 / 44)
    assert TrainingSettings(100).recipe == recipes.FROM_GENERAL
    others = (
        TrainingSettings(100, Sampling(2)),
        TrainingSettings(100, recipe_name="wide"),
        TrainingSettings(100, recipe_name="deepem2017"),
        TrainingSettings(100, own_recipe=recipes.MODERN),
        TrainingSettings(100, own_architecture=TrainingSettings(100).architecture),
    )
    assert {settings.chosen_start for settings in others} == {"chance"}


@pytest.mark.parametrize("recipe", ["wide", "deepem2017"])
def test_other_recipes_do_not_train_the_general_network(recipe: str) -> None:
    with pytest.raises(InputError, match=f"the recipe {recipe} does not train the general network"):
        TrainingSettings(100, recipe_name=recipe, start="general")


def test_sampling_that_does_not_give_the_starts_box_is_refused() -> None:
    model = lively_model(48)
    with pytest.raises(InputError, match="binned by 3, leaves 33 px, and the general network"):
        TrainingSettings(100, Sampling(3), start="general")
    with pytest.raises(InputError, match="binned by 3, leaves 33 px, and another model takes 48"):
        TrainingSettings(100, Sampling(3), start=model)
    own = TrainingSettings(100, start="chance").architecture
    with pytest.raises(InputError, match="an architecture of its own"):
        TrainingSettings(100, start="general", own_architecture=own)
    assert TrainingSettings(132, Sampling(3), start="general").network_box_px == 44
    assert TrainingSettings(48, start=model).chosen_sampling == model.sampling
    assert TrainingSettings(120, start=model).chosen_sampling == Sampling(2.5)


def test_network_that_is_trained_on_is_the_starts_and_stays_as_it_was(general: Model) -> None:
    before = {name: each.clone() for name, each in general.network.state_dict().items()}
    (micrograph,), (labels,) = blob_sample(2)
    slow = replace(recipes.MODERN, batches_per_epoch=2, learning_rate=1e-9)
    settings = TrainingSettings(BOX_PX, start=general, own_recipe=slow, epochs=1)
    on = finish(train_epochs([micrograph], [labels], settings))
    for name, weights in before.items():
        assert torch.equal(general.network.state_dict()[name], weights)
        torch.testing.assert_close(on.network.state_dict()[name], weights, atol=1e-6, rtol=0)


def test_model_is_trained_anew_as_the_first_of_its_line(general: Model) -> None:
    assert general.summary["start"] == "general"
    (micrograph,), (labels,) = blob_sample(2)
    line = general
    for _ in range(2):
        line = train([micrograph], [labels], BOX_PX, start=line, epochs=1)
        assert line.summary["start"] == "model"
        first = FirstTraining.of(line)
        assert (first.start, first.recipe, first.epochs) == ("general", recipes.FROM_GENERAL, 3)
    anew = settings_of(line)
    assert (anew.chosen_start, anew.recipe, anew.chosen_epochs) == (
        *("general", recipes.FROM_GENERAL, 3),
    )
    on = settings_of(line, start="weights")
    assert (on.chosen_start, on.recipe, on.chosen_epochs) == (line, recipes.FROM_GENERAL, 3)


def test_general_network_itself_is_trained_on_as_by_its_name() -> None:
    start = general_model(100)
    assert FirstTraining.of(start).start == "general"
    assert training_on(start) == (recipes.FROM_GENERAL, None)
    assert TrainingSettings(100, start=start).recipe == TrainingSettings(100).recipe


def test_what_chance_began_goes_on_gently_and_shortly() -> None:
    model = lively_model(48)
    recipe = TrainingSettings(48, start=model).recipe
    modern = recipes.RECIPES["modern"]
    assert recipe.learning_rate == pytest.approx(0.3 * modern.learning_rate)
    assert recipe.epochs == 1  # a fifth of three, rounded up
    paper = replace(model, recipe="deepem2017")
    assert TrainingSettings(48, start=paper).recipe.learning_rate == 1.0
    assert TrainingSettings(48, start=paper).chosen_epochs == 20
