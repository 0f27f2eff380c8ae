from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from blobs import BOX_PX, blob_sample
from learnt_scores import BACKGROUND, PARTICLES, draw, learnt_from, summary_of
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import (
    AS_GOOD_ON_NEGATIVE,
    NO_PICKS,
    NOT_TAUGHT,
    NOT_TOLD_APART,
    OTHER_PIXEL_SIZE,
    OTHER_SCORES,
    TOO_FEW_HELD_OUT,
    TOO_FEW_PICKS,
    PrecisionEstimate,
    estimate_precision,
    evidence_of,
    judge,
)
from napari_deepem.core.picking.score_evidence import LearntScores, sum_of
from napari_deepem.core.picking.score_mixture import ScoreMixture
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.calibration import calibrating
from napari_deepem.core.training.dataset import prepare_fields
from napari_deepem.core.training.field_picks import FieldScores
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Candidates
from networks import lively_model, lively_network

SUMMARY = summary_of(ScoreMixture(BACKGROUND, PARTICLES, share=0.16))
MODEL = SimpleNamespace(recipe="modern", summary=SUMMARY)


def candidates_of(scores: np.ndarray) -> Candidates:
    """Candidates 100 px apart in a row, best first."""
    scores = np.sort(scores)[::-1]
    centres = np.stack([np.zeros(len(scores)), 100.0 * np.arange(len(scores))], axis=1)
    return Candidates(centres, scores, np.ones(len(scores)), box_size_px=64)


def reason_of(scores: np.ndarray, summary: dict[str, Any], threshold: float = 0.5) -> str | None:
    """Why the estimate is withheld; None where it is told."""
    model = SimpleNamespace(recipe="modern", summary=summary)
    return estimate_precision([candidates_of(scores)], model, threshold=threshold).withheld


@pytest.mark.parametrize("labels_complete", [True, False])
@pytest.mark.parametrize("n_particles", [60, 240, 900])
def test_estimate_is_within_five_percent_at_thresholds_of_practical_interest(
    n_particles: int, labels_complete: bool
) -> None:
    held_out, is_particle = draw(480, 2400, seed=1)
    has_label = is_particle if labels_complete else is_particle & (np.arange(2880) % 3 > 0)
    model = SimpleNamespace(
        recipe="modern", summary=learnt_from(held_out, has_label, labels_complete).as_summary()
    )
    scores, truth = draw(10 * n_particles, 15_000, seed=2)
    for threshold in (0.3, 0.5, 0.7, 0.9):
        estimate = estimate_precision([candidates_of(scores)], model, threshold=threshold)
        assert estimate.precision == pytest.approx(truth[scores >= threshold].mean(), abs=0.05)
        assert 0 < estimate.error < 0.03


def test_picks_of_several_micrographs_are_judged_together() -> None:
    rich, poor = (candidates_of(draw(count, 400, seed=3)[0]) for count in (160, 10))
    evidences = [evidence_of(each, MODEL, PickCriteria(0.4)) for each in (rich, poor)]
    shares = [each.hits.mean() / each.n_picks for each in evidences]
    both = estimate_precision([rich, poor], MODEL, threshold=0.4)
    n_picks = sum(each.n_picks for each in evidences)
    assert both.precision == pytest.approx(sum(e.hits.mean() for e in evidences) / n_picks)
    assert both == judge(sum_of(evidences))
    assert shares[1] < both.precision < shares[0]


def test_scores_outside_the_std_range_say_nothing() -> None:
    scores, is_particle = draw(50, 200)
    of_all, order = candidates_of(scores), np.argsort(-scores)
    stds = np.where(is_particle[order], 1.0, 9.0)
    both = Candidates(of_all.centres_yx, of_all.scores, stds, of_all.box_size_px)
    within = evidence_of(both, MODEL, PickCriteria(0.0, (0.5, 2.0)))
    assert (within.n_picks, within.n_candidates) == (50, 50)
    assert within.hits.mean() > 47
    assert evidence_of(both, MODEL, PickCriteria(0.0)).hits.mean() == pytest.approx(50, abs=5)


def test_estimate_is_withheld_where_nothing_was_learnt_or_picked() -> None:
    scores, _ = draw(100, 400)
    assert reason_of(scores, {}) == TOO_FEW_HELD_OUT
    assert reason_of(scores, SUMMARY, threshold=1.0) == NO_PICKS
    assert estimate_precision([], MODEL, threshold=0.5).withheld == TOO_FEW_HELD_OUT
    general = general_model(60)
    assert estimate_precision([], general, threshold=0.5).withheld == NOT_TAUGHT
    nothing = np.zeros(20, dtype=bool)
    for labels in (nothing, ~nothing):
        assert LearntScores.of_held_out([np.linspace(0.1, 0.9, 20)], [labels], True) is None


def test_estimate_is_withheld_where_few_were_held_out_or_are_picked() -> None:
    """D.1: a figure that may well be off by more than 0.05 is not told."""
    scores, _ = draw(400, 2000)
    for count in (4, 12):
        learnt = learnt_from(*draw(count, 60, seed=1), labels_complete=True)
        assert reason_of(scores, learnt.as_summary()) == TOO_FEW_HELD_OUT
    assert reason_of(draw(8, 40)[0], SUMMARY) == TOO_FEW_PICKS
    assert reason_of(scores, SUMMARY) is None


def test_estimate_is_withheld_where_training_could_not_tell_particles_apart() -> None:
    """D.1: labels on noise score as what has none."""
    rng = np.random.default_rng(0)
    noise, labels = rng.random(900), rng.random(900) < 0.3
    learnt = learnt_from(noise, labels, True).as_summary()
    assert reason_of(rng.random(500), learnt) == NOT_TOLD_APART


@pytest.mark.parametrize(("shift", "stretch"), [(2.0, 1.0), (0.0, 2.0), (-1.5, 1.0), (0.5, 0.3)])
def test_estimate_is_withheld_where_scores_are_distributed_otherwise(
    shift: float, stretch: float
) -> None:
    """D.1: white particles, another pixel size that no header tells, another kind of ice."""
    scores, _ = draw(100, 500)
    logits = np.log(scores / (1 - scores))
    assert reason_of(scores, SUMMARY) is None
    assert reason_of(1 / (1 + np.exp(-stretch * logits - shift)), SUMMARY) == OTHER_SCORES


def test_estimate_is_withheld_where_far_more_scores_like_a_particle() -> None:
    """D.1: at twice the pixel size noise is as smooth as particles are."""
    assert reason_of(draw(200, 500)[0], SUMMARY) is None
    assert reason_of(draw(500, 500)[0], SUMMARY) == OTHER_SCORES


def test_estimate_is_withheld_where_the_negative_has_as_good_picks() -> None:
    """D.1: what is found on a negative is no particle, however it scores."""
    learnt = LearntScores.of_summary(SUMMARY)
    right, wrong = (
        learnt.evidence_above([np.sort(draw(count, 500)[0])[::-1]], 0.5) for count in (100, 10)
    )
    assert judge(right.beside(None)) == judge(right.beside(wrong)) == judge(right)
    assert judge(wrong.beside(right), 1.0).withheld == AS_GOOD_ON_NEGATIVE
    assert judge(wrong.beside(right) + right.beside(wrong), 1.0).withheld is None
    alike = replace(learnt, on_negatives=1.1).evidence_above([right_scores()], 0.5)
    assert judge(alike).withheld == AS_GOOD_ON_NEGATIVE  # already in training


def right_scores() -> np.ndarray:
    return np.sort(draw(100, 500)[0])[::-1]


def test_estimate_is_withheld_for_another_pixel_size() -> None:
    """D.1: micrographs at half the pixel size of the training."""
    found = candidates_of(draw(100, 500)[0])
    model = replace(lively_model(BOX_PX), summary=SUMMARY, pixel_size=2.0)
    reasons = [
        estimate_precision([found], model, threshold=0.5, pixel_size=size).withheld
        for size in (None, 2.0, 2.02, 1.0, 4.0)
    ]
    assert reasons == [None, None, None, OTHER_PIXEL_SIZE, OTHER_PIXEL_SIZE]


def test_estimate_is_told_in_a_few_words() -> None:
    assert str(PrecisionEstimate(0.934, 0.02)) == "0.93"
    assert str(PrecisionEstimate(None, withheld=NO_PICKS)) == "withheld: no picks"


def test_what_was_learnt_survives_a_summary() -> None:
    learnt = LearntScores.of_summary({"seed": 0} | SUMMARY)
    assert learnt.as_summary() == SUMMARY
    assert LearntScores.of_summary({"seed": 0}) is None


def test_calibration_says_what_it_learnt_of_the_scores() -> None:
    micrographs, labels = blob_sample(1, 2)
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    scores = FieldScores(lively_network(Architecture.for_box(BOX_PX)))
    figures = finish(calibrating(scores, fields, labels_complete=True)).figures
    learnt = LearntScores.of_summary(figures)
    assert learnt is not None
    assert np.all((learnt.mixtures.share > 0) & (learnt.mixtures.share < 1))
    assert figures["precision_withheld"] == NOT_TOLD_APART  # the network has random weights
    narrow = finish(calibrating(scores, fields, True, std_range=(0.0, 0.0))).figures
    assert set(figures) - set(narrow) == {"score_mixtures"}
    assert narrow["precision_withheld"] == TOO_FEW_HELD_OUT


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
        criteria = replace(PickCriteria.of_model(model), threshold=threshold)
        picks = [criteria.picks_of(each) for each in candidates]
        precisions.append(evaluate(picks, truth, BOX_PX / 4).precision)
        evidence = sum_of(evidence_of(each, model, criteria) for each in candidates)
        estimate = judge(evidence, largest_error=0.2)  # 27 particles were held out
        assert estimate.error is not None
        assert estimate.error < 0.07
        assert estimate.precision == pytest.approx(precisions[-1], abs=2 * estimate.error)
    assert precisions[0] < 0.6 < precisions[-1]
