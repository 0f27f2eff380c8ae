from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import KDTree

from napari_deepem.core.evaluation.metrics import (
    average_precision,
    evaluate,
    f_beta,
    match,
    precision_recall,
)
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.picking import cell_grid
from napari_deepem.core.types import FloatArray, Picks

NOWHERE = np.empty((0, 2))


def picks_at(cols: list[float], scores: list[float] | None) -> Picks:
    centres = np.array([[0.0, col] for col in cols]).reshape(-1, 2)
    return Picks(centres, None if scores is None else np.array(scores, dtype=np.float64))


def truth_at(*cols: float) -> FloatArray:
    return np.array([[0.0, col] for col in cols]).reshape(-1, 2)


def matched_by_brute_force(picks: Picks, truth: FloatArray, radius: float) -> list[bool]:
    """Best score first, each pick takes the nearest free particle within the radius."""
    scores = np.zeros(len(picks)) if picks.scores is None else picks.scores
    hit, free = [False] * len(picks), list(range(len(truth)))
    for pick in sorted(range(len(picks)), key=lambda i: (-scores[i], i)):
        within = [
            (float(np.hypot(*(truth[j] - picks.centres_yx[pick]))), j)
            for j in free
            if np.hypot(*(truth[j] - picks.centres_yx[pick])) <= radius
        ]
        if within:
            free.remove(min(within)[1])
            hit[pick] = True
    return hit


def matched_one_by_one(
    centres_yx: FloatArray, truth_yx: FloatArray, radius: float, scores: FloatArray | None
) -> FloatArray:
    """What is meant: all particles in reach of each pick, and the nearest of them that is free."""
    hit = np.zeros(len(centres_yx), dtype=bool)
    order = np.arange(len(centres_yx)) if scores is None else np.argsort(-scores, kind="stable")
    free = np.ones(len(truth_yx), dtype=bool)
    within_reach = KDTree(truth_yx).query_ball_point(centres_yx, radius)
    for pick in order:
        reachable = [particle for particle in within_reach[pick] if free[particle]]
        if reachable:
            distances = np.linalg.norm(truth_yx[reachable] - centres_yx[pick], axis=1)
            free[reachable[int(distances.argmin())]] = False
            hit[pick] = True
    return hit


def test_matching_radius_is_a_quarter_of_the_box() -> None:
    assert SAME_PARTICLE_BOXES == 0.25


def test_two_picks_on_one_particle_are_one_hit_the_better_one() -> None:
    picks = picks_at([11, 10], [0.6, 0.9])
    assert match(picks.centres_yx, truth_at(10), 5, picks.scores).tolist() == [False, True]


def test_one_pick_on_two_particles_is_one_hit() -> None:
    result = evaluate([picks_at([10], [0.9])], [truth_at(9, 11)], 5)
    assert (result.precision, result.recall) == (1.0, 0.5)


def test_pick_takes_the_nearest_particle_and_leaves_the_other() -> None:
    picks = picks_at([10, 6], [0.9, 0.5])
    assert match(picks.centres_yx, truth_at(6, 11), 5, picks.scores).tolist() == [True, True]


def test_best_score_chooses_first() -> None:
    picks = picks_at([8, 10], [0.5, 0.9])  # the better one takes the only particle that both reach
    assert match(picks.centres_yx, truth_at(9), 2, picks.scores).tolist() == [False, True]
    assert match(picks.centres_yx, truth_at(9), 2).tolist() == [True, False]


def test_pick_exactly_at_the_radius_is_a_hit() -> None:
    centres = np.array([[3.0, 4.0], [3.0, 4.1]])
    assert match(centres[:1], np.zeros((1, 2)), 5.0).tolist() == [True]
    assert match(centres[1:], np.zeros((1, 2)), 5.0).tolist() == [False]


@given(
    seed=st.integers(0, 10**6),
    n_picks=st.integers(1, 300),
    n_truth=st.integers(1, 300),
    radius=st.one_of(st.integers(1, 12).map(float), st.floats(0.1, 200.0)),
    side=st.sampled_from([1, 10, 60, 1000]),
    scored=st.booleans(),
    looks=st.sampled_from([1, 50, 10**6]),  # the last: everything at once
)
def test_matches_are_those_of_one_pick_after_another(
    seed: int, n_picks: int, n_truth: int, radius: float, side: int, scored: bool, looks: int
) -> None:
    rng = np.random.default_rng(seed)  # on whole pixels, so that many lie equally near
    picks_yx, truth_yx = (
        rng.integers(0, side, (count, 2)).astype(np.float64) for count in (n_picks, n_truth)
    )
    scores = np.round(rng.random(n_picks), 1) if scored else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_grid, "MOST_LOOKS", looks)
        np.testing.assert_array_equal(
            match(picks_yx, truth_yx, radius, scores),
            matched_one_by_one(picks_yx, truth_yx, radius, scores),
        )


def test_picks_in_a_heap_are_matched_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million pairs lie within the radius."""
    monkeypatch.setattr(cell_grid, "MOST_LOOKS", 20_000)
    heap_yx = np.random.default_rng(0).random((1000, 2))
    tracemalloc.start()
    try:
        hits = match(heap_yx, heap_yx, 10.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hits.all()
    assert peak < 5e6  # of all pairs it would be 40 MB


def test_hand_computed_example() -> None:
    # ranked by score: hit, miss, hit, miss; three particles, one never found
    result = evaluate(
        [picks_at([0, 50, 100, 150], [0.9, 0.8, 0.7, 0.6])], [truth_at(1, 99, 300)], 3
    )
    np.testing.assert_allclose(result.thresholds, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(result.precisions, [1, 1 / 2, 2 / 3, 2 / 4])
    np.testing.assert_allclose(result.recalls, [1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert result.ap == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)
    assert (result.precision, result.recall) == (0.5, pytest.approx(2 / 3))
    assert result.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    assert result.f2 == pytest.approx(5 * (2 / 3) * (2 / 3) / (4 * (2 / 3) + 2 / 3))
    assert result.f2_threshold == pytest.approx(0.7)
    assert (result.n_picks, result.n_truth, result.radius_px) == (4, 3, 3)


def test_micrographs_are_matched_apart_and_pooled() -> None:
    picks = [picks_at([0, 50], [0.9, 0.3]), picks_at([0], [0.6])]
    result = evaluate(picks, [truth_at(0), truth_at(50)], 5)  # the others' particles do not count
    np.testing.assert_allclose(result.precisions, [1, 1 / 2, 1 / 3])
    assert (result.precision, result.recall) == (pytest.approx(1 / 3), 0.5)


def test_equal_scores_count_together() -> None:
    scores, is_hit = np.array([0.5, 0.9, 0.5, 0.5]), np.array([True, True, False, False])
    thresholds, precisions, recalls = precision_recall(scores, is_hit, 2)
    np.testing.assert_array_equal(thresholds, [0.9, 0.5])
    np.testing.assert_array_equal(precisions, [1.0, 0.5])
    np.testing.assert_array_equal(recalls, [0.5, 1.0])


def test_order_of_equal_scores_does_not_change_average_precision() -> None:
    rng = np.random.default_rng(0)
    scores, is_hit = np.round(rng.random(50), 1), rng.random(50) < 0.5
    values = set()
    for _ in range(5):
        order = rng.permutation(50)
        _, precisions, recalls = precision_recall(scores[order], is_hit[order], 40)
        values.add(round(average_precision(precisions, recalls), 12))
    assert len(values) == 1


def test_picks_without_scores_have_no_threshold() -> None:
    result = evaluate([picks_at([0, 50], None)], [truth_at(0)], 5)
    assert result.f2_threshold is None
    assert (result.precision, result.recall, result.ap) == (0.5, 1.0, 0.5)


@pytest.mark.parametrize(
    ("picks", "truth"),
    [([], truth_at(1)), ([5.0], NOWHERE), ([], NOWHERE)],
    ids=["no picks", "no truth", "neither"],
)
def test_nothing_to_compare_gives_zeros(picks: list[float], truth: FloatArray) -> None:
    result = evaluate([picks_at(picks, [0.5] * len(picks))], [truth], 5)
    values = (result.ap, result.f1, result.precision, result.recall, result.f2)
    assert values == (0, 0, 0, 0, 0)
    assert (result.n_picks, result.n_truth) == (len(picks), len(truth))


def test_no_micrographs_at_all_give_zeros() -> None:
    result = evaluate([], [], 5)
    assert (result.ap, result.n_picks, result.n_truth) == (0, 0, 0)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 5))
def test_f_beta_is_eq_8(precision: float, recall: float, beta: float) -> None:
    below = beta**2 * precision + recall
    expected = (1 + beta**2) * precision * recall / below if below > 0 else 0.0
    assert float(f_beta(precision, recall, beta)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_f2_weighs_recall_higher() -> None:
    assert f_beta(0.5, 0.9, beta=2) > f_beta(0.9, 0.5, beta=2)
    np.testing.assert_allclose(
        f_beta(np.array([0.0, 1.0]), np.array([0.0, 1.0]), beta=2), [0.0, 1.0]
    )


@st.composite
def some_micrographs(draw: st.DrawFn) -> tuple[list[Picks], list[FloatArray]]:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    picks, truth = [], []
    for _ in range(draw(st.integers(1, 3))):
        count = rng.integers(0, 15)
        scores = np.round(rng.random(count), 1)  # many are equal
        picks.append(Picks(rng.integers(0, 30, (count, 2)).astype(np.float64), scores))
        truth.append(rng.integers(0, 30, (rng.integers(0, 12), 2)) + 0.5 * rng.random((1, 2)))
    return picks, truth


@given(some_micrographs(), st.floats(0.5, 12))
def test_evaluation_agrees_with_brute_force_at_every_threshold(
    sample: tuple[list[Picks], list[FloatArray]], radius: float
) -> None:
    picks, truth = sample
    n_truth = sum(map(len, truth))
    result = evaluate(picks, truth, radius)
    scores = sorted({float(s) for p in picks for s in np.asarray(p.scores)}, reverse=True)
    np.testing.assert_allclose(result.thresholds, scores)
    area, recall_before, f2s = 0.0, 0.0, [0.0]
    for index, threshold in enumerate(scores):
        found = picked = 0
        for p, t in zip(picks, truth, strict=True):
            assert p.scores is not None
            chosen = p.scores >= threshold
            part = Picks(p.centres_yx[chosen], p.scores[chosen])
            picked += len(part)
            found += sum(matched_by_brute_force(part, t, radius))
        precision, recall = found / picked, found / n_truth if n_truth else 0.0
        assert result.precisions[index] == pytest.approx(precision)
        assert result.recalls[index] == pytest.approx(recall)
        area += precision * (recall - recall_before)
        recall_before = recall
        f2s.append(5 * precision * recall / (4 * precision + recall) if found else 0.0)
    assert result.ap == pytest.approx(area)
    assert result.f2 == pytest.approx(max(f2s))
    np.testing.assert_allclose(result.f2s, f2s[1:])
    if scores:
        assert (result.precision, result.recall) == (
            pytest.approx(result.precisions[-1]),
            pytest.approx(result.recalls[-1]),
        )


def test_micrograph_without_picks_does_not_take_the_scores_from_the_others() -> None:
    some, none = picks_at([0, 50], [0.9, 0.1]), Picks(np.empty((0, 2)))
    result = evaluate([some, none], [truth_at(0), truth_at(0)], 5)
    assert result.f2_threshold == 0.9
    assert result.ap == pytest.approx(0.5)


def test_precision_and_recall_at_a_threshold() -> None:
    result = evaluate([picks_at([0, 50, 100], [0.9, 0.5, 0.1])], [truth_at(0, 100)], 5)
    assert result.at(0.95) == (0.0, 0.0)
    assert result.at(0.9) == result.at(0.6) == (1.0, 0.5)
    assert result.at(0.5) == (0.5, 0.5)
    assert result.at(0.0) == (pytest.approx(2 / 3), 1.0)
