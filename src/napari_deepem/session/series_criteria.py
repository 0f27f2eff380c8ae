"""The criteria of all micrographs of a series: the same, but where a threshold was set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.score_mixture import ScoreMixture


class Chosen(Protocol):
    """The parameters that picks depend on, see `Parameters`."""

    threshold: float
    own_thresholds: dict[str, float]
    std_range: tuple[float, float]
    min_distance_px: float | None


@dataclass(frozen=True, eq=False, slots=True)
class SeriesCriteria:
    """The criteria by which the candidates of each micrograph are picked; a job may keep them."""

    common: PickCriteria
    own_thresholds: Mapping[str, float]  # plain ones, by micrograph

    @classmethod
    def of(cls, chosen: Chosen, mixture: ScoreMixture | None) -> SeriesCriteria:
        """The criteria that a user chose; by a mixture the common threshold is adaptive."""
        std_range, distance_px = chosen.std_range, chosen.min_distance_px
        common = PickCriteria(chosen.threshold, std_range, distance_px, mixture)
        return cls(common, chosen.own_thresholds)

    def on(self, name: str) -> PickCriteria:
        """The criteria on a micrograph."""
        own = self.own_thresholds.get(name)
        return self.common if own is None else replace(self.common, threshold=own, mixture=None)
