"""The share of picks that is right, estimated without truth from their scores, or withheld.

What scores tell was learnt from held-out labels, see `score_mixture`, and learnt again from
resamples of them (the bootstrap; Efron, Annals of Statistics 7:1, 1979): how far these differ says
how sure the estimate is. It is withheld where that is not enough, and where micrographs are not
like those of the training: a confident wrong figure is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.score_mixture import (
    FARTHEST_LOGIT,
    ScoreMixture,
    learn_mixture,
    logits_of,
    rows_of,
    stacked,
)
from napari_deepem.core.types import Candidates, FloatArray, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model  # its class would bring torch

SUMMARY_KEY = "score_mixtures"  # where a model's summary holds what was learnt
RESAMPLES = 20
LARGEST_ERROR = 0.035  # standard deviation: then nine of ten estimates are within 0.05
UNDECIDED = 0.25  # the variance of one pick that may be either: few picks alone seem too sure
LEAST_SEPARATION = 1.0  # of the bells' means, in standard deviations of their difference
MISFIT_MARGIN = 0.05  # of shares of candidates: micrographs differ a little from each other
MISFIT_CHANCE = 0.6  # over the root of their number: what is due to chance
MOST_TIMES_FULLER = 4.0  # than the micrographs held out, in odds of scoring like a particle
MOST_OF_OTHER_SIZE = 0.05  # of the picks
LOGITS: FloatArray = np.arange(-FARTHEST_LOGIT, FARTHEST_LOGIT + 0.05, 0.1)

TOO_FEW_HELD_OUT = "too few particles were held out of the training"
TOO_FEW_PICKS = "too few picks"
NO_PICKS = "no picks"
NOT_TOLD_APART = "held-out particles hardly score higher than background"
OTHER_PIXEL_SIZE = "another pixel size than in training"
OTHER_SCORES = "scores are distributed otherwise than in training"


@dataclass(frozen=True, slots=True)
class PrecisionEstimate:
    """The share of picks that is right, as their scores tell it, or why that is withheld."""

    precision: float | None  # 0 to 1; None where it is withheld
    error: float | None = None  # standard deviation
    withheld: str | None = None  # why, in a few words

    def __str__(self) -> str:
        """The figure, or why there is none: what follows "estimated precision"."""
        if self.precision is None:
            return f"withheld: {self.withheld}"
        return f"{self.precision:.2f}"


@dataclass(frozen=True, eq=False, slots=True)
class LearntScores:
    """What training learnt of scores from held-out labels and resamples of them."""

    mixtures: ScoreMixture  # (b, 1) arrays
    misfit: float  # largest difference from the share of held-out candidates below a score
    n_labels: int  # that were hit

    @classmethod
    def of_held_out(
        cls,
        scores: Sequence[FloatArray],
        has_label: Sequence[NDArray[np.bool_]],
        labels_complete: bool,
    ) -> LearntScores | None:
        """What candidates on held-out micrographs teach, see `learn_mixture`; None if too few."""
        pooled, labelled = np.concatenate(scores), np.concatenate(has_label)
        rng = np.random.default_rng(0)
        samples = [rng.integers(len(pooled), size=len(pooled)) for _ in range(RESAMPLES)]
        learnt = [learn_mixture(pooled[rows], labelled[rows], labels_complete) for rows in samples]
        mixtures = [mixture for mixture in learnt if mixture is not None]
        if len(mixtures) < RESAMPLES / 2:
            return None
        stack = stacked(rows_of(mixtures))
        misfit = sum(_misfit(stack.fitted_to(each), each) for each in scores)
        return cls(stack, float(np.abs(misfit).max() / len(pooled)), int(labelled.sum()))

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> LearntScores | None:
        """What a model's summary holds; None where training could not tell."""
        stored = summary.get(SUMMARY_KEY)
        if stored is None:
            return None
        mixtures = stacked(np.array(stored["mixtures"], dtype=np.float64))
        return cls(mixtures, stored["misfit"], stored["n_labels"])

    def as_summary(self) -> dict[str, Any]:
        """An entry of a model's summary; JSON values."""
        mixtures = self.mixtures
        columns = (
            *(mixtures.background.mean, mixtures.background.std),
            *(mixtures.particles.mean, mixtures.particles.std),
            *(mixtures.share, mixtures.lookalikes),
        )
        rows = np.concatenate([np.asarray(column) for column in columns], axis=1)
        figures = {"misfit": self.misfit, "n_labels": self.n_labels}
        return {SUMMARY_KEY: {"mixtures": rows.round(6).tolist(), **figures}}

    def fitted_to(self, scores: FloatArray, other_size: bool = False) -> FittedScores:
        """The mixtures fitted to the (n,) scores of a micrograph's candidates, best first."""
        fitted = self.mixtures.fitted_to(scores)
        n_lookalikes = float(np.mean(fitted.share)) * len(scores)
        misfit = _misfit(fitted, scores)
        chances = fitted.chances(scores)
        return FittedScores(self, scores, chances, n_lookalikes, misfit, other_size)

    @property
    def separation(self) -> float:
        """How far the bells are apart, in standard deviations of the difference of two scores."""
        low, high = self.mixtures.background, self.mixtures.particles
        return float(np.mean((high.mean - low.mean) / np.hypot(high.std, low.std)))


@dataclass(frozen=True, eq=False, slots=True)
class PrecisionEvidence:
    """What the scores of micrographs tell of their picks; `+` joins that of several."""

    learnt: LearntScores
    n_picks: int
    hits: FloatArray  # (b,) how many of them are particles, by each mixture
    variance: float  # of that number if the chances were known
    n_candidates: int
    n_lookalikes: float  # of them in the bell of particles
    misfit: FloatArray  # (g,) candidates below each of `LOGITS`, less how many are expected there
    of_other_size: int = 0  # picks on micrographs of another pixel size than that of the training

    def __add__(self, other: PrecisionEvidence) -> PrecisionEvidence:
        """What both tell together."""
        return PrecisionEvidence(
            self.learnt,
            self.n_picks + other.n_picks,
            self.hits + other.hits,
            self.variance + other.variance,
            self.n_candidates + other.n_candidates,
            self.n_lookalikes + other.n_lookalikes,
            self.misfit + other.misfit,
            self.of_other_size + other.of_other_size,
        )


@dataclass(frozen=True, eq=False, slots=True)
class FittedScores:
    """The scores of a micrograph's candidates as the learnt mixtures explain them."""

    learnt: LearntScores
    scores: FloatArray  # (n,) best first
    chances: FloatArray  # (b, n) that a candidate is a particle
    n_lookalikes: float
    misfit: FloatArray  # (g,), see `PrecisionEvidence`
    other_size: bool  # whether its pixel size is not that of the training

    @classmethod
    def of(cls, ranking: Picks, model: Model, pixel_size: float | None) -> FittedScores | None:
        """The mixtures that a model learnt, fitted to (n,) candidates whatever their scores.

        None where nothing was learnt.
        """
        learnt = LearntScores.of_summary(model.summary)
        if learnt is None or ranking.scores is None:
            return None
        other_size = pixel_size is not None and not model.has_pixel_size(pixel_size)
        return learnt.fitted_to(ranking.scores, other_size)

    def evidence_above(self, threshold: float) -> PrecisionEvidence:
        """What they tell of the picks at a threshold."""
        n_picks = int(np.searchsorted(-self.scores, -threshold, side="right"))
        chances = self.chances[:, :n_picks]
        mean = chances.mean(axis=0)
        return PrecisionEvidence(
            self.learnt,
            n_picks,
            chances.sum(axis=1),
            float((mean * (1 - mean)).sum()),
            len(self.scores),
            self.n_lookalikes,
            self.misfit,
            n_picks if self.other_size else 0,
        )


def _misfit(fitted: ScoreMixture, scores: FloatArray) -> FloatArray:
    below = np.searchsorted(np.sort(logits_of(scores)), LOGITS, side="right")
    expected = fitted.share_below(LOGITS).mean(axis=0)
    return np.asarray(below - len(scores) * expected)


def judge(
    evidence: PrecisionEvidence | None, largest_error: float = LARGEST_ERROR
) -> PrecisionEstimate:
    """The estimate that evidence gives; None is that of a model that learnt nothing of scores.

    It is withheld where its standard deviation is larger than `largest_error`.
    """
    if evidence is None:
        return PrecisionEstimate(None, withheld=TOO_FEW_HELD_OUT)
    if evidence.n_picks == 0:
        return PrecisionEstimate(None, withheld=NO_PICKS)
    if evidence.of_other_size > MOST_OF_OTHER_SIZE * evidence.n_picks:
        return PrecisionEstimate(None, withheld=OTHER_PIXEL_SIZE)
    if evidence.learnt.separation < LEAST_SEPARATION:
        return PrecisionEstimate(None, withheld=NOT_TOLD_APART)
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


def _is_scored_otherwise(evidence: PrecisionEvidence) -> bool:
    """Whether scores are not distributed as those that were held out, for any share of particles.

    Nor may that share be far larger: on micrographs of another pixel size every second maximum may
    look like a particle.
    """
    learnt, count = evidence.learnt, evidence.n_candidates
    misfit = np.abs(evidence.misfit).max() / count
    if misfit > learnt.misfit + MISFIT_MARGIN + MISFIT_CHANCE / np.sqrt(count):
        return True
    share, held_out = evidence.n_lookalikes / count, float(np.mean(learnt.mixtures.share))
    return share * (1 - held_out) > MOST_TIMES_FULLER * held_out * (1 - share)


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
    return judge(sum_of(evidences))


def evidence_of(
    candidates: Candidates,
    model: Model,
    criteria: PickCriteria,
    pixel_size: float | None = None,
) -> PrecisionEvidence | None:
    """What the scores of a micrograph tell of its picks; None where a model learnt nothing."""
    ranking = criteria.of_ranking.picks_of(candidates)
    fitted = FittedScores.of(ranking, model, pixel_size)
    return None if fitted is None else fitted.evidence_above(criteria.threshold)


def sum_of(evidences: Iterable[PrecisionEvidence | None]) -> PrecisionEvidence | None:
    """What micrographs tell together; None where none tells anything."""
    known = [evidence for evidence in evidences if evidence is not None]
    return sum(known[1:], known[0]) if known else None
