"""The summary in a model file, as declared: how its training went.

What a summary tells has grown since the first files, so every entry may be missing. What nothing
reads, or what a later version tells besides, is left out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, FailFast, Field, model_validator

from napari_deepem.core.network.architecture import MOST_MAPS, Activation
from napari_deepem.io.declared_json import STRICT, Share

Figure = Annotated[float, Field(ge=0, le=1e9)]
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]
Seed = Annotated[int, Field(ge=0, le=2**63)]
Maps = Annotated[int, Field(ge=1, le=MOST_MAPS)]
Text = Annotated[str, Field(max_length=4096)]
Curve = Annotated[list[Share], Field(min_length=2, max_length=1000)]
Mean = Annotated[float, Field(ge=-1000, le=1000)]
Std = Annotated[float, Field(ge=1e-6, le=1000)]
Lookalikes = Annotated[float, Field(ge=0, le=0.999)]
Mixture = tuple[Mean, Std, Mean, Std, Share, Lookalikes]
LARGEST_BATCH = 1024  # of boxes: what is trained on at once has to fit into memory


class Entry(BaseModel):
    """An entry of a summary."""

    model_config = STRICT | {"extra": "ignore"}


class Part(Entry):
    """A micrograph, or some of its columns, that was trained on or held out."""

    micrograph: Text
    particles: Count
    negatives: Count
    binned_cols: Annotated[list[Number], Field(min_length=2, max_length=2)]


class EpochFigures(Entry):
    """The figures of an epoch, see `core.jobs.EpochDone`."""

    epoch: Epochs
    epochs: Epochs = 1  # the first files do not say
    loss: float
    held_out_loss: float | None = None
    held_out_ap: Share | None = None
    picking_ap: Share | None = None
    labels_complete: bool = True


class Stopped(Entry):
    """The end of a training that was stopped: epochs that were planned, and the one kept."""

    epochs: Epochs
    kept_epoch: Annotated[int, Field(ge=0, le=10_000)]  # 0: stopped within the first
    n_labels: Count | None = None  # by which the threshold was found; None: all held-out ones


class Refined(Entry):
    """The verdicts that a model was trained with, and how."""

    round: Count = 1
    start: Literal["anew", "weights"] = "anew"
    epochs_anew: Count = 0
    micrographs: Count = 0
    accepted: Count = 0
    rejected: Count = 0
    unsure: Count = 0


class HeldOutCurves(Entry):
    """The curves that `core.evaluation.metrics.HeldOutCurves` reads."""

    recall: Curve
    f2: Annotated[list[Figure], Field(min_length=2, max_length=1000)]  # estimates went beyond 1
    precision: Curve = []  # where every particle was labelled

    @model_validator(mode="after")
    def _of_one_length(self) -> HeldOutCurves:
        if {len(self.f2), len(self.precision or self.f2)} != {len(self.recall)}:
            raise ValueError("curves of different lengths")
        return self


class ScoreMixtures(Entry):
    """The mixtures that `core.picking.score_evidence.LearntScores` reads.

    Rows of both bells' means and standard deviations, the share of particles, and of lookalikes.
    """

    mixtures: Annotated[list[Mixture], Field(min_length=1, max_length=100)]
    misfit: Share
    n_labels: Annotated[int, Field(ge=1, le=10**9)]
    on_negatives: Figure


class RecipeFigures(Entry):
    """The recipe that a training followed, see `core.training.recipes.Recipe`."""

    name: Text = ""
    activation: Activation = "relu"
    maps: Annotated[list[Maps], Field(min_length=3, max_length=3)] = []
    batch_norm: bool = True
    epochs: Epochs = 1
    batches_per_epoch: Annotated[int, Field(ge=1, le=10_000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=1000)] = 1.0
    background_distance: Annotated[float, Field(ge=0, le=100)] = 0.0
    jitter: Share = 0.0
    contrast_jitter: Annotated[float, Field(ge=0, le=100)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    negatives_per_positive: Annotated[float, Field(gt=0, le=100)] = 1.0
    smoothings: Annotated[list[Share], Field(min_length=1, max_length=20)] = []
    all_orientations: bool = True
    average_keeps: Annotated[float, Field(ge=0, lt=1)] = 0.0
    few: Annotated[int, Field(ge=0, le=10**9)] = 0
    share_of_few: Annotated[float, Field(gt=0, le=1)] = 1.0
    frozen_of_few: Annotated[int, Field(ge=0, le=3)] = 0


class FirstTraining(Entry):
    """The training that a model began with, see `core.training.starts.FirstTraining`."""

    start: Literal["general", "chance"]
    recipe: RecipeFigures
    epochs: Epochs | None


class Gain(Entry):
    """The gain of a variant that tuning tried, see `core.training.variants.Gain`."""

    mean: Number
    noise: Number
    repeats: Count


class Tuning(Entry):
    """The choice of a tuning, see `batch.tuning.choice.choice_figures`."""

    trial: Count
    rival: Count | None
    gain: Gain | None
    seeds: Annotated[list[Seed], FailFast()]
    selected_on_ap: Share
    default_ap: Share
    unseen: Annotated[list[Text], FailFast()]
    unseen_ap: Share | None
    default_unseen_ap: Share | None


class Summary(Entry):
    """A summary; what it lacks, or has no value for, is not in `entries`."""

    seed: Seed = 0
    labels_complete: bool = True
    recipe: RecipeFigures = RecipeFigures()
    start: Literal["general", "chance", "model"] = "chance"
    first: FirstTraining | None = None
    labelled: Count = 0
    trained_on: Annotated[list[Part], FailFast()] = []
    held_out: Annotated[list[Part], FailFast()] = []
    curve: Annotated[list[EpochFigures], FailFast()] = []
    stopped: Stopped | None = None
    ap_before: Share | None = None
    ap_kept: Share | None = None
    held_out_recall: Share = 0.0
    held_out_curves: HeldOutCurves | None = None
    held_out_ap: Share = 0.0
    held_out_f2: Share = 0.0
    score_mixtures: ScoreMixtures | None = None
    estimated_precision: Share = 0.0
    precision_withheld: Text = ""
    refined: Refined | None = None
    tuning: Tuning | None = None

    @model_validator(mode="after")
    def _with_the_epoch_kept(self) -> Summary:
        if self.stopped is not None and self.stopped.kept_epoch > len(self.curve):
            raise ValueError("the epoch that was kept is none of those of its curve")
        return self

    @model_validator(mode="after")
    def _with_how_it_began(self) -> Summary:
        if (self.start == "model") != (self.first is not None):
            raise ValueError("what was trained on from a model does not say how that began")
        return self

    @property
    def entries(self) -> dict[str, Any]:
        """The entries that a file holds; JSON values."""
        entries = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in entries.items() if value is not None}
