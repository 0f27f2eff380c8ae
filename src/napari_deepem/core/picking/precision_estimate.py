"""The share of picks that is right, estimated without truth from their scores, or withheld.

It is withheld where what was learnt from held-out labels (see `score_evidence`) is not sure enough,
and where micrographs are not like those of the training: a confident wrong figure is worse than
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_deepem.core.network.general import is_general
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.score_evidence import (
    FittedScores,
    LearntScores,
    PrecisionEvidence,
    sum_of,
)
from napari_deepem.core.types import Candidates, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model  # its class would bring torch

LARGEST_ERROR = 0.03  # standard deviation: nine of ten such estimates are within 0.05
UNDECIDED = 0.25  # the variance of one pick that may be either: few picks alone seem too sure
LEAST_SEPARATION = 1.0  # of the bells' means, in standard deviations of their difference
MISFIT_MARGIN = 0.05  # of shares of candidates: micrographs differ a little from each other
MISFIT_CHANCE = 0.6  # over the root of their number: what is due to chance
MOST_TIMES_FULLER = 4.0  # than the micrographs held out, in odds of scoring like a particle
NO_HIT = 1.0  # expected hits on a negative that say nothing
MOST_OF_OTHER_SIZE = 0.05  # of the picks

NOT_TAUGHT = "no label taught the network"
TOO_FEW_HELD_OUT = "too few particles were held out of the training"
TOO_FEW_PICKS = "too few picks"
NO_PICKS = "no picks"
NOT_TOLD_APART = "held-out particles hardly score higher than background"
OTHER_PIXEL_SIZE = "another pixel size than in training"
AS_GOOD_ON_NEGATIVE = "picks on the negative image are as good"
OTHER_SCORES = "scores are distributed otherwise than in training"


@dataclass(frozen=True, slots=True)
class PrecisionEstimate:
    """The share of picks that is right, as their scores tell it, or why that is withheld."""

    precision: float | None  #: 0 to 1; None where it is withheld
    error: float | None = None  #: standard deviation
    withheld: str | None = None  #: why, in a few words

    def __str__(self) -> str:
        """The figure, or why there is none: what follows "estimated precision"."""
        if self.precision is None:
            return f"withheld: {self.withheld}"
        return f"{self.precision:.2f}"


def judge(
    evidence: PrecisionEvidence | None,
    largest_error: float = LARGEST_ERROR,
    *,
    is_taught: bool = True,
) -> PrecisionEstimate:
    """The estimate that evidence gives; None is that of a model that learnt nothing of scores.

    It is withheld where its standard deviation is larger than `largest_error`, and of the general
    network itself, which no label has taught.
    """
    if evidence is None:
        return PrecisionEstimate(None, withheld=TOO_FEW_HELD_OUT if is_taught else NOT_TAUGHT)
    if evidence.n_picks == 0:
        return PrecisionEstimate(None, withheld=NO_PICKS)
    if evidence.of_other_size > MOST_OF_OTHER_SIZE * evidence.n_picks:
        return PrecisionEstimate(None, withheld=OTHER_PIXEL_SIZE)
    if evidence.learnt.separation < LEAST_SEPARATION:
        return PrecisionEstimate(None, withheld=NOT_TOLD_APART)
    on_negative, with_negative = evidence.on_negative, evidence.with_negative
    if evidence.learnt.on_negatives >= 1 or on_negative > max(with_negative, NO_HIT):
        return PrecisionEstimate(None, withheld=AS_GOOD_ON_NEGATIVE)
    if _is_scored_otherwise(evidence):
        return PrecisionEstimate(None, withheld=OTHER_SCORES)
    # resamples of a few labels that were told without a mistake know of no mistakes
    unseen = 1 / evidence.learnt.n_labels
    of_learning = float(np.hypot(evidence.hits.std() / evidence.n_picks, unseen))
    of_picks = float(np.sqrt(evidence.variance + UNDECIDED)) / evidence.n_picks
    error = float(np.hypot(of_learning, of_picks))
    if error > largest_error:
        few = TOO_FEW_HELD_OUT if of_learning > of_picks else TOO_FEW_PICKS
        return PrecisionEstimate(None, withheld=few)
    return PrecisionEstimate(float(evidence.hits.mean()) / evidence.n_picks, error)


def can_be_sure(learnt: LearntScores, largest_error: float = LARGEST_ERROR) -> bool:
    """Whether enough labels were held out for an estimate that is not withheld anyway."""
    return 1 / learnt.n_labels <= largest_error


def _is_scored_otherwise(evidence: PrecisionEvidence) -> bool:
    """Whether scores are not distributed as those that were held out, for any share of particles.

    Nor may that share be far larger: on micrographs of another pixel size every second maximum may
    look like a particle.
    """
    learnt, count = evidence.learnt, evidence.n_candidates
    due_to_chance = MISFIT_CHANCE / np.sqrt(count)
    misfit = np.abs(evidence.misfit).max() / count
    if misfit > learnt.misfit + MISFIT_MARGIN + due_to_chance:
        return True
    held_out = float(np.mean(learnt.mixtures.share))
    share = max(0.0, evidence.n_lookalikes / count - due_to_chance)
    return bool(share * (1 - held_out) > MOST_TIMES_FULLER * held_out * (1 - share))


def estimate_precision(
    candidates: Sequence[Candidates],
    model: Model,
    *,
    threshold: float,
    std_range: tuple[float, float] | None = None,
    min_distance_px: float | None = None,
    pixel_size: float | None = None,
) -> PrecisionEstimate:
    """The share of picks that is right, estimated without knowing the truth.

    Parameters
    ----------
    candidates : sequence of Candidates
        One item a micrograph.
    model : Model
        What scored them.
    threshold, std_range, min_distance_px
        As in `PickCriteria`; the model learnt what scores tell at its own range and distance.
    pixel_size : float, optional
        Of the micrographs, A per original pixel; None where it is not known.

    Returns
    -------
    PrecisionEstimate
        Precision, 0 to 1, of the picks of all micrographs together, and its standard deviation; or
        why it is withheld.

    Notes
    -----
    The labels that were held out must be like the rest: what they never show, such as a carbon edge
    that is taken for particles, is missed, and the estimate too high.

    Examples
    --------
    >>> from napari_deepem import (
    ...     Labels, estimate_precision, find_candidates, score, simulate_sample, train
    ... )
    >>> first, second = simulate_sample(2)
    >>> model = train([first.micrograph], [Labels.of(first.truth_yx)], box_size_px=120, epochs=2)
    >>> candidates = find_candidates(score(second.micrograph, model))
    >>> print(estimate_precision([candidates], model, threshold=0.9))
    withheld: too few particles were held out of the training
    """
    criteria = PickCriteria(threshold, std_range, min_distance_px)
    evidences = [evidence_of(each, model, criteria, pixel_size) for each in candidates]
    return judge(sum_of(evidences), is_taught=not is_general(model))


def evidence_of(
    candidates: Candidates,
    model: Model,
    criteria: PickCriteria,
    pixel_size: float | None = None,
) -> PrecisionEvidence | None:
    """What the scores of a micrograph tell of its picks; None where a model learnt nothing."""
    ranking = criteria.of_ranking.picks_of(candidates)
    return evidence_of_ranking(ranking, model, criteria.threshold_on(ranking), pixel_size)


def evidence_of_ranking(
    ranking: Picks, model: Model, threshold: float, pixel_size: float | None
) -> PrecisionEvidence | None:
    """The same, of what `PickCriteria.of_ranking` picks."""
    fitted = FittedScores.of(ranking, model, pixel_size)
    return None if fitted is None else fitted.evidence_above(threshold)
