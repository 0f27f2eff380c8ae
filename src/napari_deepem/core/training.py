"""Training: from labelled micrographs to a model, as a stream of epochs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from napari_deepem.core.calibration import (
    THRESHOLD_WITHOUT_HELD_OUT,
    evaluate_held_out,
    particle_std_range,
)
from napari_deepem.core.errors import InputError
from napari_deepem.core.examples import Field, hold_out, positives_and_negatives, prepare_fields
from napari_deepem.core.jobs import finish
from napari_deepem.core.learning import Learner, ModernLearner, PaperLearner
from napari_deepem.core.metrics import average_precision, best_threshold, precision_recall
from napari_deepem.core.model import Model
from napari_deepem.core.network import (
    LARGEST_BOX_PX,
    SMALLEST_BOX_PX,
    Architecture,
    with_activation,
)
from napari_deepem.core.preprocess import MAX_BINNING, check_binning
from napari_deepem.core.recipes import Recipe, recipe_named
from napari_deepem.core.scoring import score_crops
from napari_deepem.core.types import Float32Array, Labels, Micrograph

AUTO_BOX_PX = 40  # the network's box that automatic binning does not go below


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Progress of training: one epoch is over."""

    epoch: int  # counted from 1
    epochs: int
    loss: float  # mean over the epoch's batches
    held_out_loss: float | None  # the same loss on held-out boxes; None if none are held out
    held_out_ap: float | None  # average precision at telling held-out particles from background


def train(
    micrographs: Sequence[Micrograph],
    labels: Sequence[Labels],
    box_size_px: int,
    *,
    binning: int | Literal["auto"] = "auto",
    recipe: str = "modern",
    epochs: int | None = None,
    seed: int = 0,
    on_epoch: Callable[[EpochDone], object] | None = None,
) -> Model:
    """Train a network on labelled micrographs.

    Parameters
    ----------
    micrographs : sequence of Micrograph
    labels : sequence of Labels
        One item a micrograph; micrographs without any label are not used. Where fewer negatives
        than particles are marked, the rest is drawn at random away from every particle.
    box_size_px : int
        Side of the particle box, original pixels.
    binning : int or "auto"
        "auto" bins as far as the network's box stays at 40 px or more.
    recipe : "modern" or "deepem2017"
    epochs : int, optional
        The recipe's own number by default.
    seed : int
        Same seed, same input and same machine give the same weights.
    on_epoch : callable, optional
        Is given an `EpochDone` after every epoch.

    Returns
    -------
    Model
        Its threshold is where F2 is best on held-out labels (see `examples.hold_out`), its
        range of standard deviations that of the labelled particles.

    Raises
    ------
    InputError
        For labels, a box, a binning or a recipe that can't be used; the message says why.

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
    >>> model.box_size_px, model.binning, model.recipe
    (120, 3, 'modern')
    """
    job = train_epochs(
        micrographs, labels, box_size_px, binning=binning, recipe=recipe, epochs=epochs, seed=seed
    )
    return finish(job, on_epoch)


def train_epochs(
    micrographs: Sequence[Micrograph],
    labels: Sequence[Labels],
    box_size_px: int,
    *,
    binning: int | Literal["auto"] = "auto",
    recipe: str = "modern",
    epochs: int | None = None,
    seed: int = 0,
) -> Generator[EpochDone, None, Model]:
    """Do as `train`, as a stream: yields `EpochDone`, returns the `Model`."""
    check_request(box_size_px, binning=binning, recipe=recipe, epochs=epochs)
    if not any(len(marked.positive_yx) for marked in labels):
        raise InputError("no particle is labelled: mark some particles first, or give their file")
    chosen = recipe_named(recipe)
    epochs = chosen.epochs if epochs is None else epochs
    binning = resolve_binning(box_size_px, binning)
    architecture = Architecture.for_box(round(box_size_px / binning))
    architecture = with_activation(architecture, chosen.activation)
    rng = np.random.default_rng(seed)

    fields = prepare_fields(micrographs, labels, box_size_px, binning)
    training, held_out = hold_out(fields, architecture.box_px, rng)
    learner = make_learner(chosen, architecture, training, epochs, rng)
    boxes = _boxes_to_judge_on(held_out, architecture.box_px, chosen, rng)
    curve = []
    for epoch in range(1, epochs + 1):
        loss = learner.run_epoch()
        done = EpochDone(epoch, epochs, loss, *_judge(learner, boxes))
        curve.append(done)
        yield done

    network = learner.trained()
    summary: dict[str, Any] = {
        "seed": seed,
        "epochs": epochs,
        "trained_on": _describe(micrographs, training),
        "held_out": _describe(micrographs, held_out),
        "curve": [asdict(done) for done in curve],
    }
    threshold = THRESHOLD_WITHOUT_HELD_OUT
    if held_out:
        evaluation = evaluate_held_out(network, held_out)
        threshold = best_threshold(evaluation) or THRESHOLD_WITHOUT_HELD_OUT
        summary |= {"held_out_ap": evaluation.ap, "held_out_f2": evaluation.f2}
    return Model(
        network=network,
        recipe=chosen.name,
        box_size_px=box_size_px,
        binning=binning,
        pixel_size=micrographs[fields[0].micrograph].pixel_size,
        threshold=threshold,
        std_range=particle_std_range(fields, architecture.box_px),
        summary=summary,
    )


def check_request(
    box_size_px: int,
    *,
    binning: int | Literal["auto"] = "auto",
    recipe: str = "modern",
    epochs: int | None = None,
) -> None:
    """Raise InputError for parameters that `train` can't use, before anything is read."""
    recipe_named(recipe)
    resolve_binning(box_size_px, binning)
    if epochs is not None and epochs < 1:
        raise InputError(f"{epochs} epochs: train for at least 1")


def resolve_binning(box_size_px: int, binning: int | Literal["auto"]) -> int:
    """The binning that "auto" stands for, or the given one where box and binning go together."""
    if not SMALLEST_BOX_PX <= box_size_px <= LARGEST_BOX_PX * MAX_BINNING:
        raise InputError(
            f"a box of {box_size_px} px: give the side of a box around one particle, "
            f"in pixels of the original file, at least {SMALLEST_BOX_PX}"
        )
    if binning == "auto":
        return min(max(1, box_size_px // AUTO_BOX_PX), MAX_BINNING)
    check_binning(binning)
    Architecture.for_box(round(box_size_px / binning))  # says which boxes the network takes
    return binning


def make_learner(
    recipe: Recipe,
    architecture: Architecture,
    fields: Sequence[Field],
    epochs: int,
    rng: np.random.Generator,
) -> Learner:
    """Set up what a recipe trains with."""
    if recipe.batches_per_epoch is None:
        return PaperLearner(architecture, fields, recipe, rng)
    return ModernLearner(architecture, fields, recipe, rng, epochs)


def _boxes_to_judge_on(
    held_out: Sequence[Field], box_px: int, recipe: Recipe, rng: np.random.Generator
) -> tuple[Float32Array, Float32Array] | None:
    if not held_out:
        return None
    return positives_and_negatives(held_out, box_px, recipe.background_distance * box_px, rng)


@torch.no_grad()
def _judge(
    learner: Learner, boxes: tuple[Float32Array, Float32Array] | None
) -> tuple[float | None, float | None]:
    """Loss and average precision on held-out boxes, scores averaged over four rotations."""
    if boxes is None:
        return None, None
    is_particle = np.repeat([True, False], [len(boxes[0]), len(boxes[1])])
    scores = score_crops(np.concatenate(boxes), learner.trained())
    clipped = torch.from_numpy(np.clip(scores, 1e-7, 1 - 1e-7))
    loss = learner.loss(torch.logit(clipped), torch.from_numpy(is_particle.astype(np.float64)))
    _, precisions, recalls = precision_recall(scores, is_particle, len(boxes[0]))
    return float(loss), average_precision(precisions, recalls)


def _describe(micrographs: Sequence[Micrograph], fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {
            "micrograph": micrographs[field.micrograph].name,
            "particles": len(field.positive_yx),
            "negatives": len(field.negative_yx),
            "binned_cols": list(field.cols),
        }
        for field in fields
    ]
