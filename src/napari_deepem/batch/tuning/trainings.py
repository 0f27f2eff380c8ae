"""Single trainings of a tuning: what is trained on, what comes of it, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from napari_deepem.batch.tuning.study import Repeat
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, without_batches
from napari_deepem.core.network.devices import chosen_device
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.dataset import Field, hold_out
from napari_deepem.core.training.field_picks import evaluate_held_out
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_fields

ENOUGH_MICROGRAPHS = 5  # to keep some from the search
UNSEEN_SHARE = 0.2  # of the micrographs


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """The outcome of a training: a model, and how good it is."""

    model: Model
    ap: float  # average precision of its picks on the micrographs that it held out
    unseen_ap: float | None  # on those that the search never sees; None if there are none


Trainer = Callable[
    [Sequence[Field], TrainingSettings, Sequence[Field]], Generator[EpochDone, None, Outcome]
]


@dataclass(frozen=True, eq=False, slots=True)
class Ended:
    """The end of a training: its outcome, or why it was stopped."""

    note: str = ""  # why it was stopped
    is_bad: bool = False  # stopped because it was no good, rather than for want of time
    seconds: float = 0.0
    seconds_in_epochs: float = 0.0
    outcome: Outcome | None = None  # None if it was stopped

    def as_repeat(self, trial: int, seed: int) -> Repeat:
        """The training as a study keeps it, if it was not stopped."""
        assert self.outcome is not None
        return Repeat(trial, seed, self.outcome.ap, self.outcome.unseen_ap, self.seconds)


@dataclass(frozen=True, slots=True)
class Split:
    """Names of the micrographs that are searched with, and of those that the search never sees."""

    searched: list[str]
    unseen: list[str]


@dataclass(frozen=True, slots=True)
class TrialEpoch:
    """Progress of tuning: one epoch of a training is over."""

    what: str
    epoch: EpochDone


@dataclass(frozen=True, slots=True)
class TrialDone:
    """Progress of tuning: one training is over."""

    what: str
    settings: TrainingSettings | None  # None if it could not be begun
    ap: float | None  # average precision on what was held out; None if it was stopped
    seconds: float
    note: str = ""  # why it was stopped

    @property
    def text(self) -> str:
        """The training in a line: its hyper-parameters, and its figure or why it was stopped."""
        text = f"{self.what}: "
        if self.settings is not None:
            values = hyper_parameters(self.settings)
            text += (
                f"maps {values['maps']}, kernels {values['kernels']}, cells {values['cells']}, "
                f"rate {values['rate']}, negatives {values['negatives']}: "
            )
        text += self.note if self.ap is None else f"average precision {self.ap:.4f}"
        return f"{text} ({self.seconds:.0f} s)"


def hyper_parameters(settings: TrainingSettings) -> dict[str, str]:
    """The hyper-parameters that tuning chooses, as text."""
    recipe, architecture = settings.recipe, settings.architecture
    return {
        "maps": "/".join(map(str, architecture.maps)),
        "kernels": "/".join(map(str, architecture.kernels)),
        "cells": "/".join(map(str, architecture.pools)),
        "weights": str(architecture.n_weights),
        "rate": f"{recipe.learning_rate:.2g}",
        "negatives": f"{recipe.negatives_per_positive:.2g}",
    }


def box_ap_of(epoch: EpochDone) -> float:
    """The average precision on held-out boxes; 0 where there is none, or no number."""
    ap = epoch.held_out_ap
    return ap if ap is not None and isfinite(ap) else 0.0


def keep_unseen(fields: Sequence[Field], seed: int) -> tuple[list[Field], list[Field]]:
    """Fields to search with, and a fifth that the search never sees: none of fewer than five."""
    labelled = [field for field in fields if len(field.positive_yx)]
    unseen: list[Field] = []
    if len(labelled) >= ENOUGH_MICROGRAPHS:
        order = np.random.default_rng(seed).permutation(len(labelled))
        unseen = [labelled[index] for index in order[: round(UNSEEN_SHARE * len(labelled))]]
    return [field for field in fields if field not in unseen], unseen


def held_out_of(fields: Sequence[Field], settings: TrainingSettings) -> list[Field]:
    """The fields that `train_fields` holds out of these; InputError if there are none."""
    if not any(len(field.positive_yx) for field in fields):
        raise InputError("no particle is labelled: mark some particles first, or give their file")
    rng = np.random.default_rng(settings.seed)
    _, held_out = hold_out(fields, settings.network_box_px, rng)
    if not held_out:
        raise InputError(
            "too few labels to hold some out, by which tuning judges: label a second micrograph"
        )
    return held_out


def train_and_evaluate(
    fields: Sequence[Field], settings: TrainingSettings, unseen: Sequence[Field]
) -> Generator[EpochDone, None, Outcome]:
    """A stream of epochs that returns the outcome: what is held out and unseen is picked, too."""
    model = yield from without_batches(train_fields(fields, settings))

    def ap_on(fields: Sequence[Field]) -> float:
        device = chosen_device(settings.device)
        distance_px = model.min_distance_px and model.min_distance_px / model.sampling.scale
        picked = evaluate_held_out(model.network, fields, model.smoothing, device, distance_px)
        return picked.ap

    ap = model.summary.get("held_out_ap")
    if ap is None:  # of partial labels: too low, but as much so for one variant as for another
        ap = ap_on(held_out_of(fields, settings))
    unseen_ap = ap_on(unseen) if unseen else None
    return Outcome(model, ap, unseen_ap)


def follow(
    what: str,
    job: Generator[EpochDone, None, Outcome],
    clock: Callable[[], float],
    until: float,
    aside: float,
    is_hopeless: Callable[[EpochDone], bool] | None = None,
) -> Generator[TrialEpoch, None, Ended]:
    """A stream of a training's epochs that returns its end: it is stopped if no good or too slow.

    Parameters
    ----------
    what : str
        What to call it.
    job : generator
        Of a `Trainer`.
    clock : callable
        Seconds.
    until : float
        A training that is foreseen to end later, by `clock`, is stopped; infinite: never.
    aside : float
        How many times longer a training takes than its epochs do.
    is_hopeless : callable, optional
        Is given every epoch, and may have the training stopped.
    """
    started, in_epochs = clock(), 0.0
    while True:
        try:
            epoch = next(job)
        except StopIteration as end:
            return Ended("", False, clock() - started, in_epochs, end.value)
        except InputError as error:  # such as a training that diverged in its last epoch
            if until == inf:
                raise
            return Ended(str(error), True, clock() - started, in_epochs)
        in_epochs = clock() - started
        yield TrialEpoch(what, epoch)
        note, is_bad = "", True
        if until < inf and not isfinite(epoch.loss):
            note = f"diverged in epoch {epoch.epoch}"
        elif is_hopeless is not None and is_hopeless(epoch):
            note = f"among the worst after epoch {epoch.epoch}"
        elif started + in_epochs / epoch.epoch * epoch.epochs * aside > until:
            note, is_bad = "no time left for it", False
        if note:
            job.close()
            return Ended(note, is_bad, clock() - started, in_epochs)
