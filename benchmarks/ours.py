"""Our own method, as trials measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from time import process_time
from typing import ClassVar, Literal

import sets
from trials import Found

from napari_deepem import Labels, find_candidates, score, select_picks
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.general import general_model
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.dataset import HELD_OUT_SHARE
from napari_deepem.core.training.recipes import DEEPEM2017, MODERN, Recipe
from napari_deepem.core.training.settings import TrainingSettings, sampling_of
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import FloatArray

PAPER_STEPS = 4000  # at SNR 0.01 the plateau of the paper's training is 1700 gradient steps long


@dataclass(frozen=True, slots=True)
class Ours:
    """A recipe, for its own number of epochs or another; micrographs binned as far as said."""

    sources: ClassVar = ("src/napari_deepem/core", "benchmarks/ours.py")

    name: str
    recipe: Recipe
    epochs: int | None = None
    binning: int | Literal["auto"] = "auto"
    steps: int | None = None  # instead of epochs, where an epoch is one pass over all examples

    def pick(
        self,
        sample: sets.LabelledSet,
        clicked: Sequence[FloatArray],
        all_clicked: bool,
        seed: int,
    ) -> Found:
        settings = TrainingSettings(
            box_size_px=sample.box_px,
            sampling=sampling_of(self.binning),
            epochs=self._epochs(clicked),
            seed=seed,
            labels_complete=all_clicked,
            own_recipe=self.recipe,
            start="chance",
        )
        labels = [Labels.of(centres_yx) for centres_yx in clicked]
        return picked(sample, *trained(sample.training, labels, settings))

    def _epochs(self, clicked: Sequence[FloatArray]) -> int | None:
        """As many as wanted; of `steps`, each epoch has every particle, a negative, four turns."""
        if sets.QUICK:
            return 1
        if self.steps is None:
            return self.epochs
        trained_on = (1 - HELD_OUT_SHARE) * sum(map(len, clicked))
        return ceil(self.steps / ceil(8 * trained_on / self.recipe.batch_size))


@dataclass(frozen=True, slots=True)
class FromGeneral:
    """The general network: as it comes where nothing is clicked, trained on from clicks."""

    sources: ClassVar = (*Ours.sources, "src/napari_deepem/core/network/general.safetensors")
    name: ClassVar = "from the general network"

    def pick(
        self,
        sample: sets.LabelledSet,
        clicked: Sequence[FloatArray],
        all_clicked: bool,
        seed: int,
    ) -> Found:
        if not any(map(len, clicked)):
            return picked(sample, general_model(sample.box_px))
        labels = [Labels.of(centres_yx) for centres_yx in clicked]
        settings = from_general(sample.box_px, all_clicked, seed)
        return picked(sample, *trained(sample.training, labels, settings))


def from_general(box_size_px: int, labels_complete: bool, seed: int) -> TrainingSettings:
    """The default settings, by which the general network is trained on."""
    return TrainingSettings(
        box_size_px,
        epochs=1 if sets.QUICK else None,
        seed=seed,
        labels_complete=labels_complete,
        start="general",
    )


def trained(
    labelled: Sequence[sets.Labelled], labels: Sequence[Labels], settings: TrainingSettings
) -> tuple[Model, float]:
    """A model of micrographs, and the seconds of a core that its training took."""
    started = process_time()
    micrographs = [micrograph for micrograph, _ in labelled]
    model = finish(train_epochs(micrographs, labels, settings))
    return model, process_time() - started


def picked(sample: sets.LabelledSet, model: Model, training_s: float | None = None) -> Found:
    """What a model finds on the test micrographs: all candidates, and those that it picks."""
    candidates = [find_candidates(score(micrograph, model)) for micrograph, _ in sample.test]
    return Found(
        ranking=[select_picks(found, threshold=0.0) for found in candidates],
        training_s=training_s,
        chosen=[
            select_picks(found, threshold=model.threshold, std_range=model.std_range)
            for found in candidates
        ],
        threshold=model.threshold,
    )


def modern() -> Ours:
    """The default recipe."""
    return Ours("modern", MODERN)


def deepem2017() -> Ours:
    """The paper's recipe, for as many gradient steps whatever the number of labels."""
    return Ours("deepem2017", DEEPEM2017, steps=PAPER_STEPS)
