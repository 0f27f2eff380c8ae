"""The calibration of a network by held-out labels: where to cut its scores, how sure picks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from napari_deepem.core.evaluation.metrics import CURVES_KEY, Evaluation, evaluate, f_beta, match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import judge
from napari_deepem.core.picking.score_evidence import LearntScores
from napari_deepem.core.picking.scoring import CPU, score_prepared
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.labelled_particles import distance_of_labels
from napari_deepem.core.types import Candidates, FloatArray, Picks, ScoreMap

UNDECIDED = 0.5  # where nothing is known: the score at which a sigmoid is undecided
LABELS_WORTH_OF_DOUBT = 10  # see `best_threshold`
AP_DOUBT = 0.1  # over the root of the labels: an average precision better by less may be chance
CURVE_STEPS = 100  # from a threshold of 0 to one of 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold, smoothing and distance with which a network's scores are best used."""

    threshold: float
    smoothing: float  # boxes, see `candidates.smooth_scores`
    figures: dict[str, Any]  # of picks at the threshold
    min_distance_px: float | None = None  # network pixels; None: a quarter of the box

    @classmethod
    def before_training(cls, start: Model | None) -> Calibration:
        """What is known before there are labels: how the model that is trained on is used."""
        if start is None:
            return cls(UNDECIDED, 0.0, {})
        distance_px = start.min_distance_px
        distance_px = distance_px and distance_px / start.sampling.scale
        return cls(start.threshold, start.smoothing, {}, distance_px)


def calibrate(
    network: Network,
    held_out: Sequence[Field],
    labels_complete: bool,
    std_range: tuple[float, float] | None = None,
    smoothings: Sequence[float] = (0.0,),
    device: torch.device = CPU,
    labelled: Sequence[Field] = (),
    start: Model | None = None,
) -> Calibration:
    """The smoothing and the F2 threshold from held-out fields, and a summary's figures of both.

    Without such fields those of `start`, the model that was trained on. Average precision and F2
    mean something only where every particle is labelled. `std_range` is that of the picks whose
    precision is estimated, see `precision_estimate`; the distance of the labels in `labelled`
    becomes that of picks.
    """
    prior = Calibration.before_training(start)
    if not held_out:
        return prior
    maps = _score_maps(network, held_out, device)
    smoothing = choose_smoothing(maps, held_out, smoothings)
    candidates = [find_candidates(replace(score_map, smoothing=smoothing)) for score_map in maps]
    evaluation = _evaluate(candidates, held_out)
    label_rate = 1.0 if labels_complete else evaluation.n_truth / n_particles(evaluation)
    distance_px = distance_of_labels(labelled, network.architecture.box_px, label_rate)
    if distance_px is not None:
        evaluation = _evaluate(candidates, held_out, distance_px)
    threshold = best_threshold(evaluation, labels_complete, prior.threshold)
    precision, recall = evaluation.at(threshold)
    figures: dict[str, Any] = {
        "held_out_recall": recall,
        CURVES_KEY: _curves(evaluation, labels_complete),
    }
    if labels_complete:
        f2 = float(f_beta(precision, recall, beta=2))
        figures |= {"held_out_ap": evaluation.ap, "held_out_f2": f2}
    criteria = PickCriteria(threshold, std_range, distance_px)
    negatives = [replace(field, prepared=-field.prepared) for field in held_out]
    on_negatives = [
        find_candidates(replace(score_map, smoothing=smoothing))
        for score_map in _score_maps(network, negatives, device)
    ]
    figures |= _figures_of_scores(candidates, on_negatives, held_out, criteria, labels_complete)
    return Calibration(threshold, smoothing, figures, distance_px)


def _figures_of_scores(
    candidates: Sequence[Candidates],
    on_negatives: Sequence[Candidates],
    held_out: Sequence[Field],
    criteria: PickCriteria,
    labels_complete: bool,
) -> dict[str, Any]:
    """What scores tell of picks, and the precision of the held-out ones estimated by that."""
    scores, has_label = _labelled_scores(candidates, held_out, criteria)
    wrong_scores, _ = _labelled_scores(on_negatives, held_out, criteria)
    learnt = LearntScores.of_held_out(scores, has_label, labels_complete)
    figures: dict[str, Any] = {}
    evidence = None
    if learnt is not None:
        hits = learnt.evidence_above(scores, criteria.threshold).hits.mean()
        wrong = learnt.evidence_above(wrong_scores, criteria.threshold).hits.mean()
        learnt = replace(learnt, on_negatives=float(wrong / hits) if hits else 0.0)
        evidence = learnt.evidence_above(scores, criteria.threshold)
        figures |= learnt.as_summary()
    estimate = judge(evidence)
    if estimate.precision is None:
        return figures | {"precision_withheld": estimate.withheld}
    return figures | {"estimated_precision": estimate.precision}


def _curves(evaluation: Evaluation, labels_complete: bool) -> dict[str, list[float]]:
    """Recall, F2 and, if it can be counted, precision at evenly spaced thresholds, for a summary.

    Where nothing is picked, recall and F2 are 0, and precision is as it was with the fewest picks.
    """
    # thresholds fall: how many are as high as each of the evenly spaced ones, less one
    indices = np.searchsorted(
        -evaluation.thresholds, -np.linspace(0.0, 1.0, CURVE_STEPS + 1), side="right"
    )
    f2s = evaluation.f2s if labels_complete else f2_of_partial_labels(evaluation)
    curves = {
        "recall": np.append(0.0, evaluation.recalls)[indices],
        "f2": np.append(0.0, f2s)[indices],
    }
    if labels_complete:
        first = evaluation.precisions[:1] if len(evaluation.precisions) else np.zeros(1)
        curves["precision"] = np.concatenate([first, evaluation.precisions])[indices]
    return {name: curve.round(4).tolist() for name, curve in curves.items()}


def choose_smoothing(
    maps: Sequence[ScoreMap], fields: Sequence[Field], smoothings: Sequence[float]
) -> float:
    """The least smoothing whose average precision is the best, or as good as can be told.

    Partial labels serve as well: what they leave out counts as wrong at every smoothing alike.
    """
    if len(smoothings) == 1:
        return smoothings[0]
    evaluations = [
        _evaluate(
            [find_candidates(replace(score_map, smoothing=width)) for score_map in maps], fields
        )
        for width in smoothings
    ]
    aps = [evaluation.ap for evaluation in evaluations]
    as_good = max(aps) - AP_DOUBT / sqrt(evaluations[0].n_truth)
    return next(width for width, ap in zip(smoothings, aps, strict=True) if ap >= as_good)


def evaluate_held_out(
    network: Network,
    fields: Sequence[Field],
    smoothing: float = 0.0,
    device: torch.device = CPU,
    min_distance_px: float | None = None,
) -> Evaluation:
    """The evaluation of picks of held-out micrographs, or parts of them, by the labels there.

    The distance is in network pixels; None: a quarter of the box.
    """
    maps = _score_maps(network, fields, device)
    candidates = [find_candidates(replace(each, smoothing=smoothing)) for each in maps]
    return _evaluate(candidates, fields, min_distance_px)


def _score_maps(network: Network, fields: Sequence[Field], device: torch.device) -> list[ScoreMap]:
    return [finish(score_prepared(field.prepared, network, device=device)) for field in fields]


def _evaluate(
    candidates: Sequence[Candidates], fields: Sequence[Field], min_distance_px: float | None = None
) -> Evaluation:
    criteria = PickCriteria(0.0, None, min_distance_px)
    picks = [
        _pick_field(each, field, criteria) for each, field in zip(candidates, fields, strict=True)
    ]
    truth = [field.positive_yx for field in fields]
    return evaluate(picks, truth, SAME_PARTICLE_BOXES * candidates[0].box_size_px)


def _pick_field(candidates: Candidates, field: Field, criteria: PickCriteria) -> Picks:
    """The picks in the field's columns; network pixels."""
    picks = criteria.picks_of(candidates)
    low, high = field.cols
    inside = (picks.centres_yx[:, 1] >= low) & (picks.centres_yx[:, 1] <= high)
    assert picks.scores is not None
    return Picks(picks.centres_yx[inside], picks.scores[inside], picks.box_size_px)


def _labelled_scores(
    candidates: Sequence[Candidates], fields: Sequence[Field], criteria: PickCriteria
) -> tuple[list[FloatArray], list[NDArray[np.bool_]]]:
    """(n,) scores of all that may be picked, and (n,) bool, which hit a label, of each field."""
    scores, has_label = [], []
    for field_candidates, field in zip(candidates, fields, strict=True):
        picks = _pick_field(field_candidates, field, criteria.of_ranking)
        radius_px = SAME_PARTICLE_BOXES * field_candidates.box_size_px
        assert picks.scores is not None
        scores.append(picks.scores)
        has_label.append(match(picks.centres_yx, field.positive_yx, radius_px, picks.scores))
    return scores, has_label


def best_threshold(
    evaluation: Evaluation, labels_complete: bool, prior: float = UNDECIDED
) -> float:
    """The threshold with the highest F2, to be used on other micrographs; `prior` without hits.

    Every threshold between the lowest score that it picks and the next lower one picks the same,
    so F2 leaves open which to take: the middle of the two, in logits, is least likely to be wrong
    elsewhere. Few labels miss the weaker particles, so the threshold is drawn towards the middle
    between typical particles and typical background, as if by ten labels there.
    """
    f2s = evaluation.f2s if labels_complete else f2_of_partial_labels(evaluation)
    if f2s.max(initial=0.0) == 0.0:
        return prior
    best = int(f2s.argmax())
    below = evaluation.thresholds[best + 1] if best + 1 < len(f2s) else 0.0
    trust = evaluation.n_truth / (evaluation.n_truth + LABELS_WORTH_OF_DOUBT)
    middle = _middle_in_logits(evaluation.thresholds[best], below)
    return float(expit(trust * middle + (1 - trust) * _between_typical_scores(evaluation)))


def _middle_in_logits(first: float, second: float) -> float:
    return float(logit(np.clip([first, second], 1e-6, 1 - 1e-6)).mean())


def _between_typical_scores(evaluation: Evaluation) -> float:
    """The logit halfway between the median hit and the median of all other picks."""
    hits = evaluation.recalls * evaluation.n_truth
    others = evaluation.counts - hits
    return _middle_in_logits(
        *(
            evaluation.thresholds[np.searchsorted(counts, counts[-1] / 2)] if counts[-1] else 0.0
            for counts in (hits, others)
        )
    )


def f2_of_partial_labels(evaluation: Evaluation) -> FloatArray:
    """(k,) F2 at each threshold, 0 to 1, if the labels are a random sample of the particles.

    Recall is that of the labels. Precision can't be counted, since a pick without a label may be
    right; but with N particles in all, TP = recall * N, and no more than there are picks, so eq 8
    is 5 TP / (4 N + picks). With N = all labels this is eq 8 as it stands.
    """
    total, counts = n_particles(evaluation), evaluation.counts
    hits = np.minimum(evaluation.recalls * total, counts)
    return 5 * hits / (4 * total + counts)


def n_particles(evaluation: Evaluation) -> float:
    """The number of particles of which the labels are a random sample; 1 or more.

    Picks that score as high as the better half of the labels that are found are particles, nearly
    all: how many of these there are to a label tells how many there are in all.
    """
    recalls, counts = evaluation.recalls, evaluation.counts
    if not recalls.any():
        return max(1.0, float(evaluation.n_truth))
    half = np.searchsorted(recalls, recalls[-1] / 2)
    return max(float(evaluation.n_truth), float(counts[half] / recalls[half]))
