from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit

from blobs import BOX_PX, blob_sample
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria, select_picks
from napari_deepem.core.picking.precision_estimate import (
    Bell,
    ScoreMixture,
    estimate_precision,
    expected_hits,
    fit_candidates,
    learn_mixture,
)
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.calibration import calibrate
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Candidates, Picks
from networks import lively_network

BACKGROUND, PARTICLES = Bell(-1.5, 0.9), Bell(2.8, 1.2)
ALL = PickCriteria(threshold=0.0)
MIXTURE = ScoreMixture(BACKGROUND, PARTICLES, share=0.16)


def draw(n_particles: int, n_background: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of so many particles and others, and which are particles; background is cut low."""
    rng = np.random.default_rng(seed)
    logits = np.concatenate(
        [
            rng.normal(PARTICLES.mean, PARTICLES.std, n_particles),
            rng.normal(BACKGROUND.mean, BACKGROUND.std, n_background),
        ]
    )
    return expit(logits), np.repeat([True, False], [n_particles, n_background])


def candidates_of(scores: np.ndarray) -> Candidates:
    """Candidates 100 px apart in a row, best first."""
    scores = np.sort(scores)[::-1]
    centres = np.stack([np.zeros(len(scores)), 100.0 * np.arange(len(scores))], axis=1)
    return Candidates(centres, scores, np.ones(len(scores)), box_size_px=64)


def model_with(mixture: ScoreMixture | None) -> SimpleNamespace:
    return SimpleNamespace(summary={} if mixture is None else mixture.as_summary())


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
    assert learnt.purity == 1.0


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


@pytest.mark.parametrize("labels_complete", [True, False])
@pytest.mark.parametrize("n_particles", [60, 240, 900])
def test_estimate_is_within_five_percent_at_thresholds_of_practical_interest(
    n_particles: int, labels_complete: bool
) -> None:
    held_out, is_particle = draw(120, 600, seed=1)
    has_label = is_particle if labels_complete else is_particle & (np.arange(720) % 3 > 0)
    learnt = learn_mixture(held_out, has_label, labels_complete)
    scores, truth = draw(10 * n_particles, 15_000, seed=2)
    for threshold in (0.3, 0.5, 0.7, 0.9):
        picked = scores >= threshold
        estimate = estimate_precision(
            [candidates_of(scores)], model_with(learnt), threshold=threshold
        )
        assert estimate == pytest.approx(truth[picked].mean(), abs=0.05)


def test_picks_of_several_micrographs_are_judged_together() -> None:
    rich, poor = (candidates_of(draw(count, 200, seed=3)[0]) for count in (80, 5))
    picks = [select_picks(found, threshold=0.4) for found in (rich, poor)]
    hits = [
        expected_hits(chosen, fit_candidates(found, MIXTURE.as_summary(), ALL))
        for chosen, found in zip(picks, (rich, poor), strict=True)
    ]
    both = estimate_precision([rich, poor], model_with(MIXTURE), threshold=0.4)
    assert both == pytest.approx(sum(hits) / (len(picks[0]) + len(picks[1])))
    assert hits[1] / len(picks[1]) < both < hits[0] / len(picks[0])


def test_scores_outside_the_std_range_say_nothing() -> None:
    scores, is_particle = draw(50, 200)
    order = np.argsort(-scores)
    found = candidates_of(scores)
    stds = np.where(is_particle[order], 1.0, 9.0)
    found = Candidates(found.centres_yx, found.scores, stds, found.box_size_px)
    assert fit_candidates(found, MIXTURE.as_summary(), ALL).share == pytest.approx(0.2, abs=0.02)
    within = fit_candidates(found, MIXTURE.as_summary(), PickCriteria(0.0, (0.5, 2.0)))
    assert within.share > 0.95


def test_nothing_is_estimated_where_nothing_was_learnt_or_picked() -> None:
    found = candidates_of(draw(5, 20)[0])
    assert estimate_precision([found], model_with(None), threshold=0.5) is None
    assert estimate_precision([found], model_with(MIXTURE), threshold=1.0) is None
    assert estimate_precision([], model_with(MIXTURE), threshold=0.5) is None
    nothing = np.zeros(20, dtype=bool)
    assert learn_mixture(np.linspace(0.1, 0.9, 20), nothing, True) is None
    assert learn_mixture(np.linspace(0.1, 0.9, 20), ~nothing, True) is None


def test_scores_of_exactly_0_and_1_are_scores() -> None:
    scores, is_particle = np.array([1.0, 1.0, 0.9, 0.2, 0.0, 0.0]), np.arange(6) < 3
    learnt = learn_mixture(scores, is_particle, labels_complete=True)
    assert learnt is not None
    chances = learnt.chances(scores)
    assert chances[-1] < 0.01 < 0.9 < chances[0]
    empty = Picks(np.empty((0, 2)), np.empty(0))
    assert expected_hits(empty, learnt.fitted_to(np.empty(0))) == 0.0


def test_mixture_survives_a_summary() -> None:
    assert ScoreMixture.of_summary({"seed": 0} | MIXTURE.as_summary()) == MIXTURE
    assert ScoreMixture.of_summary({"seed": 0}) is None


def test_calibration_says_what_it_learnt_of_the_scores() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    network = lively_network(Architecture.for_box(BOX_PX))
    figures = calibrate(network, fields, labels_complete=True).figures
    mixture = ScoreMixture.of_summary(figures)
    assert mixture is not None
    assert 0 < mixture.share < 1
    assert 0 < figures["estimated_precision"] < 1
    narrow = calibrate(network, fields, True, std_range=(0.0, 0.0)).figures
    assert set(figures) - set(narrow) == {"score_mixture", "estimated_precision"}


def test_estimate_of_a_trained_network_is_near_the_truth() -> None:
    micrographs, labels = blob_sample(*range(28))
    noise = np.random.default_rng(0)
    micrographs = [  # blobs alone are told from background without a mistake
        replace(one, image=one.image + noise.normal(0, 20, one.shape)) for one in micrographs
    ]
    model = train(micrographs[:12], labels[:12], BOX_PX, epochs=2)
    candidates = [find_candidates(score(micrograph, model)) for micrograph in micrographs[12:]]
    truth = [marked.positive_yx for marked in labels[12:]]
    precisions = []
    for threshold in (0.3, 0.5, model.threshold):
        picks = [select_picks(found, threshold=threshold) for found in candidates]
        precisions.append(evaluate(picks, truth, BOX_PX / 4).precision)
        estimate = estimate_precision(candidates, model, threshold=threshold)
        assert estimate == pytest.approx(precisions[-1], abs=0.05)
    assert precisions[0] < 0.6 < precisions[-1]
