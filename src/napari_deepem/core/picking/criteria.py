"""The criteria by which candidates are picked: steps 5 and 6 of the paper's recognition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.types import Candidates, Picks

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model


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

    @classmethod
    def of_model(cls, model: Model) -> PickCriteria:
        """The criteria of a model: its F2 threshold, range of standard deviations and distance."""
        return cls(model.threshold, model.std_range, model.min_distance_px)

    @property
    def of_ranking(self) -> PickCriteria:
        """These criteria at a threshold of 0: any threshold picks the first of what they pick.

        What has a lower score never drops anything that has a higher one, see `picks_above`.
        """
        return replace(self, threshold=0.0)

    def distance_px(self, box_size_px: int) -> float:
        """The minimum distance for a box, original pixels: of picks nearer the best is kept."""
        if self.min_distance_px is None:
            return SAME_PARTICLE_BOXES * box_size_px
        return self.min_distance_px

    def rows_of(self, candidates: Candidates) -> NDArray[np.int64]:
        """(k,) indices of the candidates that are picked, best score first."""
        mask = candidates.scores >= self.threshold
        if self.std_range is not None:
            low, high = self.std_range
            mask &= (candidates.stds >= low) & (candidates.stds <= high)
        rows = np.flatnonzero(mask)
        distance_px = self.distance_px(candidates.box_size_px)
        return rows[keep_best_apart(candidates.centres_yx[rows], distance_px)]

    def picks_of(self, candidates: Candidates) -> Picks:
        """The candidates that are picked, best score first."""
        rows = self.rows_of(candidates)
        return Picks(candidates.centres_yx[rows], candidates.scores[rows], candidates.box_size_px)

    def below_of(self, candidates: Candidates) -> Picks:
        """The candidates that only the threshold keeps from being picked, best score first."""
        ranking = self.of_ranking.picks_of(candidates)
        return ranking.at(slice(len(picks_above(ranking, self.threshold)), None))


def picks_above(ranking: Picks, threshold: float) -> Picks:
    """The picks at a threshold, cut from those of `PickCriteria.of_ranking`: quick for a slider."""
    assert ranking.scores is not None
    count = int(np.searchsorted(-ranking.scores, -threshold, side="right"))
    return Picks(ranking.centres_yx[:count], ranking.scores[:count], ranking.box_size_px)


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
