"""The criteria of all micrographs of a series: the same, but where a threshold was set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.score_evidence import mixture_in


class Chosen(Protocol):
    """The parameters that picks depend on, see `Parameters`."""

    threshold: float
    adaptive_threshold: bool
    own_thresholds: dict[str, float]
    std_range: tuple[float, float]
    min_distance_px: float | None


@dataclass(frozen=True, eq=False, slots=True)
class SeriesCriteria:
    """The criteria by which the candidates of each micrograph are picked; a job may keep them."""

    common: PickCriteria
    own_thresholds: Mapping[str, float]  # plain ones, by micrograph

    @classmethod
    def of(cls, chosen: Chosen, model: Model | None) -> SeriesCriteria:
        """The criteria that a user chose; plain where the model learnt nothing of scores."""
        mixture = None
        if chosen.adaptive_threshold and model is not None:
            mixture = mixture_in(model.summary)
        common = PickCriteria(chosen.threshold, chosen.std_range, chosen.min_distance_px, mixture)
        return cls(common, chosen.own_thresholds)

    def on(self, name: str) -> PickCriteria:
        """The criteria on a micrograph."""
        own = self.own_thresholds.get(name)
        return self.common if own is None else replace(self.common, threshold=own, mixture=None)
