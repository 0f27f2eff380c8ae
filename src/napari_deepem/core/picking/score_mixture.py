"""Two bells: how the logits of candidates' scores are distributed.

A high bell is that of background and, further up, a lower one that of particles. Held-out labels
tell where the bells are, and how much of the background scores like a particle. How many candidates
belong to which bell is then fitted anew to the scores of every micrograph, where no labels are.

Sources: refitting the shares of classes without labels by expectation maximisation, Saerens,
Latinne and Decaestecker (Neural Computation 14:21, 2002); labels that leave out particles by
chance, whatever their score, Elkan and Noto (KDD 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray

FARTHEST_LOGIT = 14.0  # of a score: float32 has none closer to 0 or 1
CERTAIN = 700.0  # logarithm of how much likelier: its exponential is still a number
STEPS = 100  # of expectation maximisation: shares stand still to 0.001 long before
SETTLED = 1e-7  # a step that changes a share by less is the last
SMALLEST_SHARE = 1e-4  # of particles: a micrograph may hold none at all
LIKELY_ENOUGH = 0.3  # chance to be a particle at thresholds with the best F2, about
WORTH_OF_PRIOR = 10.0  # candidates: of fewer, the learnt share of particles says more
GRID = np.linspace(0.0, 1.0, 257)  # from the middle of one bell to that of the other
LARGEST_SHARE = 0.9  # where bells are learnt: between particles there is always background

Numbers = float | FloatArray  # one, or (b, 1) of as many mixtures


@dataclass(frozen=True, slots=True)
class Bell:
    """A normal distribution of logits."""

    mean: Numbers
    std: Numbers

    @classmethod
    def of(cls, logits: FloatArray, weights: FloatArray | None = None) -> Bell:
        """The bell of (n,) logits and one more that is off by 1: few alone make it too narrow."""
        weights = np.ones_like(logits) if weights is None else weights
        total = weights.sum()
        mean = weights @ logits / total
        return cls(float(mean), float(np.sqrt((weights @ (logits - mean) ** 2 + 1) / (total + 1))))

    def log_density(self, logits: FloatArray) -> FloatArray:
        """Logarithm of the density, but for a constant."""
        density: FloatArray = -0.5 * ((logits - self.mean) / self.std) ** 2 - np.log(self.std)
        return density

    def share_below(self, logits: FloatArray) -> FloatArray:
        """The share of the bell that lies below each logit."""
        return np.asarray(scipy.special.ndtr((logits - self.mean) / self.std))


@dataclass(frozen=True, slots=True)
class ScoreMixture:
    """The scores of candidates on one micrograph or several, as bells of background and particles.

    Its numbers may be arrays, see `stacked`: what it gives then has a row a mixture.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
    >>> mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.2, lookalikes=0.005)
    >>> mixture.chances(np.array([0.2, 0.5, 0.8, 0.95])).round(3)
    array([0.001, 0.196, 0.965, 0.979])
    """

    background: Bell
    particles: Bell
    share: Numbers  # of candidates that lie in the bell of particles
    lookalikes: Numbers = 0.0  # share of the background that lies there, too: dirt, say

    @property
    def purity(self) -> Numbers:
        """The share of the bell of particles that is particles: the fewer there are, the less."""
        particles = np.maximum(0.0, (self.share - self.lookalikes) / (1.0 - self.lookalikes))
        return np.divide(particles, np.maximum(self.share, SMALLEST_SHARE))

    def chances(self, scores: FloatArray) -> FloatArray:
        """(n,) probability that a candidate with that score is a particle; never falls with it."""
        return np.asarray(self.purity * self.memberships(scores))

    def memberships(self, scores: FloatArray) -> FloatArray:
        """(n,) probability to belong to the bell of particles.

        Beyond the middles of the two bells it stays as it is there: far out on either side the
        wider bell would win.
        """
        return np.asarray(
            scipy.special.expit(
                self._evidence(scores) + scipy.special.logit(_within_bounds(self.share))
            )
        )

    def fitted_to(self, scores: FloatArray) -> ScoreMixture:
        """The mixture of the same bells with the share of particles that fits (n,) scores best."""
        if not len(scores):
            return self
        odds = np.exp(np.clip(self._evidence(scores), -CERTAIN, CERTAIN))  # the bells stay
        share = np.asarray(self.share)
        for _ in range(STEPS):
            bounded = _within_bounds(share)
            weights = bounded * odds
            members = weights / (weights + (1 - bounded))
            previous, share = share, members.mean(axis=-1, keepdims=members.ndim > 1)
            if np.abs(share - previous).max() < SETTLED:
                break
        return replace(self, share=share if share.ndim else float(share))

    def shift_on(self, scores: FloatArray) -> float:
        """The logits from a score to the one that on a micrograph is as sure to be a particle.

        `scores`, (n,), are of its candidates; the mixture's numbers are plain ones. Where fewer of
        them than usual lie in the bell of particles, more of what scores alike is background: the
        shift is above 0. It is 0 where there are no candidates.
        """
        n, share = len(scores), float(self.fitted_to(scores).share)
        share = (n * share + WORTH_OF_PRIOR * float(self.share)) / (n + WORTH_OF_PRIOR)
        return replace(self, share=share)._logit_at(LIKELY_ENOUGH) - self._logit_at(LIKELY_ENOUGH)

    def _logit_at(self, chance: float) -> float:
        """The logit with this chance to be in the bell of particles, between both middles."""
        logits = self.background.mean + GRID * (self.particles.mean - self.background.mean)
        needed = scipy.special.logit(chance) - scipy.special.logit(_within_bounds(self.share))
        return float(np.interp(needed, self._evidence(scipy.special.expit(logits)), logits))

    def share_below(self, logits: FloatArray) -> FloatArray:
        """The share of candidates with lower scores than each of these logits."""
        of_particles = self.share * self.particles.share_below(logits)
        return np.asarray(of_particles + (1 - self.share) * self.background.share_below(logits))

    def _evidence(self, scores: FloatArray) -> FloatArray:
        """Logarithm of how much likelier these scores are in the bell of particles."""
        low = self.background.mean
        logits = np.clip(logits_of(scores), low, np.maximum(low, self.particles.mean))
        return self.particles.log_density(logits) - self.background.log_density(logits)


def stacked(mixtures: FloatArray) -> ScoreMixture:
    """One value of (b, 6) mixtures, as `rows_of` gives them."""
    columns = [column[:, None] for column in mixtures.T]
    return ScoreMixture(Bell(*columns[:2]), Bell(*columns[2:4]), *columns[4:])


def table_of(mixtures: ScoreMixture) -> FloatArray:
    """(b, 6) numbers of mixtures that are one value: the inverse of `stacked`."""
    numbers = (*astuple(mixtures.background), *astuple(mixtures.particles))
    return np.concatenate((*numbers, mixtures.share, mixtures.lookalikes), axis=1)


def mixture_of(numbers: Iterable[float]) -> ScoreMixture:
    """The mixture of six numbers, as a row of `rows_of` has them."""
    low, low_std, high, high_std, share, lookalikes = map(float, numbers)
    return ScoreMixture(Bell(low, low_std), Bell(high, high_std), share, lookalikes)


def rows_of(mixtures: Sequence[ScoreMixture]) -> FloatArray:
    """(b, 6) numbers: mean and spread of background and particles, share, lookalikes."""
    rows = [
        (*astuple(m.background), *astuple(m.particles), m.share, m.lookalikes) for m in mixtures
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


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
    logits = logits_of(scores)
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
    if not labels_complete:
        return mixture
    pure = share * _purity(mixture, scores, has_label)
    return replace(mixture, lookalikes=(share - pure) / (1.0 - pure))


def _purity(mixture: ScoreMixture, scores: FloatArray, has_label: NDArray[np.bool_]) -> float:
    """The labelled of the candidates that look like particles, over how many should be labelled."""
    memberships = mixture.memberships(scores)
    likely = memberships > 0.5
    labelled, expected = has_label[likely].sum(), memberships[likely].sum()
    return min(1.0, float(labelled / expected)) if expected else 1.0


def logits_of(scores: FloatArray) -> FloatArray:
    """(n,) logits of (n,) scores; those of 0 and 1 are numbers too."""
    with np.errstate(divide="ignore"):
        logits: FloatArray = np.clip(scipy.special.logit(scores), -FARTHEST_LOGIT, FARTHEST_LOGIT)
    return logits


def _within_bounds(share: Numbers) -> FloatArray:
    return np.clip(share, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
