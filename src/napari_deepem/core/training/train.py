"""Training: from labelled micrographs to a model, as a stream of epochs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import EpochDone, finish, never, unless_stopped, without_batches
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import CPU
from napari_deepem.core.training.calibration import QUICK_PX, calibrating
from napari_deepem.core.training.dataset import Field, describe_parts, hold_out, prepare_fields
from napari_deepem.core.training.epochs import Learning, best_epoch, learn_epochs
from napari_deepem.core.training.few_labels import network_between, share_of_training
from napari_deepem.core.training.field_picks import FieldScores, ScoredModel
from napari_deepem.core.training.held_out_figures import HeldOutFigures
from napari_deepem.core.training.labelled_particles import particle_std_range
from napari_deepem.core.training.learners import Learner, ModernLearner, PaperLearner
from napari_deepem.core.training.settings import TrainingSettings, sampling_of
from napari_deepem.core.training.starts import Start, recipe_entries, start_entries
from napari_deepem.core.types import Labels, Micrograph


def train(
    micrographs: Iterable[Micrograph],
    labels: Sequence[Labels],
    box_size_px: int,
    *,
    binning: int | Literal["auto"] = "auto",
    recipe: str = "modern",
    start: Start | None = None,
    epochs: int | None = None,
    seed: int = 0,
    labels_complete: bool = True,
    device: DeviceName = "auto",
    on_epoch: Callable[[EpochDone], object] | None = None,
) -> Model:
    """A model trained on labelled micrographs.

    Parameters
    ----------
    micrographs : iterable of Micrograph
        Of each only the network pixels are kept.
    labels : sequence of Labels
        One item a micrograph; micrographs without any label are not used. Where fewer negatives
        than particles are labelled, the rest is drawn at random away from every particle.
    box_size_px : int
        Side of the particle box, original pixels.
    binning : int or "auto"
        "auto" samples as `start` needs it; from chance it bins as far as the network's box stays
        at 40 px or more.
    recipe : "modern", "wide" or "deepem2017"
    start : "general", "chance" or Model, optional
        What the training starts from: the general network, which few labels teach enough, random
        weights, or a model's. By default the general network, but chance for the other recipes or
        with a binning, since the general network has its own.
    epochs : int, optional
        The recipe's own number by default.
    seed : int
        On the CPU, the same seed, input, machine and number of threads give the same weights.
    labels_complete : bool
        Whether every particle of a labelled micrograph is labelled. If not, picks without a label
        on held-out micrographs don't count as wrong when the threshold is set.
    device : "auto", "cpu", "cuda" or "mps"
        What trains; `auto` takes a GPU where there is one. Another device makes another model, as
        another seed does.
    on_epoch : callable, optional
        Is given an `EpochDone` after every epoch.

    Returns
    -------
    Model
        Its threshold is where F2 is best on held-out labels (see `dataset.hold_out`), or where
        few can be held out, what `thresholds.threshold_of_few` says; its range of standard
        deviations is that of the labelled particles.

    Raises
    ------
    InputError
        For labels, a box, a binning, a recipe, a start or a device that can't be used; the
        message says why.

    Examples
    --------
    >>> from napari_deepem import Labels, simulate_sample, train
    >>> sample = simulate_sample(2)
    >>> model = train(
    ...     [simulated.micrograph for simulated in sample],
    ...     [Labels.of(simulated.truth_yx) for simulated in sample],
    ...     box_size_px=120,
    ...     epochs=1,
    ... )
    >>> model.box_size_px, model.box_px, model.recipe
    (120, 44, 'modern')
    """
    sampling = sampling_of(binning)
    settings = TrainingSettings(
        box_size_px, sampling, recipe, epochs, seed, labels_complete, device, start=start
    )
    return finish(train_epochs(micrographs, labels, settings), on_epoch)


def train_epochs(
    micrographs: Iterable[Micrograph],
    labels: Sequence[Labels],
    settings: TrainingSettings,
    stop: Callable[[], bool] = never,
) -> Generator[EpochDone, None, Model]:
    """A stream of `EpochDone` that returns the `Model`: `train` epoch by epoch.

    Micrographs may be read while they are asked for: only their network pixels are kept. For
    `stop` see `train_fields`; errors are those of `train`.
    """
    if not any(len(each.positive_yx) for each in labels):
        raise InputError("no particle is labelled: mark some particles first, or give their file")
    chosen_device(settings.device)  # before anything is read
    fields = prepare_fields(micrographs, labels, settings.box_size_px, settings.chosen_sampling)
    return (yield from without_batches(train_fields(fields, settings, stop=stop)))


def train_fields(
    fields: Sequence[Field],
    settings: TrainingSettings,
    parts: tuple[Sequence[Field], Sequence[Field]] | None = None,
    *,
    before: Network | None = None,
    stop: Callable[[], bool] = never,
) -> Generator[Learning, None, Model]:
    """A stream of progress that returns the `Model`: `train_epochs` on prepared micrographs.

    It tells of every batch, of every epoch, and of every tile that is scored in between and, to
    find the threshold, in the end.

    Parameters
    ----------
    fields : sequence of Field
        Every labelled micrograph, whole, see `prepare_fields`.
    parts : (training, held_out), optional
        The fields divided; as `hold_out` does by default, which depends on the fields and the seed
        alone, not on recipe and architecture.
    before : Network, optional
        An earlier network, tried on the same held-out boxes: the summary's `ap_before`.
    stop : callable, optional
        Asked after every batch; True ends the training there, with the best whole epoch's network
        (or the first's part, see `best_epoch`), calibrated on a part of what is held out, which
        is quick. To drop a training, close the stream.
    """
    box_px, device = settings.network_box_px, chosen_device(settings.device)
    rng = np.random.default_rng(settings.seed)
    training, held_out = parts or hold_out(fields, box_px, rng)
    learner = make_learner(settings, training, rng, device)
    figures = HeldOutFigures(held_out, settings, rng, learner.loss, learner.boxes_per_epoch, device)
    epochs = settings.chosen_epochs
    model = settings.start_model
    start = None if model is None else ScoredModel.of(model, device)
    looks = set() if settings.labels_complete else {epochs * k // 4 for k in (1, 2, 3)}
    if looks and start is not None:  # what it starts from knows particles already
        yield from learner.look_around(stop, start)
        looks = {epochs // 2}
    general = model if settings.chosen_start == "general" else None
    share = 1.0 if general is None else share_of_training(fields, general)  # while nobody waits
    network, curve, stopped = yield from learn_epochs(
        learner, figures, settings, looks, stop, device
    )
    extras: dict[str, Any] = {}
    if general is not None:
        network = network_between(general.network, network, share)
        extras["ap_kept"] = figures.at_boxes(network)[1]
    if not all(weights.isfinite().all() for weights in network.parameters()):
        raise InputError("the training diverged, its weights are no numbers: give another --seed")
    if before is not None and held_out:
        extras["ap_before"] = figures.at_boxes(before)[1]
    std_range = particle_std_range(fields, box_px)
    calibrating_it = partial(
        calibrating,
        FieldScores(network, device),
        held_out,
        settings.labels_complete,
        std_range,
        settings.recipe.smoothings,
        fields,
        start,
    )
    calibration = None if stopped else (yield from unless_stopped(calibrating_it(), stop))
    if calibration is None:
        calibration = yield from calibrating_it(most_px=QUICK_PX)
        kept_epoch = best_epoch(curve) if stopped else epochs
        n_labels = calibration.n_labels
        extras["stopped"] = {"epochs": epochs, "kept_epoch": kept_epoch, "n_labels": n_labels}
    distance_px = calibration.min_distance_px
    return Model(
        network=network,
        recipe=settings.recipe.name,
        box_size_px=settings.box_size_px,
        sampling=settings.chosen_sampling,
        pixel_size=fields[0].pixel_size,
        threshold=calibration.threshold,
        std_range=std_range,
        smoothing=calibration.smoothing,
        min_distance_px=distance_px and distance_px * settings.chosen_sampling.scale,
        summary={
            "seed": settings.seed,
            "labels_complete": settings.labels_complete,
            "recipe": recipe_entries(settings.recipe),
            **start_entries(settings.chosen_start),
            "labelled": sum(len(field.positive_yx) for field in fields),
            "trained_on": describe_parts(training),
            "held_out": describe_parts(held_out),
            "curve": [asdict(done) for done in curve if done.is_finite],
            **extras,
            **calibration.figures,
        },
        training_set=tuple(
            LabelledMicrograph(field.name, field.labels, settings.labels_complete, field.source)
            for field in fields
        ),
    )


def make_learner(
    settings: TrainingSettings,
    fields: Sequence[Field],
    rng: np.random.Generator,
    device: torch.device = CPU,
) -> Learner:
    """The learner of a recipe, which goes on from the weights of what the training starts from."""
    recipe, architecture, model = settings.recipe, settings.architecture, settings.start_model
    start = None if model is None else model.network
    if recipe.batches_per_epoch is None:
        return PaperLearner(architecture, fields, recipe, rng, start, device)
    epochs = settings.chosen_epochs
    return ModernLearner(architecture, fields, recipe, rng, epochs, start, device)
