from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import expit, logit

from napari_deepem.core.picking.candidates import (
    find_candidates,
    picks_above,
    select_picks,
    smooth_scores,
)
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.types import Candidates, FloatArray, ScoreMap

BOX_PX = 20


def score_map_of(
    scores: object, *, origin_px: float = 0.0, step_px: float = 1.0, stds: object = None
) -> ScoreMap:
    array = np.array(scores, dtype=np.float32)
    spread = np.ones_like(array) if stds is None else np.array(stds, dtype=np.float32)
    return ScoreMap(array, spread, origin_px, step_px, BOX_PX)


def candidates_of(
    centres_yx: object, scores: object, stds: object = None, box_size_px: int = BOX_PX
) -> Candidates:
    centres = np.array(centres_yx, dtype=np.float64).reshape(-1, 2)
    values = np.array(scores, dtype=np.float64)
    spread = np.ones(len(values)) if stds is None else np.array(stds, dtype=np.float64)
    return Candidates(centres, values, spread, box_size_px)


def test_single_peak_is_the_candidate() -> None:
    scores = np.zeros((5, 7))
    scores[2, 4] = 0.75
    found = find_candidates(score_map_of(scores, origin_px=-1.5, step_px=3.0))
    np.testing.assert_array_equal(found.centres_yx, [[4.5, 10.5]])
    assert found.scores.tolist() == [0.75]
    assert (len(found), found.box_size_px) == (1, BOX_PX)
    assert found.centres_yx.dtype == found.scores.dtype == found.stds.dtype == np.float64


def test_peak_lower_than_a_diagonal_neighbour_is_none() -> None:
    scores = np.zeros((6, 6))
    scores[2, 2], scores[3, 3] = 0.8, 0.9
    np.testing.assert_array_equal(
        np.rint(find_candidates(score_map_of(scores)).centres_yx), [[3, 3]]
    )


def test_every_element_of_a_plateau_is_a_candidate() -> None:
    scores = np.zeros((7, 9))
    scores[2:5, 3:6] = 0.5
    found = find_candidates(score_map_of(scores))
    assert len(found) == 9
    assert np.abs(found.centres_yx - np.argwhere(scores)).max() <= 0.5
    np.testing.assert_array_equal(found.centres_yx[4], [3, 4])
    assert len(select_picks(found, threshold=0.1)) == 1


def test_two_equal_neighbours_have_their_peak_between_them() -> None:
    scores = np.zeros((5, 6))
    scores[2, 2:4] = 0.5
    found = find_candidates(score_map_of(scores))
    np.testing.assert_allclose(found.centres_yx, [[2, 2.5], [2, 2.5]])


def test_map_without_any_score_has_no_candidates() -> None:
    for shape in ((8, 9), (1, 1), (1, 6), (2, 2)):
        found = find_candidates(score_map_of(np.zeros(shape)))
        assert (len(found), found.centres_yx.shape, found.stds.shape) == (0, (0, 2), (0,))


def test_elements_along_the_border_are_no_candidates() -> None:
    scores = np.zeros((7, 9))
    scores[0, 4] = scores[6, 2] = scores[3, 0] = scores[3, 8] = scores[0, 0] = 0.9
    scores[1, 6] = 0.3
    found = find_candidates(score_map_of(scores))
    assert found.scores.tolist() == [float(np.float32(0.3))]


def test_shoulder_of_a_peak_on_the_border_is_no_candidate() -> None:
    rows, cols = np.mgrid[:9, :9]
    scores = np.exp(-(rows**2 + (cols - 4) ** 2) / 8)
    assert len(find_candidates(score_map_of(scores))) == 0


@given(
    offset=st.tuples(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49)),
    curvature=st.tuples(st.floats(0.01, 0.1), st.floats(0.01, 0.1)),
    step_px=st.floats(0.5, 40.0),
    origin_px=st.floats(-10.0, 10.0),
)
def test_parabola_finds_the_top_of_a_peak_that_is_quadratic_in_logits(
    offset: tuple[float, float],
    curvature: tuple[float, float],
    step_px: float,
    origin_px: float,
) -> None:
    rows, cols = np.mgrid[:5, :7]
    scores = expit(
        -curvature[0] * (rows - 2 - offset[0]) ** 2 - curvature[1] * (cols - 3 - offset[1]) ** 2
    )
    found = find_candidates(score_map_of(scores, origin_px=origin_px, step_px=step_px))
    expected = origin_px + step_px * (np.array([2, 3]) + offset)
    # scores are float32: 1e-7 of a curvature of 0.01
    np.testing.assert_allclose(found.centres_yx, [expected], atol=2e-5 * step_px)


@given(st.integers(0, 10**6))
def test_candidates_are_the_local_maxima_best_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, size=2))
    scores = np.round(rng.random(shape), 1).astype(np.float32)  # coarse, so that many are equal
    stds = rng.random(shape).astype(np.float32)
    expected = []
    for row in range(1, shape[0] - 1):
        for col in range(1, shape[1] - 1):
            around = scores[row - 1 : row + 2, col - 1 : col + 2]
            if scores[row, col] == around.max() and scores[row, col] > 0:
                expected.append((-float(scores[row, col]), row, col))
    found = find_candidates(score_map_of(scores, stds=stds))
    order = [(row, col) for _, row, col in sorted(expected)]
    assert len(found) == len(order)
    assert np.abs(found.centres_yx - np.array(order).reshape(-1, 2)).max(initial=0.0) <= 0.5
    for score, std, element in zip(found.scores, found.stds, order, strict=True):
        assert (score, std) == (scores[element], stds[element])


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


def test_candidates_of_boxes_beyond_the_last_row_and_column_are_brought_into_the_image() -> None:
    scores = np.zeros((6, 7), dtype=np.float32)
    scores[4, 5], scores[5, 5], scores[4, 6] = 0.9, 0.8, 0.8  # the peak leans outwards
    score_map = ScoreMap(scores, np.ones_like(scores), 0.0, 8.0, 64, shape=(34, 42))
    (centre,) = find_candidates(score_map).centres_yx
    np.testing.assert_array_equal(centre, [33.0, 41.0])


def test_smoothing_averages_logits_and_none_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(0.0, 3.0, (40, 50))
    raw = ScoreMap(expit(logits).astype(np.float32), np.ones((40, 50), np.float32), 0.0, 4, 40)
    assert smooth_scores(raw) is raw.scores
    smooth = smooth_scores(replace(raw, smoothing=0.2))  # 8 px: two steps
    expected = ndimage.gaussian_filter(logits, 2.0, mode="nearest")
    np.testing.assert_allclose(logit(smooth.astype(np.float64)), expected, atol=1e-5)
    assert smooth.dtype == np.float32


def test_scores_of_zero_and_one_can_be_smoothed() -> None:
    scores = np.zeros((9, 9), np.float32)
    scores[4, 4] = 1.0
    smooth = smooth_scores(ScoreMap(scores, scores, 0.0, 4, 40, smoothing=0.1))
    assert np.isfinite(smooth).all()
    assert np.unravel_index(smooth.argmax(), smooth.shape) == (4, 4)


def test_smoothing_ranks_a_hill_above_a_spike_and_keeps_both() -> None:
    scores = np.full((9, 20), 0.01, np.float32)
    scores[4, 4] = 0.9  # a spike
    scores[3:6, 13:16], scores[4, 14] = 0.7, 0.8  # a hill
    raw = ScoreMap(scores, np.ones_like(scores), 0.0, 4, 40)
    np.testing.assert_array_equal(find_candidates(raw).centres_yx[:2], [[16, 16], [16, 56]])
    smooth = replace(raw, smoothing=0.1)
    picks = select_picks(find_candidates(smooth), threshold=0.02)
    np.testing.assert_allclose(picks.centres_yx, [[16, 56], [16, 16]], atol=1e-5)


def test_candidates_of_a_smoothed_map_are_maxima_of_both_with_smoothed_scores() -> None:
    scores = np.random.default_rng(3).random((30, 40), dtype=np.float32)
    raw = ScoreMap(scores, np.ones_like(scores), 0.0, 4, 40)
    smooth = replace(raw, smoothing=0.2)
    also = ScoreMap(smooth_scores(smooth), raw.stds, 0.0, 4, 40)
    found = find_candidates(smooth)
    either = np.concatenate([find_candidates(also).centres_yx, find_candidates(raw).centres_yx])
    assert set(map(tuple, found.centres_yx)) == set(map(tuple, either))
    assert np.all(np.diff(found.scores) <= 0)
    assert found.scores.max() == pytest.approx(smooth_scores(smooth)[1:-1, 1:-1].max())
