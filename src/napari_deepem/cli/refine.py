"""`napari-deepem refine`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from napari_deepem.cli.app import app, errors
from napari_deepem.cli.options import Micrographs, Whole


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
    epochs: Whole | None = None,
    seed: Whole | None = None,
    earlier: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    coords: Path | None = None,
    forget: bool = False,
) -> None:
    """Train a model again with the picks that you have verified on other micrographs.

    Coordinates are folders with one .box, .star or .csv file a micrograph, or one file that names
    them. A micrograph that neither --accepted nor --rejected has a file for counts as not reviewed
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
        Train from random weights on all that is known, or on from those of the model: faster.
    epochs
        How long to train; as long as the model was by default, or from its weights a fifth of that.
    seed
        The model's own by default.
    earlier
        Where the micrographs that the model was trained on are now, if they have moved.
    coords
        Their coordinates, for a model that does not remember them.
    forget
        Do without them: train on from the model's weights with what is verified here alone.
    """
    from napari_deepem.batch.refine import VerdictFiles, recall, refine_on_files
    from napari_deepem.cli.terminal import describe_model, follow_refining
    from napari_deepem.core.training.refinement import settings_of
    from napari_deepem.io.images import find_micrographs
    from napari_deepem.io.models import load_model, model_path, save_model

    paths = find_micrographs(micrographs)
    out = model_path(out)
    files = VerdictFiles(picks, accepted, rejected)
    trained = load_model(model)
    if forget:
        trained, start = replace(trained, training_set=()), "weights"
    else:
        trained = recall(trained, paths, find_micrographs(earlier) if earlier else (), coords)
    job = refine_on_files(trained, paths, files, settings_of(trained, epochs, seed, start), start)
    refined = follow_refining(job, errors)
    errors.print(describe_model(refined, save_model(refined, out)), markup=False)
