"""The criteria by which candidates are picked: steps 5 and 6 of the paper's recognition.

A threshold is plain, the same score on every micrograph, or adaptive: on each micrograph it is the
score that is as sure to be a particle as the threshold is on those where the model was calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.picking.near_pairs import rows_apart
from napari_deepem.core.picking.score_mixture import ScoreMixture, mixture_of, rows_of
from napari_deepem.core.types import Candidates, FloatArray, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model

Scores = TypeVar("Scores", float, FloatArray)


@dataclass(frozen=True, slots=True)
class PickCriteria:
    """The threshold, the range of standard deviations and the minimum distance of picks.

    Equal criteria pick the same.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Candidates, PickCriteria
    >>> candidates = Candidates(
    ...     centres_yx=np.array([[100.0, 100.0], [110.0, 100.0], [300.0, 40.0]]),
    ...     scores=np.array([0.9, 0.8, 0.7]),
    ...     stds=np.array([1.0, 1.0, 4.0]),
    ...     box_size_px=64,
    ... )
    >>> PickCriteria(threshold=0.5, std_range=(0.5, 2.0)).picks_of(candidates).centres_yx
    array([[100., 100.]])
    """

    threshold: float  #: the lowest score that is picked, 0 to 1
    std_range: tuple[float, float] | None = None  #: of a box's pixels, ends included; None: any
    min_distance_px: float | None = None  #: original pixels; None: a quarter of the box
    #: as the model has learnt it: the threshold is adaptive; None: it is plain
    mixture: ScoreMixture | None = None

    @classmethod
    def of_model(cls, model: Model) -> PickCriteria:
        """The criteria of a model: its F2 threshold, range of standard deviations and distance."""
        return cls(model.threshold, model.std_range, model.min_distance_px)

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> PickCriteria:
        """The criteria that were kept as `values`."""
        numbers = values.get("mixture")
        mixture = None if numbers is None else mixture_of(numbers)
        return cls(**{**values, "mixture": mixture})

    @property
    def values(self) -> dict[str, Any]:
        """The criteria in plain values, to be kept."""
        mixture = None if self.mixture is None else tuple(rows_of([self.mixture])[0].tolist())
        return {
            "threshold": self.threshold,
            "std_range": self.std_range,
            "min_distance_px": self.min_distance_px,
            "mixture": mixture,
        }

    @property
    def of_ranking(self) -> PickCriteria:
        """These criteria at a threshold of 0: any threshold picks the first of what they pick.

        What has a lower score never drops anything that has a higher one, see `picks_above`.
        """
        return replace(self, threshold=0.0, mixture=None)

    def threshold_on(self, ranking: Picks) -> float:
        """The lowest score that is picked of what `of_ranking` picks on a micrograph."""
        return moved(self.threshold, self.shift_on(ranking))

    def lowest_score(self, candidates: Candidates) -> float:
        """The same of these candidates."""
        if self.mixture is None:
            return self.threshold
        return self.threshold_on(self.of_ranking.picks_of(candidates))

    def shift_on(self, ranking: Picks) -> float:
        """The logits by which an adaptive threshold moves there; 0 where it is plain."""
        if self.mixture is None or ranking.scores is None:
            return 0.0
        return self.mixture.shift_on(ranking.scores)

    def distance_px(self, box_size_px: int) -> float:
        """The minimum distance for a box, original pixels: of picks nearer the best is kept."""
        if self.min_distance_px is None:
            return SAME_PARTICLE_BOXES * box_size_px
        return self.min_distance_px

    def rows_of(self, candidates: Candidates) -> NDArray[np.int64]:
        """(k,) indices of the candidates that are picked, best score first."""
        if self.mixture is not None:
            rows = self.of_ranking.rows_of(candidates)
            picks = self.picked_of(_at(candidates, rows))
            return rows[: len(picks)]
        mask = candidates.scores >= self.threshold
        if self.std_range is not None:
            low, high = self.std_range
            mask &= (candidates.stds >= low) & (candidates.stds <= high)
        return rows_apart(candidates, mask, self.distance_px(candidates.box_size_px))

    def picks_of(self, candidates: Candidates) -> Picks:
        """The candidates that are picked, best score first."""
        return _at(candidates, self.rows_of(candidates))

    def picked_of(self, ranking: Picks) -> Picks:
        """The same, cut from what `of_ranking` picks."""
        return picks_above(ranking, self.threshold_on(ranking))

    def below_of(self, candidates: Candidates) -> Picks:
        """The candidates that only the threshold keeps from being picked, best score first."""
        ranking = self.of_ranking.picks_of(candidates)
        return ranking.at(slice(len(self.picked_of(ranking)), None))


def picks_above(ranking: Picks, threshold: float) -> Picks:
    """The picks at a threshold, cut from those of `PickCriteria.of_ranking`: quick for a slider."""
    assert ranking.scores is not None
    count = int(np.searchsorted(-ranking.scores, -threshold, side="right"))
    return Picks(ranking.centres_yx[:count], ranking.scores[:count], ranking.box_size_px)


def moved(threshold: Scores, by: float) -> Scores:
    """A threshold, or (k,) of them, moved by so many logits; 0 stays 0 and 1 stays 1.

    Examples
    --------
    >>> from napari_deepem.core.picking.criteria import moved
    >>> round(float(moved(0.5, by=2.0)), 3)
    0.881
    """
    if not by:
        return threshold
    value: Scores = scipy.special.expit(scipy.special.logit(threshold) + by)
    return value


def _at(candidates: Candidates, rows: NDArray[np.int64]) -> Picks:
    return Picks(candidates.centres_yx[rows], candidates.scores[rows], candidates.box_size_px)


def select_picks(
    candidates: Candidates,
    *,
    threshold: float,
    std_range: tuple[float, float] | None = None,
    min_distance_px: float | None = None,
) -> Picks:
    """Picks among candidates by criteria that are given one by one, see `PickCriteria`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Candidates, select_picks
    >>> centres_yx = np.array([[100.0, 100.0], [300.0, 40.0]])
    >>> candidates = Candidates(centres_yx, np.array([0.9, 0.7]), np.array([1.0, 4.0]), 64)
    >>> select_picks(candidates, threshold=0.8).centres_yx
    array([[100., 100.]])
    """
    return PickCriteria(threshold, std_range, min_distance_px).picks_of(candidates)
