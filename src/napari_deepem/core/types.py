"""The values that flow from a micrograph to its picks.

Every position is (row, col) in pixels of the original file, where the middle of the first pixel
is (0, 0). Network pixels (see `core.preprocessing.sampling`) stay inside the core, between
preparing an image and its score map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]

LabelKind = Literal["positive", "negative"]  # of particles, and of what is none
LABEL_KINDS: tuple[LabelKind, LabelKind] = ("positive", "negative")
# what files of other programs may know of a particle beside its place and score: its rotation in
# the plane (RELION's psi, degrees), its class (a whole number, from 1), its estimated diameter (px)
PickFeature = Literal["angle", "class", "size"]
NO_FEATURES: Mapping[PickFeature, FloatArray] = MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Micrograph:
    """One image as it was recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Micrograph
    >>> Micrograph(np.zeros((400, 600), dtype=np.uint16), name="grid1_0001", pixel_size=1.2).shape
    (400, 600)
    """

    image: NDArray[Any]  #: (height, width), the file's own real number type
    name: str  #: the file's stem: what labels and picks are matched by
    pixel_size: float | None = None  #: A/px; None where the file does not say
    source: Path | None = None  #: the file it was read from; None where it is no file
    remark: str = ""  #: one line on how it was read, where a user may expect something else

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.image.shape
        return height, width


@dataclass(frozen=True, eq=False, slots=True)
class Volume:
    """A density map of one particle: what simulated micrographs are projected from.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.types import Volume
    >>> Volume(np.ones((65, 65, 65), dtype=np.float32), voxel_size=5.0).density.shape
    (65, 65, 65)
    """

    density: Float32Array  # (depth, height, width), axes z, y, x; matter is positive
    voxel_size: float | None = None  # A; None where the file does not say


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """The labels of one micrograph, which a user marked: box centres, original pixels.

    Examples
    --------
    >>> from napari_deepem import Labels
    >>> labels = Labels.of(positive_yx=[(100, 120), (340.5, 80)])
    >>> labels.positive_yx.shape, labels.negative_yx.shape
    ((2, 2), (0, 2))
    """

    positive_yx: FloatArray  #: (n, 2) particles
    negative_yx: FloatArray  #: (m, 2) things that are not particles; may be empty
    #: (k, 2) what may be either: nothing is learnt from it, and no background is drawn there
    unsure_yx: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    @classmethod
    def of(cls, positive_yx: Any = (), negative_yx: Any = (), unsure_yx: Any = ()) -> Labels:
        """Labels from `Picks` or anything array-like, (n, 2) each; (0, 2) where left out."""
        return cls(_points(positive_yx), _points(negative_yx), _points(unsure_yx))

    @property
    def can_teach(self) -> bool:
        """Whether there is a particle or a non-particle among them."""
        return bool(len(self.positive_yx) or len(self.negative_yx))

    def inside(self, shape: tuple[int, int]) -> Labels:
        """The labels that lie on an image of (height, width) pixels; the same value if all do."""
        kinds = self.positive_yx, self.negative_yx, self.unsure_yx
        masks = [is_inside(centres_yx, shape) for centres_yx in kinds]
        if all(mask.all() for mask in masks):
            return self
        return Labels(*(centres_yx[mask] for centres_yx, mask in zip(kinds, masks, strict=True)))


@dataclass(frozen=True, eq=False, slots=True)
class ScoreMap:
    """A network's scores on a regular grid of box centres over one micrograph.

    Grid element (i, j) belongs to the box centred on `origin_px + step_px * (i, j)`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import ScoreMap
    >>> scores = np.zeros((20, 30), dtype=np.float32)
    >>> score_map = ScoreMap(scores, np.ones_like(scores), origin_px=0.5, step_px=8, box_size_px=64)
    >>> score_map.centres_of([(0, 0), (2, 10)])
    array([[ 0.5,  0.5],
           [16.5, 80.5]])
    """

    scores: Float32Array  #: (rows, cols), 0 (not a particle) to 1 (particle)
    #: (rows, cols) standard deviation of each box's standardised pixels; 0 if centred on no image
    stds: Float32Array
    origin_px: float  #: row, and column, of the centre of grid element (0, 0)
    step_px: float  #: distance between neighbouring grid elements
    box_size_px: int
    shape: tuple[int, int] | None = None  #: (height, width) of the micrograph, original pixels
    smoothing: float = 0.0  #: boxes; how far around a candidate scores count for it

    def centres_of(self, index_yx: Any) -> FloatArray:
        """(n, 2) box centres in original pixels of (n, 2) grid indices, fractions allowed."""
        return self.origin_px + self.step_px * _points(index_yx)


@dataclass(frozen=True, eq=False, slots=True)
class Candidates:
    """Every local maximum of a score map, best score first.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Candidates
    >>> centres_yx = np.array([[100.0, 120.0]])
    >>> len(Candidates(centres_yx, scores=np.array([0.9]), stds=np.array([1.1]), box_size_px=64))
    1
    """

    centres_yx: FloatArray  #: (n, 2) box centres, original pixels
    scores: FloatArray  #: (n,) figure of merit, 0 to 1, falling
    stds: FloatArray  #: (n,) standard deviation of the box's standardised pixels
    box_size_px: int

    def __len__(self) -> int:
        return len(self.centres_yx)


@dataclass(frozen=True, eq=False, slots=True)
class Picks:
    """Chosen particles of one micrograph, and what a coordinate file holds.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Picks
    >>> len(Picks(np.array([[100.0, 120.0], [340.5, 80.0]]), scores=np.array([0.9, 0.4])))
    2
    """

    centres_yx: FloatArray  #: (n, 2) box centres, original pixels
    #: (n,) figure of merit, NaN where there is none; None where the source has none at all
    scores: FloatArray | None = None
    box_size_px: int | None = None  #: None where the source does not say
    #: (n,) each; NaN where the source does not say
    features: Mapping[PickFeature, FloatArray] = field(default_factory=lambda: NO_FEATURES)

    def __len__(self) -> int:
        return len(self.centres_yx)

    def at(self, index: Any) -> Picks:
        """The picks that an index or mask of numpy's chooses, with all that is known of them."""
        return Picks(
            self.centres_yx[index],
            None if self.scores is None else self.scores[index],
            self.box_size_px,
            {name: values[index] for name, values in self.features.items()},
        )


@dataclass(frozen=True, slots=True)
class PickCounts:
    """How many picks there are, by whom, and how many of the network's are left out."""

    by_network: int = 0
    by_hand: int = 0
    rejected: int = 0

    def __add__(self, other: PickCounts) -> PickCounts:
        return PickCounts(
            self.by_network + other.by_network,
            self.by_hand + other.by_hand,
            self.rejected + other.rejected,
        )

    @property
    def picks(self) -> int:
        """How many there are."""
        return self.by_network + self.by_hand

    @property
    def whose(self) -> str:
        """In words, by whom they are; empty where all are the network's."""
        return f"{self.by_network} by the network, {self.by_hand} by hand" if self.by_hand else ""


@dataclass(frozen=True, eq=False, slots=True)
class FinalPicks(Picks):
    """The picks of a micrograph as they are shown and exported: the network's, then the user's.

    The score of a pick by hand is that of the network's candidate there; NaN where it has none.
    """

    by_hand: int = 0  # how many of them, the last ones, are the user's
    rejected: int = 0  # of the network's that are left out

    @property
    def counts(self) -> PickCounts:
        """How many there are, by whom."""
        return PickCounts(len(self) - self.by_hand, self.by_hand, self.rejected)

    @property
    def of_network(self) -> Picks:
        """The network's."""
        return self.at(slice(len(self) - self.by_hand))

    @property
    def of_hand(self) -> Picks:
        """The user's."""
        return self.at(slice(len(self) - self.by_hand, None))


def is_inside(centres_yx: FloatArray, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(n,) bool: whether positions lie on an image, up to the edges of its pixels."""
    inside = (centres_yx >= -0.5) & (centres_yx <= np.array(shape) - 0.5)
    return np.asarray(inside.all(axis=1))


def _points(values: Any) -> FloatArray:
    points = np.asarray(getattr(values, "centres_yx", values), dtype=np.float64)
    if points.size and points.shape[-1:] != (2,):
        raise ValueError(f"positions are (n, 2), row then column, not {points.shape}")
    return points.reshape(-1, 2)


NO_LABELS = Labels.of()
