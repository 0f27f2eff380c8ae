"""The one evented model of what a user is doing in one viewer.

Views write parameters and requests, jobs write results. A mapping field is replaced, never changed
in place: that is what its signal tells. Fields are set on the main thread only, because callbacks
run on the thread that sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from psygnal import EventedModel
from pydantic import ConfigDict, Field, InstanceOf, PrivateAttr, field_validator

from napari_deepem.core.confidence import ScoreMixture, expected_hits, fit_candidates
from napari_deepem.core.picking import MIN_DISTANCE_BOXES, select_picks
from napari_deepem.core.types import Candidates, Labels, Micrograph, Picks, ScoreMap
from napari_deepem.session.history import History

if TYPE_CHECKING:
    from napari_deepem.core.model import Model

NO_LABELS = Labels.of()


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """One micrograph as one model sees it."""

    micrograph: Micrograph
    model: Model
    score_map: ScoreMap
    candidates: Candidates


class Activity(EventedModel):
    """How a long job is doing, in words and numbers that a dock can show."""

    running: bool = False
    done: int = 0
    total: int = 0  # 0: not known yet
    message: str = ""


class Session(EventedModel):
    """Micrographs, labels, model, scores and picks of one viewer; lengths in original pixels."""

    model_config = ConfigDict(validate_assignment=True, arbitrary_types_allowed=True)

    # what is open, pulled from the viewer's layers
    micrographs: dict[str, InstanceOf[Micrograph]] = Field(default_factory=dict)
    current: str | None = None
    labels: dict[str, InstanceOf[Labels]] = Field(default_factory=dict)
    box_size_px: Annotated[
        int,
        Field(
            ge=24,
            le=4096,
            title="Box size (px)",
            description="Side of the square that holds one particle and a little of its "
            "surroundings, in pixels of the original file.",
        ),
    ] = 128

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
    binning: Annotated[
        Literal["auto", 1, 2, 3, 4, 6, 8, 12, 16],
        Field(
            title="Binning",
            description="The network sees the micrograph averaged over squares of this many "
            "pixels. auto chooses by the box size.",
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
            title="Every particle is marked",
            description="Whether all particles of the annotated micrographs are marked. If not, "
            "picks without a mark don't count as wrong when the threshold is set.",
        ),
    ] = False

    # results of jobs
    model: Any = None  # Model | None; its class would bring torch
    history: tuple[Any, ...] = ()  # EpochDone of the training that runs or ran last
    scored: dict[str, InstanceOf[Scored]] = Field(default_factory=dict)

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
            "At first 0.25 of the box.",
        ),
    ] = None
    picks: InstanceOf[Picks] | None = None  # of the current micrograph; a projection of the above

    _training: Activity = PrivateAttr(default_factory=Activity)
    _scoring: Activity = PrivateAttr(default_factory=Activity)
    _edits: History = PrivateAttr()
    _written: dict[Path, int] = PrivateAttr(default_factory=dict)
    _mixture: ScoreMixture | None = PrivateAttr(default=None)  # of the current candidates' scores

    @field_validator("std_range")
    @classmethod
    def _low_before_high(cls, value: tuple[float, float]) -> tuple[float, float]:
        return min(value), max(value)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        for name in ("std_range", "min_distance_px", "scored", "current"):
            self.events[name].connect(self._fit_scores)
        for name in ("threshold", "std_range", "min_distance_px", "scored", "current"):
            self.events[name].connect(self._choose_picks)
        self.events.micrographs.connect(self._forget_stale_scores)
        self.events.model.connect(self._on_model_changed)
        self._edits = History(self, self.events.labels)

    @property
    def training(self) -> Activity:
        """How training is doing."""
        return self._training

    @property
    def scoring(self) -> Activity:
        """How scoring is doing."""
        return self._scoring

    @property
    def edits(self) -> History:
        """What was done to the labels, to be undone and redone."""
        return self._edits

    @property
    def written(self) -> dict[Path, int]:
        """Coordinate files that this session wrote, and when: modification times, ns."""
        return self._written

    @property
    def pixel_size(self) -> float | None:
        """A/px of the current micrograph."""
        return self.micrographs[self.current].pixel_size if self.current else None

    @property
    def current_scored(self) -> Scored | None:
        """The current micrograph's scores; None if it was not scored with this model."""
        return self.scored.get(self.current) if self.current else None

    @property
    def f2_optimum(self) -> float | None:
        """The threshold at which F2 was best on held-out labels; None if none were held out."""
        found = self.model is not None and "held_out_recall" in self.model.summary
        return self.model.threshold if found else None

    @property
    def estimated_precision(self) -> float | None:
        """What share of the current picks is right, as far as their scores tell; None if not."""
        if self.picks is None or not len(self.picks):
            return None
        expected = expected_hits(self.picks, self._mixture)
        return None if expected is None else expected / len(self.picks)

    def labels_of(self, name: str | None) -> Labels:
        """What is marked on a micrograph."""
        return self.labels.get(name, NO_LABELS) if name else NO_LABELS

    def annotated(self) -> dict[str, Labels]:
        """Labels of every open micrograph that has any."""
        return {
            name: labels
            for name, labels in self.labels.items()
            if name in self.micrographs and (len(labels.positive_yx) or len(labels.negative_yx))
        }

    def select(self, candidates: Candidates) -> Picks:
        """Choose among candidates with the present threshold, std range and distance."""
        return select_picks(
            candidates,
            threshold=self.threshold,
            std_range=self.std_range,
            min_distance_px=self.min_distance_px,
        )

    def distance_px(self) -> float:
        """Return the minimum distance that is in use."""
        if self.min_distance_px is not None:
            return self.min_distance_px
        box_size_px: int = self.model.box_size_px if self.model else self.box_size_px
        return MIN_DISTANCE_BOXES * box_size_px

    def missing_for_training(self) -> str:
        """Say in one line what training still needs; empty if nothing."""
        if not self.micrographs:
            return OPEN_FIRST
        if not any(len(labels.positive_yx) for labels in self.annotated().values()):
            return "Mark at least one particle: Annotate > Mark particles, then click on particles."
        for name in self.annotated():
            height, width = self.micrographs[name].shape
            if self.box_size_px > min(height, width):
                return (
                    f"A box of {self.box_size_px} px does not fit {name} ({width} x {height} px): "
                    "give a smaller box in Annotate."
                )
        return ""

    def missing_for_scoring(self) -> str:
        """Say in one line what scoring still needs; empty if nothing."""
        if not self.micrographs:
            return OPEN_FIRST
        if self.model is None:
            return "No model yet: train one, or load one, in the Train dock."
        return ""

    def _fit_scores(self) -> None:
        scored = self.current_scored
        self._mixture = None
        if scored is not None:
            self._mixture = fit_candidates(
                scored.candidates, scored.model.summary, self.std_range, self.min_distance_px
            )

    def _choose_picks(self) -> None:
        scored = self.current_scored
        self.picks = None if scored is None else self.select(scored.candidates)

    def _forget_stale_scores(self, micrographs: Mapping[str, Micrograph]) -> None:
        kept = {
            name: scored
            for name, scored in self.scored.items()
            if micrographs.get(name) is scored.micrograph
        }
        if len(kept) < len(self.scored):
            self.scored = kept

    def _on_model_changed(self, model: Model | None) -> None:
        self.scored = {}
        if model is not None:
            self.min_distance_px = None
            self.std_range = model.std_range
            self.threshold = model.threshold


OPEN_FIRST = "Open a micrograph first: drag an .mrc file in, or File > Open Sample > napari-deepem."
