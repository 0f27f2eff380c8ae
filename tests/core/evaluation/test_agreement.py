"""Two people's labels of one micrograph, merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_deepem.core.evaluation.agreement import NO_AGREEMENT, merge_labels, pairs_within
from napari_deepem.core.types import NO_LABELS, Labels

RADIUS_PX = 10.0
positions = arrays(
    np.float64, st.tuples(st.integers(0, 12), st.just(2)), elements=st.integers(0, 60)
).map(lambda each: np.unique(each, axis=0))


def test_particle_that_both_marked_lies_between_their_positions() -> None:
    labels, agreement = merge_labels(Labels.of([(10, 10)]), Labels.of([(16, 18)]), RADIUS_PX)
    assert labels.positive_yx.tolist() == [[13, 14]]
    assert agreement.distances_px.tolist() == [10]
    assert agreement.f1 == 1


def test_particle_of_one_alone_is_a_particle_or_unsure() -> None:
    one, other = Labels.of([(10, 10), (90, 90)]), Labels.of([(10, 10)])
    either, agreement = merge_labels(one, other, RADIUS_PX, "either")
    both, _ = merge_labels(one, other, RADIUS_PX, "both")
    assert either.positive_yx.tolist() == [[10, 10], [90, 90]]
    assert (both.positive_yx.tolist(), both.unsure_yx.tolist()) == ([[10, 10]], [[90, 90]])
    assert agreement.f1 == pytest.approx(2 / 3)
    assert (agreement.first, agreement.second, agreement.both) == (2, 1, 1)


@pytest.mark.parametrize("keep", ["either", "both"])
def test_what_one_calls_a_particle_and_the_other_none_is_unsure(keep: str) -> None:
    one, other = Labels.of([(10, 10)]), Labels.of((), [(12, 10), (70, 70)])
    for first, second in ((one, other), (other, one)):
        labels, agreement = merge_labels(first, second, RADIUS_PX, keep)  # type: ignore[arg-type]
        assert labels.positive_yx.tolist() == []
        assert labels.unsure_yx.tolist() == [[10, 10]]
        assert labels.negative_yx.tolist() == [[70, 70]]
        assert agreement.contested == 1


def test_nearest_two_are_a_pair() -> None:
    first_yx, second_yx = np.array([[0.0, 0], [8, 0]]), np.array([[9.0, 0], [40, 0]])
    ours, theirs, distances_px = pairs_within(first_yx, second_yx, RADIUS_PX)
    assert (ours.tolist(), theirs.tolist(), distances_px.tolist()) == ([1], [0], [1])


def test_nothing_marked_by_either_is_full_agreement() -> None:
    assert merge_labels(NO_LABELS, NO_LABELS, RADIUS_PX)[1].f1 == 1


def test_agreements_add_up() -> None:
    one = merge_labels(Labels.of([(10, 10)]), Labels.of([(10, 12)]), RADIUS_PX)[1]
    other = merge_labels(Labels.of([(10, 10)]), NO_LABELS, RADIUS_PX)[1]
    total = sum([one, other], NO_AGREEMENT)
    assert (total.first, total.second, total.both) == (2, 1, 1)
    assert total.f1 == pytest.approx(2 / 3)


@given(positions, positions)
def test_merging_does_not_depend_on_who_is_first(one_yx: np.ndarray, other_yx: np.ndarray) -> None:
    one, other = Labels.of(one_yx), Labels.of(other_yx)
    agreement = merge_labels(one, other, RADIUS_PX)[1]
    turned = merge_labels(other, one, RADIUS_PX)[1]
    assert (agreement.first, agreement.second) == (turned.second, turned.first)
    assert (agreement.distances_px <= RADIUS_PX).all()


@given(positions)
def test_labels_merged_with_themselves_stay(centres_yx: np.ndarray) -> None:
    labels = Labels.of(centres_yx)
    merged, agreement = merge_labels(labels, labels, 0.5, "both")
    assert sorted(map(tuple, merged.positive_yx)) == sorted(map(tuple, centres_yx))
    assert agreement.f1 == 1
