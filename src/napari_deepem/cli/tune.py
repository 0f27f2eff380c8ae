"""The command `napari-deepem tune`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import (
    Binning,
    Box,
    Device,
    Micrographs,
    Minutes,
    RecipeName,
    Seed,
    given_micrographs,
)
from napari_deepem.cli.progress import progress_bar
from napari_deepem.cli.training_lines import describe_model, show_epoch, show_labelled
from napari_deepem.core.jobs import finish
from napari_deepem.core.wording import counted, listed

if TYPE_CHECKING:
    from napari_deepem.batch.train import LabelledFiles
    from napari_deepem.batch.tuning import Tuned, TuningProgress

BEST_TRIALS = 12  # of a tuning, so many are shown


@app.command
def tune(
    micrographs: Micrographs,
    /,
    *,
    coords: Path,
    box: Box,
    minutes: Minutes,
    out: Path,
    study: Path | None = None,
    bin: Binning = "auto",
    recipe: RecipeName = "modern",
    seed: Seed = 0,
    partial_labels: bool = False,
    device: Device = "auto",
) -> None:
    """Find hyper-parameters for these micrographs, and train a model with them.

    Tries numbers of maps, kernels, pooling cells, learning rates and numbers of negatives, judged
    by held-out micrographs. Every training starts from chance, since the general network's
    architecture is what it is. The default stays unless another one is clearly better. What was
    tried is kept in a study, with a table beside it; the same command goes on with it.

    Parameters
    ----------
    coords
        Folder with one .box, .star or .csv file a micrograph, matched by name; or one RELION
        star with micrograph names.
    box
        Side of the particle box in pixels of the original files, like the coordinates.
    minutes
        How long it may take; one training with the default is always done.
    out
        The model file to write (.safetensors).
    study
        File that keeps what was tried; OUT-study.jsonl by default.
    bin
        Binning before training and picking; "auto" keeps the network's box at 40 px or more.
    recipe
        The recipe to start from, which is the default that others must beat.
    seed
        Of what is held out and drawn by chance.
    partial_labels
        Only some of the particles of these micrographs have coordinates: picks without a label
        don't count as wrong when the threshold is set.
    device
        What trains: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one. Another
        device makes another model, as another seed does.
    """
    from napari_deepem.batch.tuning import tune_on_files
    from napari_deepem.core.training.settings import TrainingSettings, sampling_of
    from napari_deepem.io.models import model_path, save_model

    settings = TrainingSettings(
        box,
        sampling_of(bin),
        recipe,
        seed=seed,
        labels_complete=not partial_labels,
        device=device,
        start="chance",  # the general network has an architecture of its own
    )
    paths = given_micrographs(micrographs)
    out = model_path(out)
    study = study or out.with_name(f"{out.stem}-study.jsonl")
    try:
        tuned = follow_tuning(tune_on_files(paths, coords, settings, minutes, study), errors)
    except KeyboardInterrupt:
        errors.print(f"the same command goes on with {study}", markup=False)
        raise
    errors.print(describe_model(tuned.model, save_model(tuned.model, out)), markup=False)
    print_tuned(tuned, errors)


def follow_tuning(
    job: Generator[LabelledFiles | TuningProgress, None, Tuned], console: Console
) -> Tuned:
    """The result of a tuning, which is run showing every training."""
    from napari_deepem.batch.train import LabelledFiles
    from napari_deepem.batch.tuning import TrialDone, TrialEpoch

    with progress_bar(console, "tuning") as progress:

        def show(news: LabelledFiles | TuningProgress) -> None:
            if isinstance(news, TrialEpoch):
                if console.is_terminal:
                    show_epoch(news.epoch, progress, news.what)
            elif isinstance(news, LabelledFiles):
                show_labelled(news, console)
            elif isinstance(news, TrialDone):
                console.print(news.text, markup=False)
            elif news.unseen:
                console.print(f"the search never sees {listed(news.unseen)}", markup=False)

        return finish(job, show)


def print_tuned(tuned: Tuned, console: Console) -> None:
    """Print the best trials, where all of them are, and which is chosen."""
    finished = sorted((row for row in tuned.rows if row["AP"]), key=lambda row: -float(row["AP"]))
    lines = [list(tuned.rows[0]), *(list(row.values()) for row in finished[:BEST_TRIALS])]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:  # a rich table would cut cells where the terminal is narrow
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        console.print("  ".join(cells).rstrip(), markup=False)
    console.print(f"all {counted(len(tuned.rows), 'trial')}: {tuned.table}", markup=False)
    console.print(tuned.text, markup=False)
