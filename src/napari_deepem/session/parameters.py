"""The parameters that a user sets: each declared once, with bounds, default, unit and help."""

from __future__ import annotations

from typing import Annotated, Literal

from psygnal import EventedModel
from pydantic import ConfigDict, Field, field_validator

from napari_deepem.core.network.general import BOX_RANGE_PX

OF_PICKING = (  # what picks depend on
    *("threshold", "adaptive_threshold", "own_thresholds"),
    *("std_range", "min_distance_px"),
)
Order = Literal[
    "best",
    "worst",
    "doubt",
    "sure",
    "std_high",
    "std_low",
    "peak_large",
    "peak_small",
    "position",
]


class Parameters(EventedModel):
    """Parameters of training, picking and review, original pixels. A session file keeps all."""

    model_config = ConfigDict(validate_assignment=True, arbitrary_types_allowed=True)

    box_size_px: Annotated[
        int,
        Field(
            ge=BOX_RANGE_PX[0],
            le=BOX_RANGE_PX[1],
            title="Box size (px)",
            description="Side of the square that holds one particle and a little of its "
            "surroundings, in pixels of the original file.",
        ),
    ] = 128

    given_pixel_size: Annotated[
        float | None,
        Field(
            ge=0.01,
            le=1000,
            title="Pixel size (Å)",
            description="Side of a pixel of the original files, for all micrographs of the folder. "
            "Leave it empty to take what each file says.",
        ),
    ] = None  # A/px

    # how to train
    recipe: Annotated[
        Literal["modern", "wide", "deepem2017"],
        Field(
            title="Recipe",
            description="modern: the paper's eight layers, trained as one would today. "
            "wide: more maps; slower, often a little better. "
            "deepem2017: as in the paper; slower to learn.",
        ),
    ] = "modern"
    start: Annotated[
        Literal["general", "chance"],
        Field(
            title="Start from",
            description="general: the general network, which knows particles of many kinds, so "
            "that few labels teach it yours; with the recipe modern, at its own scale. "
            "chance: random weights, which need more labels and time.",
        ),
    ] = "general"
    binning: Annotated[
        Literal["auto", 1, 2, 3, 4, 6, 8, 12, 16],
        Field(
            title="Binning",
            description="The network sees the micrograph averaged over squares of this many "
            "pixels. auto chooses by the box size; the general network needs that.",
        ),
    ] = "auto"
    epochs: Annotated[
        int,
        Field(ge=0, le=1000, title="Epochs", description="Rounds of training. auto: the recipe's."),
    ] = 0  # 0 stands for the recipe's own number
    seed: Annotated[
        int,
        Field(
            ge=0,
            le=2**31 - 1,
            title="Seed",
            description="The same seed and labels give the same network.",
        ),
    ] = 0
    labels_complete: Annotated[
        bool,
        Field(
            title="Every particle is labelled",
            description="Whether all particles of the labelled micrographs have a label. If not, "
            "picks without a label don't count as wrong when the threshold is set.",
        ),
    ] = False

    # how to pick
    threshold: Annotated[
        float,
        Field(
            ge=0.0,
            le=1.0,
            title="Threshold",
            description="Lowest score that is picked: 0 takes everything, 1 almost nothing.",
        ),
    ] = 0.5
    adaptive_threshold: Annotated[
        bool,
        Field(
            title="Adapt to each",
            description="Moves the threshold on each micrograph to where picks are as sure to be "
            "particles as they are at this threshold on micrographs like those of the training: up "
            "where few candidates look like particles, down where many do. For series in which "
            "micrographs differ much in how many particles they hold.",
        ),
    ] = False
    # plain ones of micrographs for which they were set by hand, by name
    own_thresholds: dict[str, Annotated[float, Field(ge=0.0, le=1.0)]] = Field(default_factory=dict)
    std_range: Annotated[
        tuple[float, float],
        Field(
            title="Std range",
            description="Keeps boxes whose pixels' standard deviation lies between these. Carbon, "
            "ice and aggregates lie above, empty ice below.",
        ),
    ] = (0.0, 10.0)
    min_distance_px: Annotated[
        float | None,
        Field(
            ge=0.0,
            title="Min. distance (px)",
            description="Of picks nearer to each other than this, the best stays. "
            "At first as near as labelled particles suggest, or 0.25 of the box.",
        ),
    ] = None

    # how to review
    review_order: Annotated[Order, Field(title="Order")] = "best"
    review_only_open: Annotated[
        bool,
        Field(
            title="Only without a verdict",
            description="Whether picks that were accepted or rejected are left out of the gallery.",
        ),
    ] = False

    # how to save picks and labels
    formats: tuple[str, ...] = ("star",)  # names of formats of coordinates
    format_options: dict[str, str] = Field(default_factory=dict)  # by "format.option"

    @field_validator("std_range")
    @classmethod
    def _low_before_high(cls, value: tuple[float, float]) -> tuple[float, float]:
        return min(value), max(value)
