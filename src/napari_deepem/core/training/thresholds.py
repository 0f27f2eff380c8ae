"""Thresholds for picking: where F2 is best on labels, and what few labels can tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from napari_deepem.core.evaluation.metrics import Evaluation
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.field_picks import (
    FieldScores,
    ScoredModel,
    evaluate_fields,
    picks_of_fields,
)
from napari_deepem.core.types import FloatArray, Picks

UNDECIDED = 0.5  # where nothing is known: the score at which a sigmoid is undecided
LABELS_WORTH_OF_DOUBT = 10  # see `best_threshold`
ENOUGH_HELD_OUT = 20  # labels; fewer don't set the threshold of a network that knew particles


def best_threshold(evaluation: Evaluation, labels_complete: bool) -> float:
    """The threshold with the highest F2, to be used on other micrographs; 0.5 without hits.

    Every threshold between the lowest score that it picks and the next lower one picks the same,
    so F2 leaves open which to take: the middle of the two, in logits, is least likely to be wrong
    elsewhere. Few labels miss the weaker particles, so the threshold is drawn towards the middle
    between typical particles and typical background, as if by ten labels there.
    """
    f2s = evaluation.f2s if labels_complete else f2_of_partial_labels(evaluation)
    if f2s.max(initial=0.0) == 0.0:
        return UNDECIDED
    best = int(f2s.argmax())
    below = evaluation.thresholds[best + 1] if best + 1 < len(f2s) else 0.0
    trust = evaluation.n_truth / (evaluation.n_truth + LABELS_WORTH_OF_DOUBT)
    middle = _middle_in_logits(evaluation.thresholds[best], below)
    return float(
        scipy.special.expit(trust * middle + (1 - trust) * _between_typical_scores(evaluation))
    )


def threshold_of_few(scores: FieldScores, start: ScoredModel, labelled: Sequence[Field]) -> float:
    """The threshold where labels are too few to be held out, for scores after training `start`.

    Training moves all scores, but not how many particles there are: one guess is where as many are
    picked on the labelled micrographs as `start` picks. The other is halfway between typical
    particles and typical background there, although these were trained on. It counts the more the
    more labels there are, half of both at ten.
    """
    candidates = scores.candidates_on(labelled, start.model.smoothing)
    evaluation = evaluate_fields(candidates, labelled)
    if not len(evaluation.thresholds):
        return start.model.threshold
    picks_before = picks_of_fields(start.candidates_on(labelled), labelled)
    n_before = [_n_above(picks, start.model.threshold) for picks in picks_before]
    as_many = evaluation.thresholds[np.searchsorted(evaluation.counts[:-1], sum(n_before))]
    guess = _middle_in_logits(as_many, as_many)
    n_labels = n_labelled(labelled)
    trust = n_labels / (n_labels + LABELS_WORTH_OF_DOUBT)
    return float(
        scipy.special.expit(trust * _between_typical_scores(evaluation) + (1 - trust) * guess)
    )


def n_labelled(fields: Sequence[Field]) -> int:
    """The number of labelled particles of fields, or of parts of them."""
    return sum(len(field.positive_yx) for field in fields)


def _n_above(picks: Picks, threshold: float) -> int:
    assert picks.scores is not None
    return int((picks.scores >= threshold).sum())


def _middle_in_logits(first: float, second: float) -> float:
    return float(scipy.special.logit(np.clip([first, second], 1e-6, 1 - 1e-6)).mean())


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
