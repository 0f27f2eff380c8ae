from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.evaluation.label_suggestion import (
    FEWEST_CHOICES,
    MOST_CHOICES,
    doubt,
    least_alike,
    rows_to_ask,
)
from napari_deepem.core.types import Candidates, FloatArray

BOX_PX = 40
NONE = np.empty((0, 2))


def candidates(scores: list[float], centres_yx: FloatArray | None = None) -> Candidates:
    """With these scores, two boxes apart unless said otherwise; stds are 1."""
    if centres_yx is None:
        centres_yx = np.array([[0.0, 2.0 * BOX_PX * i] for i in range(len(scores))])
    return Candidates(centres_yx, np.array(scores), np.ones(len(scores)), BOX_PX)


@given(st.floats(0.05, 0.95), st.floats(0.0, 1.0))
def test_doubt_is_greatest_at_the_threshold(threshold: float, score: float) -> None:
    at_score, at_threshold = doubt(np.array([score, threshold]), threshold)
    assert 0 <= at_score <= at_threshold
    assert abs(at_threshold - 1) < 1e-12


def test_doubt_of_chances_three_to_one_is_three_quarters() -> None:
    np.testing.assert_allclose(doubt(np.array([0.75, 0.25]), 0.5), [0.75, 0.75])
    assert doubt(np.array([0.75]), 0.75) == [1.0]


def test_candidates_to_ask_are_as_many_again_as_are_picked() -> None:
    found = candidates(list(np.linspace(0.99, 0.01, 100)))
    np.testing.assert_array_equal(rows_to_ask(found, NONE, threshold=0.7), np.arange(60))
    assert len(rows_to_ask(found, NONE, threshold=0.999)) == FEWEST_CHOICES
    assert len(rows_to_ask(found, NONE, threshold=0.0)) == 100
    assert len(rows_to_ask(candidates([0.5] * 500), NONE, threshold=0.0)) == MOST_CHOICES


def test_what_is_labelled_or_beside_a_better_one_is_not_asked() -> None:
    centres = np.array([[0.0, 0.0], [0.0, 5.0], [0.0, 100.0], [0.0, 200.0]])
    found = candidates([0.9, 0.8, 0.7, 0.6], centres)
    np.testing.assert_array_equal(rows_to_ask(found, NONE, 0.5), [0, 2, 3])
    beside = centres[2:3] + 7.0  # within a quarter of the box
    np.testing.assert_array_equal(rows_to_ask(found, beside, 0.5), [0, 3])
    np.testing.assert_array_equal(rows_to_ask(found, centres[2:3] + 8.0, 0.5), [0, 2, 3])
    assert not len(rows_to_ask(found, centres, 0.5))


def test_box_least_like_all_so_far_comes_next() -> None:
    seen = np.array([[0.0], [1.0], [9.0], [8.0], [4.0]])
    known = np.array([[0.1]])
    np.testing.assert_array_equal(least_alike(seen, known, 3), [2, 4, 3])
    np.testing.assert_array_equal(least_alike(seen, known[:0], 2), [0, 2])  # the first begins
    assert sorted(least_alike(seen, known, 9)) == [0, 1, 2, 3, 4]
    assert not len(least_alike(seen[:0], known, 3))


@given(st.floats(0.001, 1000.0))
def test_unit_of_what_is_seen_does_not_matter(unit: float) -> None:
    rng = np.random.default_rng(0)
    seen, known = rng.normal(size=(30, 3)), rng.normal(size=(4, 3))
    rescaled = np.array([1.0, unit, 1.0])
    np.testing.assert_array_equal(
        least_alike(seen, known, 10), least_alike(seen * rescaled, known * rescaled, 10)
    )
