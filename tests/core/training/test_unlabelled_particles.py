from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from blobs import blob_sample
from napari_deepem.core.jobs import TilesDone, finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training import field_picks, train
from napari_deepem.core.training.crops import PaddedImage
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.field_picks import FieldScores
from napari_deepem.core.training.learners import ModernLearner, PaperLearner
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.training.unlabelled_particles import (
    clear_of,
    clear_of_lookalikes,
    scores_at,
    with_likely_particles,
)
from napari_deepem.core.types import ScoreMap

SHAPE = (200, 240)
NETWORK = Network(Architecture.for_box(24))


def field_of(positive_yx: Any, name: str = "m") -> Field:
    prepared = np.zeros(SHAPE, dtype=np.float32)
    centres = np.array(positive_yx, dtype=float).reshape(-1, 2)
    nothing = np.empty((0, 2))
    padded = PaddedImage.of(prepared, 24)
    return Field(prepared, padded, centres, nothing, centres, (0.0, 239.0), name, None)


def map_with(peaks: dict[tuple[int, int], float]) -> ScoreMap:
    """Scores on every 8th pixel, 0.01 but for some positions."""
    scores = np.full((25, 30), 0.01, dtype=np.float32)
    for (row, col), score in peaks.items():
        scores[row // 8, col // 8] = score
    return ScoreMap(scores, np.ones_like(scores), 0.0, 8.0, 24, SHAPE)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[ScoreMap]:
    """The score maps that networks give, one after the other."""
    maps: list[ScoreMap] = []

    def give(*_: object, **__: object) -> Generator[TilesDone, None, ScoreMap]:
        yield TilesDone(1, 1)
        return maps.pop(0)

    monkeypatch.setattr(field_picks, "score_prepared", give)
    return maps


def test_scores_are_those_of_the_nearest_elements() -> None:
    score_map = map_with({(40, 80): 0.7, (192, 232): 0.4})
    centres = np.array([[42.0, 78.0], [199.0, 239.0], [0.0, 0.0]])
    np.testing.assert_allclose(scores_at(score_map, centres), [0.7, 0.4, 0.01], rtol=1e-6)


def test_what_scores_like_labelled_particles_is_kept_clear_of(seen: list[ScoreMap]) -> None:
    labelled = {(40, 40): 0.8, (40, 160): 0.9}
    seen.append(map_with({**labelled, (120, 80): 0.85, (120, 160): 0.6}))
    (field,) = clear_of_lookalikes([field_of(list(labelled))], FieldScores(NETWORK), 10.0)
    avoided = {(round(row), round(col)) for row, col in field.avoid_yx}
    assert (120, 80) in avoided
    assert (120, 160) not in avoided
    assert avoided >= labelled.keys()
    np.testing.assert_array_equal(field.positive_yx, list(labelled))


def test_marked_background_of_other_micrographs_stays_background(seen: list[ScoreMap]) -> None:
    seen.append(map_with({(40, 40): 0.5, (120, 80): 0.9}))  # of the other one alone
    fields = [field_of([], name="empty"), field_of([(40, 40)])]
    cleared = clear_of_lookalikes(fields, FieldScores(NETWORK), 10.0)
    assert cleared[0] is fields[0]
    assert [120, 80] in cleared[1].avoid_yx.round().tolist()


def test_room_is_left_for_background() -> None:
    everywhere = np.random.default_rng(0).uniform((0, 0), SHAPE, (5000, 2))
    field = clear_of(field_of([(40, 40)]), everywhere, 12.0)
    covered = (len(field.avoid_yx) - 1) * np.pi * 12.0**2
    assert covered <= SHAPE[0] * SHAPE[1] / 2 < covered + np.pi * 12.0**2
    np.testing.assert_array_equal(field.avoid_yx[1:], everywhere[: len(field.avoid_yx) - 1])
    assert len(field.draw_background(50, 12.0, np.random.default_rng(1))) == 50


@pytest.mark.parametrize(("complete", "looks"), [(True, []), (False, [1, 2, 3])])
def test_partly_labelled_micrographs_are_looked_over_three_times(
    monkeypatch: pytest.MonkeyPatch, complete: bool, looks: list[int]
) -> None:
    looked: list[int] = []
    done: list[int] = []
    monkeypatch.setattr(
        ModernLearner, "look_around", lambda *_: iter(looked.append(len(done) + 1) or ())
    )
    micrographs, labels = blob_sample(1)
    recipe = replace(MODERN, batches_per_epoch=1)
    settings = TrainingSettings(24, epochs=4, labels_complete=complete, own_recipe=recipe)
    finish(train_epochs(micrographs, labels, settings), lambda epoch: done.append(epoch.epoch))
    assert looked == looks


def test_after_a_look_background_is_drawn_away_from_lookalikes(
    monkeypatch: pytest.MonkeyPatch, seen: list[ScoreMap]
) -> None:
    settings = TrainingSettings(24, epochs=4)
    fields = [field_of([(40, 40), (40, 200)])]
    learner = train.make_learner(settings, fields, np.random.default_rng(0))
    assert isinstance(learner, ModernLearner)
    for _ in range(2):  # what was kept clear of at the first look is not at the second
        seen.append(map_with({(40, 40): 0.8, (40, 200): 0.8, (120, 80): 0.9}))
        list(learner.look_around())
        assert len(learner._fields[0].avoid_yx) == 2 + 3
    assert learner._fields[0].avoid_yx[2].round().tolist() == [120, 80]


def test_paper_s_examples_stay() -> None:
    micrographs, labels = blob_sample(1)
    settings = TrainingSettings(24, recipe_name="deepem2017", epochs=4, labels_complete=False)
    fields = train.prepare_fields(micrographs, labels, 24, Sampling(1))
    learner = train.make_learner(settings, fields, np.random.default_rng(0))
    assert isinstance(learner, PaperLearner)
    before = learner._crops
    list(learner.look_around())
    assert learner._crops is before


def test_likely_particles_are_the_best_ones_apart_from_labels_and_within_the_columns() -> None:
    field = replace(field_of([(40, 40), (40, 160)]), cols=(20.0, 200.0))
    same, apart = (40.0, 40.0 + 0.29 * 24), (40.0, 40.0 + 0.31 * 24)
    beyond = [(100.0, 19.0), (100.0, 201.0)]
    others = [(100.0, 20.0 + 10 * i) for i in range(10)]
    likely = np.array([same, *beyond, apart, *others])
    particles = with_likely_particles(field, likely, 24).tolist()
    new = [list(apart), *map(list, others[:7])]  # four to a labelled one
    assert particles == [[40, 40], [40, 160]] * 2 + new  # a third of all are labelled


def test_few_likely_particles_repeat_no_label() -> None:
    field = field_of([(40, 40), (40, 160)])
    likely = np.array([(100.0, 20.0 * i) for i in range(1, 5)])
    for count in (0, 3, 4):  # up to two to a label
        particles = with_likely_particles(field, likely[:count], 24)
        np.testing.assert_array_equal(particles, [(40, 40), (40, 160), *likely[:count]])


def test_likely_particles_score_as_high_as_the_better_half_and_as_the_start_s_threshold(
    seen: list[ScoreMap],
) -> None:
    labelled = {(40, 40): 0.5, (40, 160): 0.7}
    others = {(120, 40): 0.9, (120, 120): 0.65, (120, 200): 0.55}
    for likely_from, expected in [(0.1, [0.9, 0.65]), (0.8, [0.9]), (0.95, [])]:
        seen.append(map_with(labelled | others))
        field = field_of(list(labelled))
        (cleared,) = clear_of_lookalikes(
            [field], FieldScores(NETWORK), 10.0, likely_from=likely_from
        )
        new = {(round(row), round(col)) for row, col in cleared.positive_yx} - labelled.keys()
        assert new == {centre for centre, score in others.items() if score in expected}
        assert {(120, 40), (120, 120), (120, 200)} <= {
            (round(row), round(col)) for row, col in cleared.avoid_yx
        }
