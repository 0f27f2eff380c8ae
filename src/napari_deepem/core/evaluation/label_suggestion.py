"""The suggestion of what to label next: the boxes whose labels would teach most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray

WORTH_A_LOOK = 200  # of a micrograph, the most doubtful: boxes are chosen among these
SPREAD_BOXES = 1.0  # boxes apart: what overlaps teaches the same twice


@dataclass(frozen=True, eq=False, slots=True)
class Suggestion:
    """The boxes of one micrograph whose labels would teach most, the most doubtful first."""

    name: str
    centres_yx: FloatArray  # (k, 2) original pixels
    worth: float


def doubt(scores: FloatArray, threshold: float) -> FloatArray:
    """(n,) how unsure the network is, 0 to 1: the variance of a verdict, relative to the largest.

    With the threshold as the score at which both verdicts are as likely, the chance that a
    candidate is a particle is p = expit(logit(score) - logit(threshold)), and its variance
    p (1 - p). This is uncertainty sampling (Lewis and Gale, SIGIR 1994) on a calibrated score.
    """
    limited, middle = np.clip(scores, 1e-6, 1 - 1e-6), np.clip(threshold, 1e-6, 1 - 1e-6)
    chance = expit(logit(limited) - logit(middle))
    return np.asarray(4 * chance * (1 - chance))


def suggest_labels(
    candidates: Mapping[str, Candidates],
    labelled_yx: Mapping[str, FloatArray],
    criteria: PickCriteria,
    count: int = 12,
) -> Suggestion | None:
    """The micrograph, and up to `count` boxes on it, whose labels would teach most.

    On each micrograph the most doubtful candidates are taken, one box apart from each other and
    none that is labelled already. A micrograph is worth the sum of their `doubt`, halved by every
    `count` labels that it has: another micrograph has other ice. The best one wins, of equals the
    first.

    Parameters
    ----------
    candidates : mapping of names to Candidates
    labelled_yx : mapping of names to (m, 2) arrays
        What has a label or a verdict there, original pixels; names may be missing.
    criteria : PickCriteria
        At its threshold a score is as likely a particle as not. Candidates outside of its range
        of standard deviations are not picked whatever they score, so they are not suggested.
    count : int

    Returns
    -------
    Suggestion, or None where every candidate is labelled or there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Candidates, PickCriteria
    >>> from napari_deepem.core.evaluation.label_suggestion import suggest_labels
    >>> def at(*scores):
    ...     centres_yx = np.array([[0.0, 100.0 * i] for i in range(len(scores))])
    ...     return Candidates(centres_yx, np.array(scores), np.ones(len(scores)), box_size_px=50)
    >>> candidates = {"sure": at(0.99, 0.9, 0.01), "unsure": at(0.99, 0.6, 0.45)}
    >>> suggestion = suggest_labels(candidates, {}, PickCriteria(threshold=0.5), count=2)
    >>> suggestion.name, suggestion.centres_yx
    ('unsure', array([[  0., 200.],
           [  0., 100.]]))
    """
    best: Suggestion | None = None
    for name, micrograph_candidates in candidates.items():
        known_yx = labelled_yx.get(name, np.empty((0, 2)))
        chosen_yx, doubts = _most_doubtful(micrograph_candidates, known_yx, criteria, count)
        worth = float(doubts.sum()) * 0.5 ** (len(known_yx) / count)
        if worth > (0.0 if best is None else best.worth):
            best = Suggestion(name, chosen_yx, worth)
    return best


def _most_doubtful(
    candidates: Candidates,
    known_yx: FloatArray,
    criteria: PickCriteria,
    count: int,
) -> tuple[FloatArray, FloatArray]:
    """(k, 2) centres and (k,) doubts of unlabelled candidates a box apart, most doubtful first."""
    doubts = doubt(candidates.scores, criteria.threshold)
    if criteria.std_range is not None:
        low, high = criteria.std_range
        doubts[(candidates.stds < low) | (candidates.stds > high)] = 0.0
    order = np.argsort(-doubts, kind="stable")[:WORTH_A_LOOK]
    order = order[doubts[order] > 0.0]
    if len(known_yx):
        distances = nearest_distances(candidates.centres_yx[order], known_yx)
        order = order[distances > SAME_PARTICLE_BOXES * candidates.box_size_px]
    chosen: list[int] = []
    for index in order:
        offsets = candidates.centres_yx[chosen] - candidates.centres_yx[index]
        if np.all(np.hypot(*offsets.T) >= SPREAD_BOXES * candidates.box_size_px):
            chosen.append(int(index))
            if len(chosen) == count:
                break
    return candidates.centres_yx[chosen], doubts[chosen]
