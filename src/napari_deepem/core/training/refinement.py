"""Training again with what a user says of the picks on other micrographs: the loop of Fig. 2."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.verdicts import join
from napari_deepem.core.jobs import (
    EpochDone,
    MicrographRead,
    TilesDone,
    finish,
    never,
    without_batches,
)
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score_prepared
from napari_deepem.core.training.dataset import Field, hold_out, prepare_fields
from napari_deepem.core.training.epochs import Learning
from napari_deepem.core.training.recipes import MODERN, RECIPES
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.starts import FirstTraining
from napari_deepem.core.training.train import train_fields
from napari_deepem.core.training.unlabelled_particles import clear_of
from napari_deepem.core.types import Labels, Micrograph

RefinementStart = Literal["anew", "weights"]
SUSPICIOUS = 0.25  # of the threshold: what scores more and has no label may be a particle


def settings_of(
    model: Model,
    epochs: int | None = None,
    seed: int | None = None,
    start: RefinementStart = "anew",
    device: DeviceName = "auto",
) -> TrainingSettings:
    """The settings that a model was trained with at first, some replaced, or those to go on."""
    seed = model.summary.get("seed", 0) if seed is None else seed
    box_size_px, sampling = model.box_size_px, model.sampling
    if start == "weights":
        return TrainingSettings(
            box_size_px, sampling, epochs=epochs, seed=seed, device=device, start=model
        )
    first = FirstTraining.of(model)
    return TrainingSettings(
        box_size_px,
        sampling,
        RECIPES.get(model.recipe, MODERN).name,
        epochs=epochs or first.epochs,
        seed=seed,
        device=device,
        own_recipe=first.recipe,
        own_architecture=model.network.architecture if first.start == "chance" else None,
        start=first.start,
    )


def refine(
    model: Model,
    micrographs: Iterable[Micrograph],
    labels: Sequence[Labels],
    *,
    earlier: Iterable[Micrograph],
    start: RefinementStart = "anew",
    epochs: int | None = None,
    device: DeviceName = "auto",
    on_progress: Callable[[MicrographRead | EpochDone], object] | None = None,
) -> Model:
    """A model trained again with verdicts on the picks of more micrographs.

    Parameters
    ----------
    model : Model
        Its settings and its training set are used again.
    micrographs : iterable of Micrograph
        Those with verdicts on their picks; of the training set or not.
    labels : sequence of Labels
        One item a micrograph, see `verdicts.labels_of_verdicts`. They need not be complete: no
        background is drawn near what is unsure, nor where the model sees what may be a particle.
    earlier : iterable of Micrograph
        What the model was trained on, matched by name.
    start : "anew" or "weights"
        Train as at first, from the general network or from chance, or on from the model's weights.
    epochs : int, optional
        By default as many as at first; from the weights of what was trained from chance a fifth.
    device : "auto", "cpu", "cuda" or "mps"
        As in `train`.
    on_progress : callable, optional
        Is given a `MicrographRead` for every micrograph, then an `EpochDone` after every epoch.

    Returns
    -------
    Model
        See `refine_epochs`.

    Raises
    ------
    InputError
        For labels that can't be used, or an earlier micrograph that is missing.

    Examples
    --------
    >>> from napari_deepem import Labels, refine, simulate_sample, train
    >>> first, second = simulate_sample(2)
    >>> clicks = Labels.of(first.truth_yx[:12])
    >>> model = train([first.micrograph], [clicks], 120, epochs=1, labels_complete=False)
    >>> verdicts = Labels.of(positive_yx=second.truth_yx[:20], negative_yx=[(40.0, 50.0)])
    >>> model = refine(model, [second.micrograph], [verdicts], earlier=[first.micrograph])
    >>> [item.name for item in model.training_set]
    ['klh_01', 'klh_02']
    """
    new = list(micrographs)
    by_name = {micrograph.name: micrograph for micrograph in [*earlier, *new]}

    def micrograph_of(item: LabelledMicrograph) -> Micrograph:
        if item.name not in by_name:
            raise InputError(
                f"micrograph {item.name}, which the model was trained on, is missing: give it too"
            )
        return by_name[item.name]

    verdicts = [
        LabelledMicrograph(micrograph.name, its_labels, complete=False, source=micrograph.source)
        for micrograph, its_labels in zip(new, labels, strict=True)
    ]
    settings = settings_of(model, epochs, start=start, device=device)
    job: Generator[MicrographRead | EpochDone, None, Model] = without_batches(
        refine_epochs(model, verdicts, micrograph_of, settings)
    )
    return finish(job, on_progress)


def refine_epochs(
    model: Model,
    verdicts: Sequence[LabelledMicrograph],
    micrograph_of: Callable[[LabelledMicrograph], Micrograph],
    settings: TrainingSettings,
    stop: Callable[[], bool] = never,
) -> Generator[MicrographRead | Learning, None, Model]:
    """A stream of progress that returns the `Model`: `refine` step by step.

    What was held out at first is held out again and nothing else, so that figures can be compared;
    if the training set no longer has it, `dataset.hold_out` chooses anew. `micrograph_of` reads
    one micrograph of the joined training set; only its network pixels are kept. For `stop` see
    `train.train_fields`; the summary's `ap_before` is what `model` gets on the same held-out
    boxes as its `curve` tells of.
    """
    joined = join(model.training_set, verdicts, settings.box_size_px)
    if not any(len(item.labels.positive_yx) for item in joined):
        raise InputError("no particle is accepted, and the model remembers none: accept some picks")
    device = chosen_device(settings.device)
    away_px = settings.recipe.background_distance * settings.network_box_px
    prepared: list[Field] = []
    for item in joined:
        micrograph = micrograph_of(item)
        (field,) = prepare_fields(
            [micrograph], [item.labels], settings.box_size_px, settings.chosen_sampling
        )
        if not item.complete:
            field = yield from clearing_of_suspects(field, model, away_px, device)
        prepared.append(field)
        yield MicrographRead(len(prepared), len(joined))

    parts = split_as_before(prepared, model, settings)
    complete = {item.name: item.complete for item in joined}
    settings = replace(settings, labels_complete=all(complete[field.name] for field in parts[1]))
    refined = yield from train_fields(prepared, settings, parts, before=model.network, stop=stop)
    return replace(
        refined,
        training_set=tuple(
            replace(item, source=field.source) for item, field in zip(joined, prepared, strict=True)
        ),
        summary=refined.summary | {"refined": _describe(model, verdicts, settings)},
    )


def clearing_of_suspects(
    field: Field, model: Model, away_px: float, device: torch.device
) -> Generator[TilesDone, None, Field]:
    """A stream of progress that returns a field, clear of what the model takes for particles.

    That is where no background is drawn.
    """
    score_map = yield from score_prepared(field.prepared, model.network, device=device)
    score_map = replace(score_map, smoothing=model.smoothing)
    suspects = PickCriteria(SUSPICIOUS * model.threshold).picks_of(find_candidates(score_map))
    return clear_of(field, suspects.centres_yx, away_px)


def split_as_before(
    prepared: Sequence[Field], model: Model, settings: TrainingSettings
) -> tuple[list[Field], list[Field]]:
    """Fields to train on, and those held out when the model was trained, or the same parts."""
    trained_on, held_out = (
        {part["micrograph"]: part["binned_cols"] for part in model.summary.get(kind, ())}
        for kind in ("trained_on", "held_out")
    )
    held_out_again = [
        field.within(*held_out[field.name]) for field in prepared if field.name in held_out
    ]
    if not any(len(field.positive_yx) for field in held_out_again):
        rng = np.random.default_rng(settings.seed)
        return hold_out(prepared, settings.network_box_px, rng)
    training = [
        field.within(*trained_on.get(field.name, field.cols))
        for field in prepared
        if field.name in trained_on or field.name not in held_out
    ]
    return training, held_out_again


def _describe(
    model: Model,
    verdicts: Sequence[LabelledMicrograph],
    settings: TrainingSettings,
) -> dict[str, Any]:
    labels = [item.labels for item in verdicts]
    return {
        "round": model.summary.get("refined", {}).get("round", 0) + 1,
        "start": "weights" if isinstance(settings.chosen_start, Model) else "anew",
        "micrographs": len(verdicts),
        "accepted": sum(len(each.positive_yx) for each in labels),
        "rejected": sum(len(each.negative_yx) for each in labels),
        "unsure": sum(len(each.unsure_yx) for each in labels),
    }
