"""A threshold that adapts to each micrograph, by what a model has learnt of scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnt_scores import BACKGROUND, PARTICLES, draw
from napari_deepem.core.picking.criteria import PickCriteria, moved
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.types import Candidates

MIXTURE = ScoreMixture(BACKGROUND, PARTICLES, share=0.16)
ADAPTIVE = PickCriteria(0.6, min_distance_px=0.0, mixture=MIXTURE)
bells = st.tuples(st.floats(-8, 8), st.floats(0.2, 4.0)).map(lambda numbers: Bell(*numbers))
mixtures = st.builds(ScoreMixture, bells, bells, st.floats(0.001, 0.9))


def candidates_of(scores: object) -> Candidates:
    """Candidates on a grid, no two near each other, whatever order their scores are in."""
    falling = np.sort(np.asarray(scores, dtype=np.float64))[::-1]
    centres_yx = np.stack([np.arange(len(falling)) * 50.0, np.zeros(len(falling))], axis=1)
    return Candidates(centres_yx, falling, np.ones(len(falling)), 20)


def drawn(n_particles: int, n_background: int = 1500) -> Candidates:
    return candidates_of(draw(n_particles, n_background)[0])


def test_threshold_is_as_it_says_where_as_many_look_like_particles_as_in_training() -> None:
    assert ADAPTIVE.lowest_score(drawn(286)) == pytest.approx(0.6, abs=0.01)


def test_fewer_particles_raise_the_threshold_and_more_lower_it() -> None:
    lowest = [ADAPTIVE.lowest_score(drawn(count)) for count in (1000, 286, 60, 15)]
    assert lowest == sorted(lowest)
    assert lowest[0] < 0.6 < lowest[2]


def test_what_is_just_picked_is_as_sure_to_be_a_particle_on_any_micrograph() -> None:
    """Counted on many micrographs' worth of candidates, as many as are a particle in truth."""
    shares = []
    for n_particles in (40_000, 160_000, 640_000):
        scores, is_particle = draw(n_particles, 840_000)
        lowest = moved(0.5, MIXTURE.shift_on(scores))
        near = np.abs(scores - lowest) < 0.01
        shares.append(is_particle[near].mean())
    assert shares == pytest.approx([shares[1]] * 3, abs=0.03)


@pytest.mark.parametrize("score", [0.0, 0.02, 0.5, 0.98, 1.0])
@pytest.mark.parametrize("count", [0, 1, 3, 1000])
def test_few_candidates_and_equal_scores_keep_the_threshold_between_both_bells(
    count: int, score: float
) -> None:
    shift = MIXTURE.shift_on(np.full(count, score))
    assert abs(shift) <= PARTICLES.mean - BACKGROUND.mean
    assert np.isfinite(shift)
    if count == 0:
        assert shift == 0.0
    if count == 1:  # it says hardly anything
        assert abs(shift) < 0.5


@given(mixtures, st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 1))
def test_raising_an_adaptive_threshold_never_adds_a_pick(
    mixture: ScoreMixture, scores: list[float], first: float, second: float
) -> None:
    low, high = sorted((first, second))
    candidates = candidates_of(scores)
    more, fewer = (
        PickCriteria(threshold, mixture=mixture).rows_of(candidates) for threshold in (low, high)
    )
    np.testing.assert_array_equal(more[: len(fewer)], fewer)
    assert len(fewer) <= len(more)


@given(mixtures, st.lists(st.floats(0, 1), max_size=60))
def test_ends_take_everything_and_what_is_certain(
    mixture: ScoreMixture, scores: list[float]
) -> None:
    candidates = candidates_of(scores)
    assert len(PickCriteria(0.0, mixture=mixture).rows_of(candidates)) == len(scores)
    assert len(PickCriteria(1.0, mixture=mixture).rows_of(candidates)) == scores.count(1.0)


@settings(max_examples=40)
@given(mixtures, st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 50))
def test_ways_to_the_picks_agree(
    mixture: ScoreMixture, scores: list[float], threshold: float, distance: float
) -> None:
    candidates = candidates_of(scores)
    candidates = Candidates(
        np.random.default_rng(0).random((len(scores), 2)) * 200,
        candidates.scores,
        np.linspace(0, 2, len(scores)),
        20,
    )
    criteria = PickCriteria(threshold, (0.2, 1.7), distance, mixture)
    picks, ranking = criteria.picks_of(candidates), criteria.of_ranking.picks_of(candidates)
    np.testing.assert_array_equal(criteria.picked_of(ranking).centres_yx, picks.centres_yx)
    plain = PickCriteria(criteria.lowest_score(candidates), (0.2, 1.7), distance)
    np.testing.assert_array_equal(plain.picks_of(candidates).centres_yx, picks.centres_yx)
    below = criteria.below_of(candidates)
    assert len(below) + len(picks) == len(ranking)


@given(st.one_of(st.none(), mixtures), st.floats(0, 1))
def test_criteria_come_back_from_their_values_as_text(
    mixture: ScoreMixture | None, threshold: float
) -> None:
    criteria = PickCriteria(threshold, (0.5, 2.0), None, mixture)
    values = json.loads(json.dumps(criteria.values))
    values["std_range"] = tuple(values["std_range"])
    assert PickCriteria.of_values(values) == criteria


def test_without_a_mixture_the_threshold_is_plain() -> None:
    candidates = drawn(20)
    assert PickCriteria(0.6).lowest_score(candidates) == 0.6
