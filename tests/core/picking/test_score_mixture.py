from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit

from learnt_scores import BACKGROUND, PARTICLES, draw
from napari_deepem.core.picking.score_mixture import (
    Bell,
    ScoreMixture,
    learn_mixture,
    rows_of,
    stacked,
)

MIXTURE = ScoreMixture(BACKGROUND, PARTICLES, share=0.16)


def test_chance_is_the_share_of_particles_among_candidates_of_that_score() -> None:
    scores, is_particle = draw(160_000, 840_000)
    for logit in (-0.5, 0.0, 0.5, 1.0, 2.0):
        near = np.abs(scores - expit(logit)) < 0.01
        chance = MIXTURE.chances(np.array([expit(logit)]))[0]
        assert chance == pytest.approx(is_particle[near].mean(), abs=0.02)


@given(
    st.tuples(st.floats(-5, 5), st.floats(0.2, 4.0)),
    st.tuples(st.floats(-5, 5), st.floats(0.2, 4.0)),
    st.floats(0.0, 1.0),
)
def test_chance_never_falls_with_the_score(
    background: tuple[float, float], particles: tuple[float, float], share: float
) -> None:
    mixture = ScoreMixture(Bell(*background), Bell(*particles), share)
    chances = mixture.chances(np.linspace(0.0, 1.0, 201))
    assert np.all(np.diff(chances) >= -1e-12)
    assert np.all((chances >= 0) & (chances <= 1))


@pytest.mark.parametrize("n_particles", [0, 40, 300, 1500])
def test_share_of_particles_is_found_whatever_it_was_where_bells_were_learnt(
    n_particles: int,
) -> None:
    scores, _ = draw(n_particles, 1500)
    share = n_particles / len(scores)
    assert MIXTURE.fitted_to(scores).share == pytest.approx(share, abs=0.01)


def test_bells_are_those_of_complete_labels() -> None:
    scores, is_particle = draw(4000, 20_000)
    learnt = learn_mixture(scores, is_particle, labels_complete=True)
    assert learnt is not None
    assert learnt.particles.mean == pytest.approx(PARTICLES.mean, abs=0.05)
    assert learnt.particles.std == pytest.approx(PARTICLES.std, abs=0.05)
    assert learnt.background.mean == pytest.approx(BACKGROUND.mean, abs=0.05)
    assert learnt.background.std == pytest.approx(BACKGROUND.std, abs=0.05)
    assert learnt.share == pytest.approx(4000 / 24_000, abs=0.005)
    assert learnt.purity > 0.97


def test_bell_of_background_is_found_where_two_in_three_particles_bear_no_label() -> None:
    scores, is_particle = draw(4000, 20_000)
    has_label = is_particle & (np.random.default_rng(1).random(len(scores)) < 1 / 3)
    learnt = learn_mixture(scores, has_label, labels_complete=False)
    assert learnt is not None
    assert learnt.background.mean == pytest.approx(BACKGROUND.mean, abs=0.05)
    assert learnt.background.std == pytest.approx(BACKGROUND.std, abs=0.05)
    assert learnt.share == pytest.approx(4000 / 24_000, abs=0.01)
    assert learnt.lookalikes == 0.0


def test_what_scores_like_a_particle_but_bears_no_label_counts_where_labels_are_complete() -> None:
    scores, looks_like_one = draw(300, 1500)
    is_particle = looks_like_one & (np.arange(1800) % 5 > 0)  # of five, one is dirt
    complete = learn_mixture(scores, is_particle, labels_complete=True)
    partial = learn_mixture(scores, is_particle, labels_complete=False)
    assert complete is not None
    assert partial is not None
    assert complete.purity == pytest.approx(0.8, abs=0.03)
    picked = scores >= 0.8
    estimate = complete.fitted_to(scores).chances(scores[picked]).mean()
    assert estimate == pytest.approx(is_particle[picked].mean(), abs=0.03)
    assert partial.chances(scores[picked]).mean() > 0.95


@example(candidates=[(0.0, False), (1.0, True)], labels_complete=False)  # as far apart as can be
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), max_size=12), st.booleans())
def test_whatever_is_learnt_gives_probabilities(
    candidates: list[tuple[float, bool]], labels_complete: bool
) -> None:
    scores = np.array([score for score, _ in candidates])
    has_label = np.array([label for _, label in candidates], dtype=bool)
    learnt = learn_mixture(scores, has_label, labels_complete)
    if learnt is not None:
        chances = learnt.fitted_to(scores).chances(scores)
        assert np.all((chances >= 0) & (chances <= 1))


def test_scores_of_exactly_0_and_1_are_scores() -> None:
    scores, is_particle = np.array([1.0, 1.0, 0.9, 0.2, 0.0, 0.0]), np.arange(6) < 3
    learnt = learn_mixture(scores, is_particle, labels_complete=True)
    assert learnt is not None
    chances = learnt.chances(scores)
    assert chances[-1] < 0.01 < 0.5 < chances[0]
    assert learnt.fitted_to(np.empty(0)) is learnt


def test_dirt_weighs_more_where_particles_are_few() -> None:
    """D.1: what scores like a particle on the background stays when particles get fewer."""
    rng = np.random.default_rng(0)
    scores, looks_like_one = draw(3200, 15_000)
    is_particle = looks_like_one & (np.arange(len(scores)) >= 200)  # 200 are dirt
    learnt = learn_mixture(scores, is_particle, labels_complete=True)
    assert learnt is not None
    fewer = scores[~is_particle | (rng.random(len(scores)) < 0.1)]
    assert learnt.purity == pytest.approx(3000 / 3200, abs=0.01)
    assert learnt.fitted_to(fewer).purity == pytest.approx(300 / 500, abs=0.05)


def test_stack_gives_what_its_mixtures_give() -> None:
    other = ScoreMixture(Bell(-2.0, 1.0), Bell(1.0, 0.5), share=0.3, lookalikes=0.02)
    scores, _ = draw(50, 200)
    both = stacked(rows_of([MIXTURE, other])).fitted_to(scores)
    logits = np.linspace(-4, 4, 9)
    for row, mixture in enumerate((MIXTURE, other)):
        alone = mixture.fitted_to(scores)
        np.testing.assert_allclose(both.chances(scores)[row], alone.chances(scores), atol=1e-4)
        below = alone.share_below(logits)
        np.testing.assert_allclose(both.share_below(logits)[row], below, atol=1e-4)
