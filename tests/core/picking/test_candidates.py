from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import expit, logit

from napari_deepem.core.picking.candidates import find_candidates, smooth_scores
from napari_deepem.core.picking.criteria import select_picks
from napari_deepem.core.types import ScoreMap

BOX_PX = 20


def score_map_of(
    scores: object, *, origin_px: float = 0.0, step_px: float = 1.0, stds: object = None
) -> ScoreMap:
    array = np.array(scores, dtype=np.float32)
    spread = np.ones_like(array) if stds is None else np.array(stds, dtype=np.float32)
    return ScoreMap(array, spread, origin_px, step_px, BOX_PX)


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
