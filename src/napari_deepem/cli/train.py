"""The command `napari-deepem train`."""

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
    Epochs,
    Micrographs,
    PixelSize,
    RecipeName,
    Seed,
    StartName,
    given_micrographs,
    start_of,
)
from napari_deepem.cli.progress import progress_bar
from napari_deepem.cli.training_lines import describe_model, show_epoch, show_labelled
from napari_deepem.core.jobs import EpochDone, finish

if TYPE_CHECKING:
    from napari_deepem.batch.train import LabelledFiles
    from napari_deepem.core.network.model import Model


@app.command
def train(
    micrographs: Micrographs,
    /,
    *,
    coords: Path,
    box: Box,
    out: Path,
    bin: Binning = "auto",
    recipe: RecipeName = "modern",
    start: StartName | None = None,
    epochs: Epochs | None = None,
    seed: Seed = 0,
    partial_labels: bool = False,
    pixel_size: PixelSize | None = None,
    device: Device = "auto",
) -> None:
    """Train a network on micrographs with coordinates, and save it as a model.

    Parameters
    ----------
    coords
        Folder with one .box, .star or .csv file a micrograph, matched by name; or one RELION
        star with micrograph names.
    box
        Side of the particle box in pixels of the original files, like the coordinates.
    out
        The model file to write (.safetensors).
    bin
        Binning before training and picking; "auto" samples as the start needs it, or from chance
        keeps the network's box at 40 px or more.
    recipe
        How to train: as one would today, so with more maps (wide), or as the paper of 2017 did.
    start
        What to start from: the general network that comes with the program (general), random
        weights (chance) or a model file. From the general network few labels teach enough. It is
        the default, but for other recipes or with a binning: these start from chance.
    epochs
        How long to train; the recipe's own number by default.
    seed
        The same seed gives the same model, on the same machine's CPU with as many threads.
    partial_labels
        Only some of the particles of these micrographs have coordinates: picks without a label
        don't count as wrong when the threshold is set.
    pixel_size
        A/px of the micrographs, where their headers say nothing or what is not so.
    device
        What trains: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one. Another
        device makes another model, as another seed does.
    """
    from napari_deepem.batch.train import train_on_files
    from napari_deepem.core.training.settings import TrainingSettings, sampling_of
    from napari_deepem.io.models import model_path, save_model

    settings = TrainingSettings(
        box,
        sampling_of(bin),
        recipe,
        epochs,
        seed,
        labels_complete=not partial_labels,
        device=device,
        start=start_of(start),
    )
    paths = given_micrographs(micrographs)
    out = model_path(out)
    model = follow_training(train_on_files(paths, coords, settings, pixel_size), errors)
    errors.print(describe_model(model, save_model(model, out)), markup=False)


def follow_training(
    job: Generator[LabelledFiles | EpochDone, None, Model], console: Console
) -> Model:
    """The model of a training, which is run showing what it reads and every epoch."""
    with progress_bar(console, "training") as progress:

        def show(news: LabelledFiles | EpochDone) -> None:
            if isinstance(news, EpochDone):
                show_epoch(news, progress)
            else:
                show_labelled(news, console)

        return finish(job, show)
