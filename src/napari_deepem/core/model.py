"""A trained network together with all that is needed to use it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_deepem.core.network import Network


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """What training returns, what a model file holds and what scoring needs."""

    network: Network  # in evaluation mode, batch normalisation folded away
    recipe: str  # name of the recipe that trained it
    box_size_px: int  # particle box, original pixels
    binning: int  # original pixels per side of a network pixel
    pixel_size: float | None  # A per original pixel of the training micrographs; None if unknown
    threshold: float  # score at which F2 is best on held-out labels
    std_range: tuple[float, float]  # of the box pixels' standard deviation (see ScoreMap.stds)
    summary: dict[str, Any] = field(default_factory=dict)  # how training went; JSON values only

    @property
    def box_px(self) -> int:
        """Side of the network's input, binned pixels."""
        return self.network.architecture.box_px
