"""The one evented model of what a user is doing in one viewer.

Views write parameters and requests, jobs write results. A mapping field is replaced, never changed
in place: that is what its signal tells. Fields are set on the main thread only, because callbacks
run on the thread that sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, InstanceOf, PrivateAttr

from napari_deepem.core.network.general import GENERAL_RECIPE
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.settings import automatic_sampling, sampling_of
from napari_deepem.core.training.starts import sampling_of_start
from napari_deepem.core.types import NO_LABELS, Candidates, FinalPicks, Labels, Micrograph, ScoreMap
from napari_deepem.io.owned_files import OwnedFiles
from napari_deepem.session.activity import Activity
from napari_deepem.session.display import Display
from napari_deepem.session.final_selection import MADE_FROM, FinalSelection
from napari_deepem.session.history import History
from napari_deepem.session.parameters import OF_PICKING, Parameters
from napari_deepem.session.scored import Scored
from napari_deepem.session.series_criteria import SeriesCriteria
from napari_deepem.session.training_rounds import Round


class Session(Parameters):
    """Micrographs, labels, model, scores and picks of one viewer; lengths in original pixels."""

    # the series that is open: files by name, in their order; `excluded` ones are left out of all
    files: dict[str, InstanceOf[Path]] = Field(default_factory=dict)
    folder: InstanceOf[Path] | None = None  # where its file is kept, and with one scores too
    excluded: frozenset[str] = frozenset()
    chosen: frozenset[str] = frozenset()  # in the table of micrographs
    problems: dict[str, str] = Field(default_factory=dict)  # why a file can't be read, or scored
    run: str = ""  # by what the run whose model this is has picked; empty: there is no run
    failures: dict[str, str] = Field(default_factory=dict)  # why a run has no picks of these
    is_following: bool = False  # another window, which has the folder: nothing can be changed here

    # what is in memory, pulled from the viewer's layers; of a series that is one at a time, and
    # none yet while the current one is being read
    micrographs: dict[str, InstanceOf[Micrograph]] = Field(default_factory=dict)
    current: str | None = None
    labels: dict[str, InstanceOf[Labels]] = Field(default_factory=dict)  # of the whole series

    # ((height, width), A/px or None) by name, of what was in memory or has labels
    headers: dict[str, Any] = Field(default_factory=dict)

    # results of jobs
    model: Any = None  # Model | None
    # being loaded from the folder's file, and what they have found comes with them
    models_to_come: int = 0
    history: tuple[Any, ...] = ()  # EpochDone of the training that runs or ran last
    scored: dict[str, InstanceOf[Scored]] = Field(default_factory=dict)  # of those in memory
    # of all that the model has scored, in memory or not; follows `scored`
    candidates: dict[str, InstanceOf[Candidates]] = Field(default_factory=dict)
    # what is known by now of the micrograph that is being scored: its name, and its score map
    scored_so_far: tuple[str, InstanceOf[ScoreMap]] | None = None
    picks: InstanceOf[FinalPicks] | None = None  # here; a projection of the above
    # from what was clicked, see `core.training.box_size`; None: can't tell
    suggested_box_px: int | None = None
    # from the current micrograph alone, see `session.box_choices`
    box_choices: tuple[Any, ...] = ()

    # verdicts on picks, by micrograph: `positive_yx` are accepted, `negative_yx` rejected, and
    # `unsure_yx` settled by hand, see `core.picking.mending`
    verdicts: dict[str, InstanceOf[Labels]] = Field(default_factory=dict)
    rounds: tuple[Round, ...] = ()  # what each training gave

    _training: Activity = PrivateAttr(default_factory=Activity)
    _proposing: Activity = PrivateAttr(default_factory=Activity)
    _scoring: Activity = PrivateAttr(default_factory=Activity)
    _opening: Activity = PrivateAttr(default_factory=Activity)
    _exporting: Activity = PrivateAttr(default_factory=Activity)
    _display: Display = PrivateAttr(default_factory=Display)
    _edits: History = PrivateAttr()
    _written: OwnedFiles = PrivateAttr(default_factory=OwnedFiles)
    _selection: FinalSelection = PrivateAttr()

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._selection = FinalSelection(self)
        for name in OF_PICKING:  # before all others who follow them
            self.events[name].connect(self._selection.read_criteria)
        for name in (*OF_PICKING, *MADE_FROM, "current"):
            self.events[name].connect(self._choose_picks)
        self.events.scored.connect(self._keep_candidates)
        self.events.micrographs.connect(self._forget_stale_scores)
        self.events.micrographs.connect(self._keep_headers)
        self.events.model.connect(self._on_model_changed)
        self.events.current.connect(lambda: setattr(self, "box_choices", ()))
        self._edits = History(self)

    @property
    def training(self) -> Activity:
        """The progress of training."""
        return self._training

    @property
    def proposing(self) -> Activity:
        """The progress of a proposal: of boxes, or of particles until they are scored."""
        return self._proposing

    @property
    def scoring(self) -> Activity:
        """The progress of scoring."""
        return self._scoring

    @property
    def opening(self) -> Activity:
        """The progress of opening a folder."""
        return self._opening

    @property
    def exporting(self) -> Activity:
        """The progress of writing coordinate files."""
        return self._exporting

    @property
    def activities(self) -> tuple[Activity, ...]:
        """The progress of all long jobs."""
        return self._training, self._proposing, self._scoring, self._opening, self._exporting

    @property
    def display(self) -> Display:
        """The view of micrographs on the screen."""
        return self._display

    @property
    def edits(self) -> History:
        """The history of labels and verdicts, by which they are undone and redone."""
        return self._edits

    @property
    def selection(self) -> FinalSelection:
        """The final picks of any micrograph with the present settings, and how many there are."""
        return self._selection

    @property
    def written(self) -> OwnedFiles:
        """The coordinate files that this session wrote."""
        return self._written

    @property
    def pixel_size(self) -> float | None:
        """The pixel size, A/px, of the current micrograph; None if it is not known."""
        micrograph = self.micrographs.get(self.current) if self.current else None
        return None if micrograph is None else micrograph.pixel_size

    @property
    def current_scored(self) -> Scored | None:
        """The current micrograph's scores; None if it was not scored with this model."""
        return self.scored.get(self.current) if self.current else None

    @property
    def current_candidates(self) -> Candidates | None:
        """The current micrograph's candidates; None if it was not scored with this model."""
        return self.candidates.get(self.current) if self.current else None

    @property
    def names(self) -> list[str]:
        """The names of all micrographs: those of the series, then what else is open."""
        return [*self.files, *(name for name in self.micrographs if name not in self.files)]

    @property
    def current_alone(self) -> list[str]:
        """The name of the current micrograph; empty where there is none."""
        return [] if self.current is None else [self.current]

    @property
    def chosen_sampling(self) -> Sampling:
        """The sampling of the next training, also where it is left to us."""
        return (
            sampling_of(self.binning)
            or sampling_of_start(self.start, self.box_size_px)
            or automatic_sampling(self.box_size_px)
        )

    @property
    def trained_model(self) -> Model | None:
        """The model, unless it is the general network as it comes: nobody has trained that."""
        is_general = self.model is None or self.model.recipe == GENERAL_RECIPE
        return None if is_general else self.model

    @property
    def proposes(self) -> bool:
        """Whether picks are proposals: those of the general network as it comes."""
        return self.model is not None and self.trained_model is None

    @property
    def f2_optimum(self) -> float | None:
        """The threshold at which F2 was best on held-out labels; None if none were held out."""
        has_curves = self.model is not None and "held_out_recall" in self.model.summary
        return self.model.threshold if has_curves else None

    @property
    def estimated_precision(self) -> PrecisionEstimate | None:
        """The share of the current picks that is right, or why it is not told; None without any."""
        if self.current is None or self.model is None:
            return None
        return self._selection.estimated_precision(self.current, self.model, self.pixel_size)

    @property
    def picks_box_px(self) -> int:
        """The box of picks, original pixels: the model's, or without one that of the labels."""
        size_px: int = self.box_size_px if self.model is None else self.model.box_size_px
        return size_px

    def labels_of(self, name: str | None) -> Labels:
        """The labels of a micrograph."""
        return self.labels.get(name, NO_LABELS) if name else NO_LABELS

    def counting_labels_of(self, name: str | None) -> Labels:
        """The labels of a micrograph, without what lies outside of one that is in memory."""
        labels, micrograph = self.labels_of(name), self.micrographs.get(name or "")
        return labels if micrograph is None else labels.inside(micrograph.shape)

    def labelled(self) -> dict[str, Labels]:
        """The labels of every micrograph that has any that count and is not excluded."""
        return self._in_use({name: self.counting_labels_of(name) for name in self.labels})

    def with_verdicts(self) -> dict[str, Labels]:
        """The verdicts on every micrograph that has any and is not excluded."""
        return self._in_use(self.verdicts)

    def _in_use(self, labels: Mapping[str, Labels]) -> dict[str, Labels]:
        return {
            name: each
            for name, each in labels.items()
            if (name in self.files or name in self.micrographs)
            and name not in self.excluded
            and each.can_teach
        }

    @property
    def criteria(self) -> PickCriteria:
        """The present threshold, std range and distance, by which candidates are picked."""
        return self._selection.criteria.common

    @property
    def series_criteria(self) -> SeriesCriteria:
        """The same of each micrograph, where some have thresholds of their own."""
        return self._selection.criteria

    def distance_px(self) -> float:
        """The minimum distance that is in use, original pixels."""
        return self.criteria.distance_px(self.picks_box_px)

    def lose_candidates(self, name: str, why: str) -> None:
        """Go on without candidates that can't be read any more."""
        self.failures = {**self.failures, name: why}
        self.candidates = {k: v for k, v in self.candidates.items() if k != name}

    def _choose_picks(self) -> None:
        self.picks = self._selection.picks_of(self.current) if self.current else None

    def _keep_candidates(self, scored: Mapping[str, Scored]) -> None:
        new = {
            name: each.candidates
            for name, each in scored.items()
            if self.candidates.get(name) is not each.candidates
        }
        if new:
            self.candidates = {**self.candidates, **new}

    def _forget_stale_scores(self, micrographs: Mapping[str, Micrograph]) -> None:
        """Forget scores of what was closed or has other pixels now.

        Candidates of a series stay when the next micrograph takes the place of this one.
        """
        stale = {
            name
            for name, scored in self.scored.items()
            if micrographs.get(name) is not scored.micrograph
        }
        if stale:
            gone = {name for name in stale if name in micrographs or name not in self.files}
            self.candidates = {k: v for k, v in self.candidates.items() if k not in gone}
            self.scored = {k: v for k, v in self.scored.items() if k not in stale}

    def _keep_headers(self, micrographs: Mapping[str, Micrograph]) -> None:
        new = {name: (each.shape, each.pixel_size) for name, each in micrographs.items()}
        self.headers = {**self.headers, **new}

    def _on_model_changed(self, model: Model | None) -> None:
        self.scored = {}
        self.candidates = {}
        if model is not None:
            self.min_distance_px = model.min_distance_px
            self.std_range = model.std_range
            self.threshold, self.own_thresholds = model.threshold, {}
        self._selection.read_criteria()
