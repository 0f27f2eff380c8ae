"""Tuning on files: micrographs and their coordinates in, a model out, trials kept in a study."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict
from hashlib import sha256
from math import inf
from pathlib import Path
from time import monotonic

from napari_deepem.batch.train import LabelledFiles, find_labelled, read_labelled, with_advice
from napari_deepem.batch.tuning.run import Tuned, Tuning, TuningProgress
from napari_deepem.batch.tuning.study import Study, check_optuna
from napari_deepem.batch.tuning.trainings import held_out_of, keep_unseen
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import chosen_device
from napari_deepem.core.training.box_size import BoxSuggestion
from napari_deepem.core.training.dataset import Field, prepare_fields
from napari_deepem.core.training.settings import TrainingSettings


def tune_on_files(
    paths: Sequence[Path],
    coordinates: Path,
    settings: TrainingSettings,
    minutes: float,
    study_path: Path,
) -> Generator[LabelledFiles | TuningProgress, None, Tuned]:
    """A stream of what is read and what is done that returns the result of tuning.

    Parameters
    ----------
    paths : sequence of Path
        MRC files.
    coordinates : Path
        As for `train_on_files`.
    settings : TrainingSettings
        The default.
    minutes : float
        How long all of it may take; the default is trained in any case.
    study_path : Path
        Where trials are kept, with tables beside it. A study that is there is gone on with.

    Raises
    ------
    InputError
        For anything that can't be used, or a study of other data.
    """
    if not 0 < minutes < inf:
        raise InputError(f"{minutes:g} minutes: give how long tuning may take, more than 0")
    check_optuna()  # before anything is read
    ends = monotonic() + 60 * minutes
    chosen_device(settings.device)  # before anything is read
    labelled = find_labelled(paths, coordinates, settings.box_size_px)
    suggestion = BoxSuggestion()
    micrographs = read_labelled(labelled, suggestion)
    sampling = settings.chosen_sampling
    fields = prepare_fields(micrographs, labelled.labels, settings.box_size_px, sampling)
    searched, _ = keep_unseen(fields, settings.seed)
    held_out_of(searched, settings)  # or it says why this can't be tuned
    study = open_study(study_path, fields, settings)
    yield with_advice(labelled, suggestion, settings.box_size_px)
    return (yield from Tuning(fields, settings, study, ends).run())


def open_study(path: Path, fields: Sequence[Field], settings: TrainingSettings) -> Study:
    """The study of these fields and settings in that file; InputError if it is one of others."""
    n_particles = sum(len(field.positive_yx) for field in fields)
    data = [(field.name, field.prepared.shape, field.positive_yx.tolist()) for field in fields]
    default = [asdict(settings.recipe), asdict(settings.architecture)]
    about = {
        "box": f"{settings.box_size_px} px",
        "binning": str(settings.chosen_sampling),
        "labels": "complete" if settings.labels_complete else "partial",
        "micrographs": f"{len(fields)} with {n_particles} particles ({_digest(data)})",
        "recipe": f"{settings.recipe.name} ({_digest(default)})",
        "seed": str(settings.seed),
    }
    return Study.open(path, about, settings.seed, settings.chosen_epochs)


def _digest(values: object) -> str:
    return sha256(repr(values).encode()).hexdigest()[:8]
