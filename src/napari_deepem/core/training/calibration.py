"""The calibration of a network by held-out labels: where to cut its scores, how sure picks are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.evaluation.metrics import CURVES_KEY, Evaluation, f_beta, match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import can_be_sure, judge
from napari_deepem.core.picking.score_evidence import LearntScores
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.field_picks import (
    FieldScores,
    ScoredModel,
    evaluate_fields,
    picks_of_field,
    scoring,
)
from napari_deepem.core.training.held_out_figures import parts_to_pick
from napari_deepem.core.training.labelled_particles import distance_of_labels
from napari_deepem.core.training.thresholds import (
    ENOUGH_HELD_OUT,
    UNDECIDED,
    best_threshold,
    f2_of_partial_labels,
    n_labelled,
    n_particles,
    threshold_of_few,
)
from napari_deepem.core.types import Candidates, FloatArray, ScoreMap

AP_DOUBT = 0.1  # over the root of the labels: an average precision better by less may be chance
QUICK_PX = 0.5e6  # network pixels that are scored where somebody waits: 0.65 s on one busy core
CURVE_STEPS = 100  # from a threshold of 0 to one of 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold, smoothing and distance with which a network's scores are best used."""

    threshold: float
    smoothing: float  # boxes, see `candidates.smooth_scores`
    figures: dict[str, Any]  # of picks at the threshold
    min_distance_px: float | None = None  # network pixels; None: a quarter of the box
    n_labels: int = 0  # particles by which the threshold was found

    @classmethod
    def before_training(cls, start: Model | None) -> Calibration:
        """What is known before there are labels: how the model that is trained on is used."""
        if start is None:
            return cls(UNDECIDED, 0.0, {})
        distance_px = start.min_distance_px
        distance_px = distance_px and distance_px / start.sampling.scale
        return cls(start.threshold, start.smoothing, {}, distance_px)


def calibrating(
    scores: FieldScores,
    held_out: Sequence[Field],
    labels_complete: bool,
    std_range: tuple[float, float] | None = None,
    smoothings: Sequence[float] = (0.0,),
    labelled: Sequence[Field] = (),
    start: ScoredModel | None = None,
    most_px: float = inf,
) -> Generator[TilesDone, None, Calibration]:
    """A stream of progress that returns the smoothing and the F2 threshold of a network.

    They are from held-out fields, with a summary's figures of both; most of the work is scoring.

    Without such fields, or with few labels there, the threshold is that of `threshold_of_few` and
    the smoothing that of `start`, the model that was trained on, if there is one. Average
    precision and F2 mean something only where every particle is labelled. `std_range` is that of
    the picks whose precision is estimated, see `precision_estimate`; the distance of the labels in
    `labelled` becomes that of picks. Where `most_px` network pixels are to do, scores are looked at
    on the fullest parts alone, of what is held out and of what is labelled.
    """
    prior = Calibration.before_training(start.model if start else None)
    taught = labelled
    if most_px < inf:
        box_px = scores.network.architecture.box_px
        held_out, taught = (parts_to_pick(each, box_px, most_px) for each in (held_out, labelled))
    by_start = n_labelled(held_out) < ENOUGH_HELD_OUT
    if start is None or not labelled:
        by_start = False
    elif by_start:
        if most_px < inf:
            held_out = []  # figures of so few labels are not worth waiting for
        yield from scoring([(scores, [*taught, *held_out]), (start.scores, taught)])
        threshold = threshold_of_few(scores, start, taught)
        prior = replace(prior, threshold=threshold, n_labels=n_labelled(taught))
    yield from scoring([(scores, held_out)])
    if not held_out:
        return prior
    maps = [scores.map_of(field) for field in held_out]
    smoothing = prior.smoothing if by_start else choose_smoothing(maps, held_out, smoothings)
    candidates = scores.candidates_on(held_out, smoothing)
    evaluation = evaluate_fields(candidates, held_out)
    label_rate = 1.0 if labels_complete else evaluation.n_truth / n_particles(evaluation)
    distance_px = distance_of_labels(labelled, scores.network.architecture.box_px, label_rate)
    if distance_px is not None:
        evaluation = evaluate_fields(candidates, held_out, distance_px)
    threshold = prior.threshold if by_start else best_threshold(evaluation, labels_complete)
    precision, recall = evaluation.at(threshold)
    figures: dict[str, Any] = {
        "held_out_recall": recall,
        CURVES_KEY: _curves(evaluation, labels_complete),
    }
    if labels_complete:
        f2 = float(f_beta(precision, recall, beta=2))
        figures |= {"held_out_ap": evaluation.ap, "held_out_f2": f2}
    criteria = PickCriteria(threshold, std_range, distance_px)
    ranked, has_label = _labelled_scores(candidates, held_out, criteria)
    learnt = LearntScores.of_held_out(ranked, has_label, labels_complete)
    if learnt is not None and can_be_sure(learnt):
        negatives = [replace(field, prepared=-field.prepared) for field in held_out]
        of_negatives = FieldScores(scores.network, scores.device)
        yield from scoring([(of_negatives, negatives)])
        on_negatives = of_negatives.candidates_on(negatives, smoothing)
        wrong, _ = _labelled_scores(on_negatives, held_out, criteria)
        learnt = learnt.beside_negatives(ranked, wrong, threshold)
    figures |= _figures_of_scores(learnt, ranked, threshold)
    n_labels = prior.n_labels if by_start else evaluation.n_truth
    return Calibration(threshold, smoothing, figures, distance_px, n_labels)


def _figures_of_scores(
    learnt: LearntScores | None, scores: Sequence[FloatArray], threshold: float
) -> dict[str, Any]:
    """What scores tell of picks, and the precision of the held-out ones estimated by that."""
    figures = {} if learnt is None else learnt.as_summary()
    estimate = judge(None if learnt is None else learnt.evidence_above(scores, threshold))
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
        evaluate_fields(
            [find_candidates(replace(score_map, smoothing=width)) for score_map in maps], fields
        )
        for width in smoothings
    ]
    aps = [evaluation.ap for evaluation in evaluations]
    as_good = max(aps) - AP_DOUBT / sqrt(evaluations[0].n_truth)
    return next(width for width, ap in zip(smoothings, aps, strict=True) if ap >= as_good)


def _labelled_scores(
    candidates: Sequence[Candidates], fields: Sequence[Field], criteria: PickCriteria
) -> tuple[list[FloatArray], list[NDArray[np.bool_]]]:
    """(n,) scores of all that may be picked, and (n,) bool, which hit a label, of each field."""
    scores, has_label = [], []
    for field_candidates, field in zip(candidates, fields, strict=True):
        picks = picks_of_field(field_candidates, field, criteria.of_ranking)
        radius_px = SAME_PARTICLE_BOXES * field_candidates.box_size_px
        assert picks.scores is not None
        scores.append(picks.scores)
        has_label.append(match(picks.centres_yx, field.positive_yx, radius_px, picks.scores))
    return scores, has_label
