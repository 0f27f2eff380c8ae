"""What scores tell of how many picks are particles: learnt from held-out labels, used anywhere.

It is learnt again from resamples of what was held out (the bootstrap; Efron, Annals of Statistics
7:1, 1979): how far these differ says how sure it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.network.model import same_pixel_size
from napari_deepem.core.picking.score_mixture import (
    FARTHEST_LOGIT,
    ScoreMixture,
    learn_mixture,
    logits_of,
    mixture_of,
    rows_of,
    stacked,
    table_of,
)
from napari_deepem.core.types import FloatArray, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model  # its class would bring torch

SUMMARY_KEY = "score_mixtures"  # where a model's summary holds what was learnt
RESAMPLES = 20
LOGITS: FloatArray = np.arange(-FARTHEST_LOGIT, FARTHEST_LOGIT + 0.05, 0.1)


@dataclass(frozen=True, eq=False, slots=True)
class LearntScores:
    """What training learnt of scores from held-out labels and resamples of them."""

    mixtures: ScoreMixture  # (b, 1) arrays
    misfit: float  # largest difference from the share of held-out candidates below a score
    n_labels: int  # that were hit
    # expected hits among picks of the negatives of what was held out, over those of itself; 0
    # where these were not looked at, see `precision_estimate.can_be_sure`
    on_negatives: float = 0.0

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

    def beside_negatives(
        self, scores: Sequence[FloatArray], wrong: Sequence[FloatArray], threshold: float
    ) -> LearntScores:
        """The same, with what picks at a threshold are on the negatives of what was held out."""
        hits, of_wrong = (
            float(self.evidence_above(each, threshold).hits.mean()) for each in (scores, wrong)
        )
        return replace(self, on_negatives=of_wrong / hits if hits else 0.0)

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> LearntScores | None:
        """What a model's summary holds; None where training could not tell."""
        stored = summary.get(SUMMARY_KEY)
        if stored is None:
            return None
        mixtures = stacked(np.array(stored["mixtures"], dtype=np.float64))
        return cls(mixtures, stored["misfit"], stored["n_labels"], stored["on_negatives"])

    def as_summary(self) -> dict[str, Any]:
        """An entry of a model's summary; JSON values."""
        rows = table_of(self.mixtures)
        names = "misfit", "n_labels", "on_negatives"
        figures = {name: getattr(self, name) for name in names}
        return {SUMMARY_KEY: {"mixtures": rows.round(6).tolist(), **figures}}

    def fitted_to(self, scores: FloatArray, other_size: bool = False) -> FittedScores:
        """The mixtures fitted to the (n,) scores of a micrograph's candidates, best first."""
        fitted = self.mixtures.fitted_to(scores)
        n_lookalikes = float(np.mean(fitted.share)) * len(scores)
        misfit = _misfit(fitted, scores)
        chances = fitted.chances(scores)
        return FittedScores(self, scores, chances, n_lookalikes, misfit, other_size)

    def evidence_above(self, scores: Sequence[FloatArray], threshold: float) -> PrecisionEvidence:
        """What the scores of candidates on one micrograph or more tell of picks at a threshold."""
        evidences = [self.fitted_to(each).evidence_above(threshold) for each in scores]
        return sum(evidences[1:], evidences[0])

    @property
    def typical(self) -> ScoreMixture:
        """The mean of the mixtures, in plain numbers."""
        return mixture_of(table_of(self.mixtures).mean(axis=0))

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
    # expected hits on micrographs whose negatives were scored as well, and on these negatives
    with_negative: float = 0.0
    on_negative: float = 0.0

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
            self.with_negative + other.with_negative,
            self.on_negative + other.on_negative,
        )

    def beside(self, negative: PrecisionEvidence | None) -> PrecisionEvidence:
        """The same, beside that of the picks on the micrograph's negative, which are all wrong."""
        if negative is None:
            return self
        hits, wrong = float(self.hits.mean()), float(negative.hits.mean())
        return replace(self, with_negative=hits, on_negative=wrong)


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
        other_size = pixel_size is not None and not same_pixel_size(pixel_size, model)
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


def mixture_in(summary: Mapping[str, Any]) -> ScoreMixture | None:
    """The mixture that a model's summary holds; None where training could not tell."""
    learnt = LearntScores.of_summary(summary)
    return None if learnt is None else learnt.typical


def _misfit(fitted: ScoreMixture, scores: FloatArray) -> FloatArray:
    below = np.searchsorted(np.sort(logits_of(scores)), LOGITS, side="right")
    expected = fitted.share_below(LOGITS).mean(axis=0)
    return np.asarray(below - len(scores) * expected)


def sum_of(evidences: Iterable[PrecisionEvidence | None]) -> PrecisionEvidence | None:
    """What micrographs tell together; None where none tells anything."""
    known = [evidence for evidence in evidences if evidence is not None]
    return sum(known[1:], known[0]) if known else None
