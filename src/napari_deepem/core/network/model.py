"""A trained network together with all that is needed to use it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Labels

if TYPE_CHECKING:
    from napari_deepem.core.network.network import Network  # its class would bring torch

PIXEL_SIZE_TOLERANCE = 0.02  # headers round; a wrong binning is off by far more


@dataclass(frozen=True, eq=False, slots=True)
class LabelledMicrograph:
    """A micrograph of a training as a model remembers it: all but the image."""

    name: str
    labels: Labels
    complete: bool  #: whether every particle is labelled
    source: Path | None = None  #: the file; None where it was none
    once_at: Path | None = None  #: where older model files say that it was

    def file(self) -> Path | None:
        """The file where it should be, or once was; None where it is in neither place."""
        places = (self.source, self.once_at)
        return next((path for path in places if path is not None and _can_be_seen(path)), None)


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """A trained network with all that scoring needs: what training returns, a model file holds."""

    network: Network  #: in evaluation mode, batch normalisation folded away
    recipe: str  #: name of the recipe that trained it
    box_size_px: int  #: particle box, original pixels
    sampling: Sampling  #: how the network's pixels lie on a micrograph's
    pixel_size: float | None  #: A per original pixel of the training micrographs; None if unknown
    threshold: float  #: of the best F2 on held-out labels, see `calibration.best_threshold`
    std_range: tuple[float, float]  #: of the box pixels' standard deviation (see ScoreMap.stds)
    summary: dict[str, Any] = field(default_factory=dict)  #: how training went; JSON values only
    training_set: tuple[LabelledMicrograph, ...] = ()  #: held-out ones too; what `refine` recalls
    #: of that, what it had learnt before it came into a session; None: all of it
    inherited: tuple[LabelledMicrograph, ...] | None = None
    smoothing: float = 0.0  #: boxes; see `candidates.smooth_scores`
    #: of picks, original pixels, see `labelled_particles`; None: a quarter of the box
    min_distance_px: float | None = None

    @property
    def binning(self) -> float:
        """The original pixels along a side of a network pixel."""
        return self.sampling.scale

    @property
    def box_px(self) -> int:
        """The side of the network's input, network pixels."""
        return self.network.architecture.box_px


def _can_be_seen(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder of somebody else's
        return False


def same_pixel_size(pixel_size: float | None, model: Model) -> bool:
    """Whether a model was trained at that pixel size, A per original pixel, as far as is known."""
    if pixel_size is None or model.pixel_size is None:
        return True
    return abs(pixel_size / model.pixel_size - 1) < PIXEL_SIZE_TOLERANCE


def pixel_size_remark(name: str, pixel_size: float | None, model: Model) -> str | None:
    """A sentence on a micrograph whose known pixel size is not that of the training; or None."""
    if same_pixel_size(pixel_size, model):
        return None
    return (
        f"{name} has {pixel_size:.3g} A/px, the model was trained at {model.pixel_size:.3g} A/px: "
        "particles have another size in pixels there, so train on such micrographs"
    )
