"""The command `napari-deepem refine`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import (
    Device,
    Epochs,
    Micrographs,
    PixelSize,
    Seed,
    given_micrographs,
)
from napari_deepem.cli.progress import progress_bar
from napari_deepem.cli.training_lines import describe_model, show_epoch
from napari_deepem.core.jobs import EpochDone, MicrographRead, finish
from napari_deepem.core.wording import counted, listed

if TYPE_CHECKING:
    from napari_deepem.batch.refine import VerdictsRead
    from napari_deepem.core.network.model import Model


@app.command
def refine(
    micrographs: Micrographs,
    /,
    *,
    model: Path,
    out: Path,
    picks: Path | None = None,
    accepted: Path | None = None,
    rejected: Path | None = None,
    start: Literal["anew", "weights"] = "anew",
    epochs: Epochs | None = None,
    seed: Seed | None = None,
    earlier: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    coords: Path | None = None,
    forget: bool = False,
    pixel_size: PixelSize | None = None,
    device: Device = "auto",
) -> None:
    """Train a model again with your verdicts on the picks of other micrographs.

    Coordinates are folders with one .box, .star or .csv file a micrograph, or one file that names
    them. A micrograph that neither --accepted nor --rejected has a file for has no verdict
    and is left out; an empty file says that nothing on it is.

    Parameters
    ----------
    model
        The model that picked, a file that `train` or `refine` wrote.
    out
        The model file to write (.safetensors).
    picks
        What it picked. With --accepted alone the other picks count as rejected, with --rejected
        alone as accepted; with both they stay undecided.
    accepted
        The picks that are particles, and particles that it missed.
    rejected
        The picks that are none.
    start
        Train on all that is known as the model was at first, from the general network or from
        chance, or on from the weights of the model.
    epochs
        How long to train; by default as long as the model was at first, or a fifth of that from the
        weights of one that was trained from chance.
    seed
        The model's own by default.
    earlier
        Where the micrographs that the model was trained on are now, if they have moved.
    coords
        Their coordinates, for a model that does not remember them.
    forget
        Do without them: train on from the model's weights with these verdicts alone.
    pixel_size
        A/px of the micrographs, where their headers say nothing or what is not so.
    device
        What trains: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one. Another
        device makes another model, as another seed does.
    """
    from napari_deepem.batch.refine import VerdictFiles, recall, refine_on_files
    from napari_deepem.core.training.refinement import settings_of
    from napari_deepem.io.models import load_model, model_path, save_model

    paths = given_micrographs(micrographs)
    out = model_path(out)
    files = VerdictFiles(picks, accepted, rejected)
    trained = load_model(model)
    if forget:
        trained, start = replace(trained, training_set=()), "weights"
    else:
        trained = recall(trained, paths, given_micrographs(earlier) if earlier else (), coords)
    settings = settings_of(trained, epochs, seed, start, device)
    job = refine_on_files(trained, paths, files, settings, pixel_size)
    refined = follow_refining(job, errors)
    errors.print(describe_model(refined, save_model(refined, out)), markup=False)


def follow_refining(
    job: Generator[VerdictsRead | MicrographRead | EpochDone, None, Model], console: Console
) -> Model:
    """The model of a refinement, which is run showing verdicts, every micrograph and epoch."""
    with progress_bar(console, "reading") as progress:

        def show(news: VerdictsRead | MicrographRead | EpochDone) -> None:
            if isinstance(news, EpochDone):
                show_epoch(news, progress)
            elif isinstance(news, MicrographRead):
                progress.update(progress.task_ids[0], completed=news.done, total=news.total)
            else:
                console.print(_verdicts(news), markup=False)

        return finish(job, show)


def _verdicts(files: VerdictsRead) -> str:
    labels = [item.labels for item in files.verdicts]
    accepted, rejected, unsure = (
        sum(len(getattr(item, kind)) for item in labels)
        for kind in ("positive_yx", "negative_yx", "unsure_yx")
    )
    text = f"{accepted} picks accepted, {rejected} rejected, {unsure} undecided on "
    text += counted(len(labels), "micrograph")
    if files.without_verdict:
        text += f"; left out, nothing accepted or rejected: {listed(files.without_verdict)}"
    if files.not_given:
        text += f"; not among the micrographs: {listed(files.not_given)}"
    return "\n".join([text, *files.advice])
