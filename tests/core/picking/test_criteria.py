from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.picking.criteria import PickCriteria, picks_above, select_picks
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.types import Candidates, FloatArray

BOX_PX = 20


def candidates_of(
    centres_yx: object, scores: object, stds: object = None, box_size_px: int = BOX_PX
) -> Candidates:
    centres = np.array(centres_yx, dtype=np.float64).reshape(-1, 2)
    values = np.array(scores, dtype=np.float64)
    spread = np.ones(len(values)) if stds is None else np.array(stds, dtype=np.float64)
    return Candidates(centres, values, spread, box_size_px)


def test_candidates_outside_a_std_range_are_left_out_its_ends_included() -> None:
    candidates = candidates_of(
        [[0, 0], [0, 50], [0, 100], [0, 150], [0, 200]],
        [0.9, 0.8, 0.7, 0.6, 0.5],
        [0.99, 1.0, 1.5, 2.0, 2.01],
    )
    picks = select_picks(candidates, threshold=0.0, std_range=(1.0, 2.0))
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.8, 0.7, 0.6]


def test_threshold_is_the_lowest_score_that_is_picked() -> None:
    candidates = candidates_of([[0, 0], [0, 50], [0, 100]], [0.9, 0.5, 0.49])
    picks = select_picks(candidates, threshold=0.5)
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.9, 0.5]
    assert picks.box_size_px == BOX_PX


def test_of_two_that_are_too_near_the_better_is_kept() -> None:
    candidates = candidates_of([[0, 0], [0, 4], [0, 16], [0, 23]], [0.9, 0.8, 0.7, 0.6])
    near = select_picks(candidates, threshold=0.0)  # 0.25 of the box of 20 px: 5 px
    np.testing.assert_array_equal(near.centres_yx[:, 1], [0, 16, 23])
    far = select_picks(candidates, threshold=0.0, min_distance_px=17.0)
    np.testing.assert_array_equal(far.centres_yx[:, 1], [0, 23])
    assert len(select_picks(candidates, threshold=0.0, min_distance_px=0.0)) == 4


def test_candidate_that_the_std_range_drops_does_not_hide_its_neighbour() -> None:
    candidates = candidates_of([[0, 0], [0, 3]], [0.9, 0.8], [9.0, 1.0])
    picks = select_picks(candidates, threshold=0.0, std_range=(0.5, 2.0))
    np.testing.assert_array_equal(picks.centres_yx, [[0, 3]])


def test_nothing_to_pick_from_gives_no_picks() -> None:
    picks = select_picks(candidates_of([], []), threshold=0.5, std_range=(0.0, 1.0))
    assert picks.centres_yx.shape == (0, 2)
    assert len(picks) == 0


@st.composite
def some_candidates(draw: st.DrawFn) -> Candidates:
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    scores = np.sort(np.round(rng.random(count), 2))[::-1]
    # whole pixels, so that many distances are equal to the least one
    return candidates_of(rng.integers(0, 60, (count, 2)), scores, rng.random(count))


distances = st.integers(0, 25).map(float)


def picked_by_brute_force(
    candidates: Candidates, threshold: float, std_range: tuple[float, float], distance: float
) -> FloatArray:
    kept: list[FloatArray] = []
    for centre, score, std in zip(
        candidates.centres_yx, candidates.scores, candidates.stds, strict=True
    ):
        if score < threshold or not std_range[0] <= std <= std_range[1]:
            continue
        if all(np.hypot(*(centre - other)) >= distance for other in kept):
            kept.append(centre)
    return np.array(kept).reshape(-1, 2)


@given(some_candidates(), st.floats(0, 1), st.floats(0, 0.5), st.floats(0.5, 1), distances)
def test_selection_agrees_with_brute_force(
    candidates: Candidates, threshold: float, low: float, high: float, distance: float
) -> None:
    picks = select_picks(
        candidates, threshold=threshold, std_range=(low, high), min_distance_px=distance
    )
    expected = picked_by_brute_force(candidates, threshold, (low, high), distance)
    np.testing.assert_array_equal(picks.centres_yx, expected)


@given(some_candidates(), distances)
def test_picks_keep_their_distance_and_every_dropped_one_is_near_a_better(
    candidates: Candidates, distance: float
) -> None:
    kept = keep_best_apart(candidates.centres_yx, distance)
    between = np.linalg.norm(candidates.centres_yx[:, None] - candidates.centres_yx[None], axis=2)
    for index in range(len(candidates)):
        nearest_kept = between[index, :index][kept[:index]].min(initial=np.inf)
        assert kept[index] == (nearest_kept >= distance)


@given(some_candidates(), st.floats(0, 1), st.floats(0, 1), distances)
def test_raising_the_threshold_never_adds_a_pick(
    candidates: Candidates, first: float, second: float, distance: float
) -> None:
    low, high = sorted((first, second))
    more, fewer = (
        select_picks(candidates, threshold=threshold, min_distance_px=distance)
        for threshold in (low, high)
    )
    np.testing.assert_array_equal(more.centres_yx[: len(fewer)], fewer.centres_yx)
    assert len(fewer) <= len(more)


@given(some_candidates(), st.floats(0, 1), st.floats(0, 0.5), st.floats(0.5, 1), distances)
def test_picks_and_those_below_the_threshold_are_the_whole_ranking(
    candidates: Candidates, threshold: float, low: float, high: float, distance: float
) -> None:
    criteria = PickCriteria(threshold, (low, high), distance)
    picks, below = criteria.picks_of(candidates), criteria.below_of(candidates)
    ranking = criteria.of_ranking.picks_of(candidates)
    both = np.concatenate((picks.centres_yx, below.centres_yx))
    np.testing.assert_array_equal(both, ranking.centres_yx)
    assert below.scores is not None
    assert (below.scores < threshold).all()


@given(some_candidates(), st.floats(0, 1), st.floats(0, 0.5), st.floats(0.5, 1), distances)
def test_ranking_cut_at_a_threshold_is_the_selection_at_it(
    candidates: Candidates, threshold: float, low: float, high: float, distance: float
) -> None:
    how: dict[str, Any] = {"std_range": (low, high), "min_distance_px": distance}
    ranking = select_picks(candidates, threshold=0.0, **how)
    for cut in (threshold, float(candidates.scores.max(initial=0.0))):
        expected, picks = select_picks(candidates, threshold=cut, **how), picks_above(ranking, cut)
        np.testing.assert_array_equal(picks.centres_yx, expected.centres_yx)
        np.testing.assert_array_equal(picks.scores, expected.scores)
        assert picks.box_size_px == expected.box_size_px


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_picks_are_a_multiple_of_themselves_on_a_multiple_of_the_pixels(factor: float) -> None:
    rng = np.random.default_rng(0)
    centres, scores = rng.random((60, 2)) * 100, np.sort(rng.random(60))[::-1]
    picks = select_picks(candidates_of(centres, scores), threshold=0.3)
    scaled = select_picks(
        candidates_of(factor * centres, scores, box_size_px=int(factor * BOX_PX)), threshold=0.3
    )
    np.testing.assert_array_equal(scaled.centres_yx, factor * picks.centres_yx)
