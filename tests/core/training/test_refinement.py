from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from blobs import BOX_PX, SHAPE, blob_centres, blob_image, blob_micrograph, blob_sample
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, MicrographRead, finish
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import refinement
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.recipes import RECIPES
from napari_deepem.core.training.refinement import refine, refine_epochs, settings_of
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train, train_epochs
from napari_deepem.core.types import FloatArray, Labels, Micrograph
from quick_recipes import shorten_recipes


@pytest.fixture(autouse=True, scope="module")
def quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=12, batch_size=32)
        yield


@pytest.fixture(scope="module")
def model() -> Model:
    """Trained on three micrographs of blobs, all labelled."""
    return train(*blob_sample(1, 2, 3), BOX_PX, start="chance", epochs=4)


@pytest.fixture(scope="module")
def clicked() -> Model:
    """Trained on some of the blobs of one large micrograph."""
    micrograph, centres = blob_micrograph(5, shape=(200, 240), count=30)
    return train(
        [micrograph],
        [Labels.of(centres[:16])],
        BOX_PX,
        start="chance",
        epochs=3,
        labels_complete=False,
    )


def earlier(model: Model) -> list[Micrograph]:
    return [micrograph_of(item) for item in model.training_set]


def micrograph_of(item: LabelledMicrograph) -> Micrograph:
    seed = int(item.name.removeprefix("blobs_"))
    large = {"shape": (200, 240), "count": 30} if seed == 5 else {}
    return blob_micrograph(seed, **large)[0]  # type: ignore[arg-type]


def with_verdicts(seed: int, *labels: Any) -> LabelledMicrograph:
    return LabelledMicrograph(f"blobs_{seed}", Labels.of(*labels), complete=False)


def weights_of(model: Model) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.network.parameters())


# What is learnt from verdicts


def mixed_micrograph(seed: int) -> tuple[Micrograph, FloatArray, FloatArray]:
    """Six holes, which are particles too, and six squares as bright as blobs, which are none."""
    rng = np.random.default_rng(seed)
    centres = np.rint(blob_centres(rng, count=12))
    holes, squares = centres[:6], centres[6:]
    image = -3.0 * blob_image(SHAPE, holes) + rng.normal(size=SHAPE)
    for row, col in squares.astype(int):
        image[row - 4 : row + 5, col - 4 : col + 5] += 2.5
    return Micrograph((100 + 5 * image).astype(np.float32), f"mixed_{seed}"), holes, squares


def mean_score(micrograph: Micrograph, model: Model, centres_yx: FloatArray) -> float:
    score_map = score(micrograph, model)
    nearest = np.rint((centres_yx - score_map.origin_px) / score_map.step_px).astype(int)
    return float(score_map.scores[tuple(nearest.T)].mean())


@pytest.mark.parametrize("start", ["anew", "weights"])
def test_accepted_picks_score_higher_and_rejected_ones_lower_on_other_micrographs(
    model: Model, start: refinement.RefinementStart
) -> None:
    sample = [mixed_micrograph(seed) for seed in (1, 2, 3)]
    refined = refine(
        model,
        [micrograph for micrograph, _, _ in sample],
        [Labels.of(holes, squares) for _, holes, squares in sample],
        earlier=earlier(model),
        start=start,
        epochs=8,
    )
    unseen, holes, squares = mixed_micrograph(9)
    assert mean_score(unseen, refined, holes) > mean_score(unseen, model, holes) + 0.1
    assert mean_score(unseen, refined, squares) < mean_score(unseen, model, squares) - 0.1


def test_same_verdicts_and_seed_give_the_same_weights(model: Model) -> None:
    item = with_verdicts(4, blob_micrograph(4)[1])

    def again(seed: int) -> torch.Tensor:
        job = refine_epochs(model, [item], micrograph_of, settings_of(model, 1, seed))
        return weights_of(finish(job))

    assert torch.equal(again(3), again(3))
    assert not torch.equal(again(3), again(4))


def test_progress_tells_every_micrograph_then_every_epoch(model: Model) -> None:
    news: list[MicrographRead | EpochDone] = []
    micrographs, labels = blob_sample(4)
    refine(model, micrographs, labels, earlier=earlier(model), epochs=2, on_progress=news.append)
    assert [(n.done, n.total) for n in news if isinstance(n, MicrographRead)] == [
        *((1, 4), (2, 4), (3, 4), (4, 4))
    ]
    assert [n.epoch for n in news if isinstance(n, EpochDone)] == [1, 2]
    assert isinstance(news[3], MicrographRead)


def test_refined_model_says_what_the_one_before_gets_on_the_same_boxes(model: Model) -> None:
    item = with_verdicts(4, blob_micrograph(4)[1])
    untrained = finish(refine_epochs(model, [item], micrograph_of, settings_of(model, 1)))
    judged_again = finish(refine_epochs(untrained, [item], micrograph_of, settings_of(model, 1)))
    assert judged_again.summary["ap_before"] == untrained.summary["curve"][-1]["held_out_ap"]


def test_refinement_that_is_stopped_keeps_what_it_has_and_the_plan(model: Model) -> None:
    item = with_verdicts(4, blob_micrograph(4)[1])
    job = refine_epochs(model, [item], micrograph_of, settings_of(model), stop=lambda: True)
    stopped = finish(job)
    assert len(stopped.summary["curve"]) == 1
    (end := dict(stopped.summary["stopped"])).pop("n_labels")
    assert end == {"epochs": 4, "kept_epoch": 1}
    assert settings_of(stopped).chosen_epochs == 4


# What is trained on: seen without training

Parts = tuple[Sequence[Field], Sequence[Field]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What training is given by the next refinement, which returns without having trained."""
    given: dict[str, Any] = {}

    def train_fields(
        fields: Sequence[Field],
        settings: TrainingSettings,
        parts: Parts,
        **_: Any,
    ) -> Generator[EpochDone, None, Model]:
        given.update(fields=fields, settings=settings, parts=parts)
        yield EpochDone(1, 1, 0.0, None, None)
        return given["model"]

    monkeypatch.setattr(refinement, "train_fields", train_fields)
    return given


def refined_without_training(
    seen: dict[str, Any],
    model: Model,
    *items: LabelledMicrograph,
    start: refinement.RefinementStart = "anew",
) -> Model:
    seen["model"] = model
    settings = settings_of(model, start=start)
    return finish(refine_epochs(model, items, micrograph_of, settings))


def test_micrographs_with_verdicts_join_the_training_set_with_their_labels(
    seen: dict[str, Any], model: Model
) -> None:
    item = with_verdicts(4, [(20, 30)], [(50, 60), (70, 20)], [(90, 100)])
    refined = refined_without_training(seen, model, item)
    assert [known.name for known in refined.training_set] == [
        *("blobs_1", "blobs_2", "blobs_3", "blobs_4")
    ]
    new = seen["fields"][3]
    np.testing.assert_array_equal(new.positive_yx, [(20, 30)])
    np.testing.assert_array_equal(new.negative_yx, [(50, 60), (70, 20)])
    assert new.name in [field.name for field in seen["parts"][0]]


def nearest(centres_yx: FloatArray, others_yx: FloatArray) -> FloatArray:
    """(n,) distances from each centre to the nearest of the others."""
    return np.linalg.norm(centres_yx[:, None] - others_yx[None], axis=2).min(axis=1)


def test_background_is_not_drawn_near_anything_that_may_be_a_particle(
    seen: dict[str, Any], model: Model
) -> None:
    _, centres = blob_micrograph(4)
    unsure = (100.0, 5.0)
    refined_without_training(seen, model, with_verdicts(4, centres[:1], [], [unsure]))
    new = seen["fields"][3]
    drawn = new.draw_background(300, 8.0, np.random.default_rng(0))
    assert nearest(centres, drawn).min() > 8.0 - BOX_PX / 8  # picks are not quite on the centres
    assert nearest(np.array([unsure]), drawn).min() > 8.0
    np.testing.assert_array_equal(new.positive_yx, centres[:1])


def test_model_that_sees_particles_everywhere_leaves_room_for_background(
    seen: dict[str, Any], model: Model
) -> None:
    paper = replace(RECIPES["deepem2017"], epochs=1)  # keeps half a box from every suspect
    settings = replace(settings_of(model), own_recipe=paper)
    seen["model"] = unsure = replace(model, threshold=0.0)
    finish(refine_epochs(unsure, [with_verdicts(4, [(20, 30)])], micrograph_of, settings))
    new = seen["fields"][3]
    suspects = len(new.avoid_yx) - 1
    half_of_the_image = SHAPE[0] * SHAPE[1] / 2
    assert suspects * np.pi * (BOX_PX / 2) ** 2 <= half_of_the_image
    assert (suspects + 1) * np.pi * (BOX_PX / 2) ** 2 > half_of_the_image


def test_background_of_completely_labelled_micrographs_is_drawn_as_before(
    seen: dict[str, Any], model: Model
) -> None:
    refined_without_training(seen, model, with_verdicts(4, [(20, 30)]))
    for field in seen["fields"][:3]:
        assert len(field.avoid_yx) == len(field.positive_yx)


def test_unlabelled_particles_of_the_first_micrograph_are_kept_clear_of_too(
    seen: dict[str, Any], clicked: Model
) -> None:
    refined_without_training(seen, clicked, with_verdicts(4, [(20, 30)]))
    _, centres = blob_micrograph(5, shape=(200, 240), count=30)
    avoided = nearest(centres[16:], seen["fields"][0].avoid_yx) < BOX_PX / 4
    assert avoided.mean() > 0.9


def test_what_was_held_out_is_held_out_again_and_nothing_else(
    seen: dict[str, Any], model: Model
) -> None:
    refined_without_training(seen, model, with_verdicts(4, [(20, 30)]))
    training, held_out = (
        [(field.name, list(field.cols)) for field in part] for part in seen["parts"]
    )
    before_training, before_held_out = (
        [(part["micrograph"], part["binned_cols"]) for part in model.summary[kind]]
        for kind in ("trained_on", "held_out")
    )
    assert held_out == before_held_out
    assert training[:-1] == before_training
    assert training[-1][0] == "blobs_4"


def test_micrograph_that_was_held_out_is_held_out_again(seen: dict[str, Any], model: Model) -> None:
    left, _, right = model.summary["trained_on"]
    summary = model.summary | {
        "trained_on": [left],
        "held_out": [right | {"binned_cols": [0, 999]}],
    }
    refined_without_training(seen, replace(model, summary=summary), with_verdicts(4, [(20, 30)]))
    training, held_out = seen["parts"]
    assert [field.name for field in held_out] == ["blobs_3"]
    assert [field.name for field in training] == ["blobs_1", "blobs_2", "blobs_4"]


def test_strip_that_was_held_out_is_held_out_again(seen: dict[str, Any], clicked: Model) -> None:
    more = with_verdicts(5, [(20, 30), (150, 235)])
    refined_without_training(seen, clicked, more, with_verdicts(4, [(9, 9)]))
    (left, other), (right,) = seen["parts"]
    for field, kind in ((left, "trained_on"), (right, "held_out")):
        assert list(field.cols) == clicked.summary[kind][0]["binned_cols"]
    assert right.positive_yx[-1].tolist() == [150, 235]
    assert other.cols == (0.0, SHAPE[1] - 1.0)
    assert not seen["settings"].labels_complete


def test_threshold_is_set_on_complete_labels_if_those_held_out_are(
    seen: dict[str, Any], model: Model
) -> None:
    refined_without_training(seen, model, with_verdicts(4, [(20, 30)]))
    assert seen["settings"].labels_complete


def test_other_micrographs_are_held_out_if_those_of_the_first_training_are_gone(
    seen: dict[str, Any], model: Model
) -> None:
    forgetful = replace(model, training_set=())
    items = [with_verdicts(seed, blob_micrograph(seed)[1]) for seed in (6, 7)]
    refined_without_training(seen, forgetful, *items)
    training, held_out = seen["parts"]
    assert {field.name for field in (*training, *held_out)} == {"blobs_6", "blobs_7"}
    assert len(held_out) == 1


@pytest.mark.parametrize("start", ["anew", "weights"])
def test_training_starts_where_it_is_told_to(
    seen: dict[str, Any], model: Model, start: refinement.RefinementStart
) -> None:
    refined_without_training(seen, model, with_verdicts(4, [(20, 30)]), start=start)
    assert seen["settings"].chosen_start is (model if start == "weights" else "chance")


def test_summary_counts_rounds_and_verdicts(seen: dict[str, Any], model: Model) -> None:
    first = with_verdicts(4, [(20, 30)], [(50, 60), (70, 20)])
    once = refined_without_training(seen, model, first, with_verdicts(6, [(9, 9)], [], [(5, 5)]))
    assert json.loads(json.dumps(once.summary))["refined"] == {
        **{"round": 1, "start": "anew", "micrographs": 2},
        **{"accepted": 2, "rejected": 2, "unsure": 1},
    }
    twice = refined_without_training(seen, once, with_verdicts(7, [], [(50, 60)]))
    assert twice.summary["refined"]["round"] == 2
    assert [item.name for item in twice.training_set[-3:]] == ["blobs_4", "blobs_6", "blobs_7"]


# Settings


def test_settings_are_those_of_the_first_training() -> None:
    (micrograph,), labels = blob_sample(1)
    recipe = replace(RECIPES["modern"], name="tuned", maps=(3, 4, 5), learning_rate=1e-3)
    settings = TrainingSettings(BOX_PX, Sampling(1), epochs=2, seed=7, own_recipe=recipe)
    model = finish(train_epochs([micrograph], labels, settings))
    again = settings_of(replace(model, summary=json.loads(json.dumps(model.summary))))
    assert asdict(again.recipe) == asdict(recipe)
    assert again.architecture == model.network.architecture == settings.architecture
    assert (again.box_size_px, again.chosen_sampling) == (BOX_PX, Sampling(1))
    assert (again.chosen_epochs, again.seed) == (2, 7)
    other = settings_of(model, epochs=9, seed=0)
    assert (other.chosen_epochs, other.seed) == (9, 0)


def test_model_of_an_older_version_is_trained_as_its_recipe_says_now(model: Model) -> None:
    summary = {name: value for name, value in model.summary.items() if name != "recipe"}
    assert settings_of(replace(model, summary=summary)).recipe == RECIPES["modern"]


def test_model_of_an_older_version_that_went_on_is_trained_anew_for_as_long_as_at_first(
    model: Model,
) -> None:
    summary = {name: value for name, value in model.summary.items() if name != "start"}
    summary |= {"refined": {"epochs_anew": 30}}
    again = settings_of(replace(model, summary=summary))
    assert (again.chosen_start, again.chosen_epochs) == ("chance", 30)
    assert settings_of(replace(model, summary=summary), start="weights").chosen_epochs == 6


def test_parameters_of_a_recipe_that_are_not_known_any_more_are_passed_over(model: Model) -> None:
    summary = model.summary | {"recipe": model.summary["recipe"] | {"momentum": 0.9}}
    assert settings_of(replace(model, summary=summary)).recipe == RECIPES["modern"]


# What can't be used


def test_refining_without_any_particle_is_refused(model: Model) -> None:
    forgetful = replace(model, training_set=())
    job = refine_epochs(
        forgetful, [with_verdicts(4, [], [(9, 9)])], micrograph_of, settings_of(model)
    )
    with pytest.raises(InputError, match="no particle is accepted"):
        next(job)


def test_micrograph_of_the_first_training_that_is_missing_is_named(model: Model) -> None:
    micrographs, labels = blob_sample(4)
    with pytest.raises(InputError, match="micrograph blobs_1, which the model was trained on"):
        refine(model, micrographs, labels, earlier=[])


def test_verdict_outside_its_micrograph_is_refused(model: Model) -> None:
    job = refine_epochs(model, [with_verdicts(4, [(9, 900)])], micrograph_of, settings_of(model))
    with pytest.raises(InputError, match="1 of 1 coordinates lie outside micrograph blobs_4"):
        finish(job)


def test_training_goes_on_from_weights_for_a_fifth_of_the_epochs() -> None:
    micrographs, labels = blob_sample(1)
    model = finish(
        train_epochs(micrographs, labels, TrainingSettings(BOX_PX, start="chance", epochs=6))
    )
    assert settings_of(model, start="weights").chosen_epochs == 2
    assert settings_of(model, 5, start="weights").chosen_epochs == 5
    item = LabelledMicrograph("blobs_1", labels[0], complete=False, source=None)
    for _ in range(2):  # however often it goes on, a training anew is as long as the first
        job = refine_epochs(
            model, [item], lambda _: micrographs[0], settings_of(model, start="weights")
        )
        model = finish(job)
        assert len(model.summary["curve"]) == 2
        assert settings_of(model).chosen_epochs == 6
