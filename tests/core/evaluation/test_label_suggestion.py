from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.evaluation.label_suggestion import doubt, suggest_labels
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray

BOX_PX = 40


HALF = PickCriteria(threshold=0.5)


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


def test_most_doubtful_boxes_come_first_and_overlap_none_before() -> None:
    centres = np.array([[0.0, 0.0], [0.0, 30.0], [0.0, 100.0], [0.0, 200.0]])
    found = candidates([0.5, 0.51, 0.6, 0.99], centres)
    suggestion = suggest_labels({"a": found}, {}, HALF, count=3)
    assert suggestion is not None
    np.testing.assert_array_equal(suggestion.centres_yx, centres[[0, 2, 3]])


def test_what_is_labelled_is_not_asked_again() -> None:
    found = candidates([0.5, 0.6])
    labelled = {"a": found.centres_yx[:1] + 9.0}  # within a quarter of the box, diagonally not
    suggestion = suggest_labels({"a": found}, labelled, HALF)
    assert suggestion is not None
    np.testing.assert_array_equal(suggestion.centres_yx, found.centres_yx)
    labelled = {"a": found.centres_yx[:1] + 7.0}
    suggestion = suggest_labels({"a": found}, labelled, HALF)
    assert suggestion is not None
    np.testing.assert_array_equal(suggestion.centres_yx, found.centres_yx[1:])
    assert suggest_labels({"a": found}, {"a": found.centres_yx}, HALF) is None
    assert suggest_labels({}, {}, HALF) is None


def test_micrograph_with_labels_gives_way_to_one_without() -> None:
    found = {"labelled": candidates([0.5, 0.5]), "new": candidates([0.55, 0.45])}
    labelled = {"labelled": np.full((4, 2), 1000.0)}
    first = suggest_labels(found, {}, HALF, count=2)
    second = suggest_labels(found, labelled, HALF, count=2)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("labelled", "new")
    assert (first.worth, labelled["labelled"].shape[0]) == (2.0, 4)


def test_more_doubtful_boxes_outweigh_a_single_one() -> None:
    found = {"one": candidates([0.5]), "several": candidates([0.4, 0.4, 0.6])}
    suggestion = suggest_labels(found, {}, HALF)
    assert suggestion is not None
    assert suggestion.name == "several"


def test_what_the_std_range_cuts_is_not_suggested() -> None:
    found = Candidates(np.array([[0.0, 0.0], [0.0, 90.0]]), np.full(2, 0.5), np.array([1, 9]), 40)
    suggestion = suggest_labels({"a": found}, {}, PickCriteria(0.5, (0.5, 2.0)))
    assert suggestion is not None
    np.testing.assert_array_equal(suggestion.centres_yx, [[0.0, 0.0]])
