"""The share of picks that is right, estimated without truth from their scores.

The logits of candidates' scores form two bells: a high one of background and, further up, a lower
one of particles. Held-out labels tell where the bells are, and how often what scores like a
particle is none. How many candidates belong to which bell is then fitted anew to the scores of
every micrograph, where no labels are: the estimate follows micrographs with more or fewer
particles.

Sources: refitting the shares of classes without labels by expectation maximisation, Saerens,
Latinne and Decaestecker (Neural Computation 14:21, 2002); labels that leave out particles by
chance, whatever their score, Elkan and Noto (KDD 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model  # its class would bring torch

SUMMARY_KEY = "score_mixture"  # where a model's summary holds what was learnt
FARTHEST_LOGIT = 14.0  # of a score: float32 has none closer to 0 or 1
CERTAIN = 700.0  # logarithm of how much likelier: its exponential is still a number
STEPS = 100  # of expectation maximisation: shares stand still to 0.001 long before
SETTLED = 1e-7  # a step that changes a share by less is the last
SMALLEST_SHARE = 1e-4  # of particles: a micrograph may hold none at all
LARGEST_SHARE = 0.9  # where bells are learnt: between particles there is always background
TRUSTED_PICKS = 10  # so many right picks are added to those that purity is counted on


@dataclass(frozen=True, slots=True)
class Bell:
    """A normal distribution of logits."""

    mean: float
    std: float

    @classmethod
    def of(cls, logits: FloatArray, weights: FloatArray | None = None) -> Bell:
        """The bell of (n,) logits and one more that is off by 1: few alone make it too narrow."""
        weights = np.ones_like(logits) if weights is None else weights
        total = weights.sum()
        mean = weights @ logits / total
        return cls(float(mean), float(np.sqrt((weights @ (logits - mean) ** 2 + 1) / (total + 1))))

    def log_density(self, logits: FloatArray) -> FloatArray:
        """(n,) logarithm of the density, but for a constant."""
        density: FloatArray = -0.5 * ((logits - self.mean) / self.std) ** 2 - np.log(self.std)
        return density


@dataclass(frozen=True, slots=True)
class ScoreMixture:
    """The scores of candidates on one micrograph or several, as bells of background and particles.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.picking.precision_estimate import Bell, ScoreMixture
    >>> mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.2, purity=0.98)
    >>> mixture.chances(np.array([0.2, 0.5, 0.8, 0.95])).round(3)
    array([0.001, 0.196, 0.965, 0.979])
    """

    background: Bell
    particles: Bell
    share: float  # of candidates that belong to the bell of particles
    purity: float = 1.0  # share of those that are particles indeed

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> ScoreMixture | None:
        """The mixture that a model's summary holds; None where training could not tell."""
        stored = summary.get(SUMMARY_KEY)
        if stored is None:
            return None
        bells = {name: Bell(**stored[name]) for name in ("background", "particles")}
        return cls(**(stored | bells))

    def as_summary(self) -> dict[str, Any]:
        """The mixture as an entry of a model's summary; JSON values."""
        return {SUMMARY_KEY: asdict(self)}

    def chances(self, scores: FloatArray) -> FloatArray:
        """(n,) probability that a candidate with that score is a particle; never falls with it."""
        return self.purity * self.memberships(scores)

    def memberships(self, scores: FloatArray) -> FloatArray:
        """(n,) probability to belong to the bell of particles.

        Beyond the middles of the two bells it stays as it is there: far out on either side the
        wider bell would win.
        """
        memberships: FloatArray = expit(self._evidence(scores) + logit(_within_bounds(self.share)))
        return memberships

    def fitted_to(self, scores: FloatArray) -> ScoreMixture:
        """The mixture of the same bells with the share of particles that fits (n,) scores best."""
        if not len(scores):
            return self
        share = self.share
        evidence = np.clip(self._evidence(scores), -CERTAIN, CERTAIN)
        odds = np.exp(evidence)  # the bells stay as they are
        for _ in range(STEPS):
            bounded = _within_bounds(share)
            weights = bounded * odds
            previous, share = share, float((weights / (weights + (1 - bounded))).mean())
            if abs(share - previous) < SETTLED:
                break
        return replace(self, share=share)

    def _evidence(self, scores: FloatArray) -> FloatArray:
        """(n,) logarithm of how much likelier these scores are in the bell of particles."""
        low, high = self.background.mean, max(self.background.mean, self.particles.mean)
        logits = np.clip(_logits(scores), low, high)
        return self.particles.log_density(logits) - self.background.log_density(logits)


def _within_bounds(share: float) -> float:
    return float(np.clip(share, SMALLEST_SHARE, 1 - SMALLEST_SHARE))


def learn_mixture(
    scores: FloatArray, has_label: NDArray[np.bool_], labels_complete: bool
) -> ScoreMixture | None:
    """The mixture that candidates on held-out micrographs teach.

    Parameters
    ----------
    scores : (n,) array
    has_label : (n,) bool array
        Which candidates hit a labelled particle.
    labels_complete : bool
        Whether the others are no particles. If some are, nothing tells what scores like a particle
        from a particle, and it counts as one.

    Returns
    -------
    ScoreMixture or None
        None where no candidate has a label, or too few have none.

    Notes
    -----
    The bell of particles is that of the labelled. Above its median there is hardly any background,
    so the share of labelled ones there tells how many belong to it in all. The bell of background
    is fitted to what is left, by expectation maximisation. It is not simply that of all without a
    label: structures that score like particles would make it far too wide.
    """
    if not has_label.any():
        return None
    logits = _logits(scores)
    particles = Bell.of(logits[has_label])
    taken = has_label | (logits > particles.mean)
    if taken.all():
        return None
    label_rate = has_label[logits >= np.median(logits[has_label])].mean()
    share = min(LARGEST_SHARE, float(has_label.mean() / label_rate))
    mixture = ScoreMixture(Bell(float(np.median(logits[~taken])), 1.0), particles, share)
    for _ in range(STEPS):
        weights = np.where(taken, 0.0, 1.0 - mixture.memberships(scores))
        mixture = replace(mixture, background=Bell.of(logits, weights))
    return (
        replace(mixture, purity=_purity(mixture, scores, has_label)) if labels_complete else mixture
    )


def _purity(mixture: ScoreMixture, scores: FloatArray, has_label: NDArray[np.bool_]) -> float:
    """The labelled of the candidates that look like particles, over how many should be labelled."""
    memberships = mixture.memberships(scores)
    likely = memberships > 0.5
    labelled, expected = has_label[likely].sum(), memberships[likely].sum()
    return float(min(1.0, (labelled + TRUSTED_PICKS) / (expected + TRUSTED_PICKS)))


def fit_candidates(
    candidates: Candidates,
    summary: Mapping[str, Any],
    criteria: PickCriteria,
) -> ScoreMixture | None:
    """The mixture that was learnt, fitted to a micrograph's candidates, some of which are picked.

    Parameters
    ----------
    candidates : Candidates
    summary : mapping
        That of the model that scored them.
    criteria : PickCriteria
        How picks are chosen; the threshold does not matter.

    Returns
    -------
    ScoreMixture or None
        None where nothing could be held out when the model was trained.
    """
    learnt = ScoreMixture.of_summary(summary)
    if learnt is None:
        return None
    ranking = criteria.of_ranking.picks_of(candidates)
    assert ranking.scores is not None
    return learnt.fitted_to(ranking.scores)


def expected_hits(picks: Picks, mixture: ScoreMixture | None) -> float | None:
    """The number of picks that are particles, as their scores tell it; None where they do not."""
    if mixture is None or picks.scores is None:
        return None
    return float(mixture.chances(picks.scores).sum())


def estimate_precision(
    candidates: Sequence[Candidates],
    model: Model,
    *,
    threshold: float,
    std_range: tuple[float, float] | None = None,
    min_distance_px: float | None = None,
) -> float | None:
    """The share of picks that is right, estimated without knowing the truth.

    Parameters
    ----------
    candidates : sequence of Candidates
        One item a micrograph.
    model : Model
        What scored them.
    threshold, std_range, min_distance_px
        As in `PickCriteria`.

    Returns
    -------
    float or None
        Precision, 0 to 1, of the picks of all micrographs together. None without picks, and where
        nothing could be held out when the model was trained.

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
    >>> estimate = estimate_precision([candidates], model, threshold=0.9)
    >>> 0.5 < estimate <= 1.0
    True
    """
    criteria = PickCriteria(threshold, std_range, min_distance_px)
    hits, picked = 0.0, 0
    for of_micrograph in candidates:
        picks = criteria.picks_of(of_micrograph)
        mixture = fit_candidates(of_micrograph, model.summary, criteria)
        expected = expected_hits(picks, mixture)
        if expected is None:
            return None
        hits, picked = hits + expected, picked + len(picks)
    return hits / picked if picked else None


def _logits(scores: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        logits: FloatArray = np.clip(logit(scores), -FARTHEST_LOGIT, FARTHEST_LOGIT)
    return logits
