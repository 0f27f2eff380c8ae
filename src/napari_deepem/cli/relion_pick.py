"""The command `napari-deepem relion-pick`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from napari_deepem.cli.app import SOME_FAILED, app, errors, when_refused
from napari_deepem.cli.options import (
    AdaptiveThreshold,
    Device,
    Distance,
    PixelSize,
    StdRange,
    Step,
    Threshold,
    whole,
)
from napari_deepem.cli.picking_options import criteria_for, model_for
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.wording import counted

if TYPE_CHECKING:
    from napari_deepem.batch.picker import MicrographDone
    from napari_deepem.batch.series_run import SeriesRun


@app.command
def relion_pick(
    *,
    in_mics: Path,
    o: Annotated[Path, Parameter(name="--o")],
    model: Path | None = None,
    box: Annotated[int, whole(12, 2816)] | None = None,
    threshold: Threshold = "f2",
    adaptive_threshold: AdaptiveThreshold = False,
    std_range: StdRange | None = None,
    min_distance: Distance | None = None,
    step: Step | None = None,
    pixel_size: PixelSize | None = None,
    device: Device = "auto",
    j: Annotated[int, Parameter(name="--j"), whole(1, 1024)] = 1,
    pipeline_control: Annotated[str | None, Parameter(show=False)] = None,
) -> None:
    """Pick particles as an External job of RELION; RELION itself runs this.

    In RELION, choose the job type External, "napari-deepem relion-pick" as the executable, and the
    micrographs STAR file; among the parameters, "model" and the path of your model, or "box" and a
    number of pixels for the general network. Other options are parameters, too. The picks are the
    input coordinates of the next Extract job.

    Parameters
    ----------
    in_mics
        STAR file of the micrographs, as paths from the project's folder, where this is run.
    o
        Folder of the job.
    model
        A model file that `train` wrote.
    box
        Without a model: side of the box around one particle, in pixels of the original file.
    threshold
        Lowest score that is picked, 0 to 1; "f2": where F2 was best in training.
    std_range
        Lowest and highest standard deviation of a box's pixels, in units of the micrograph's own;
        the range of the labelled particles by default.
    min_distance
        Of picks nearer to each other than this many pixels the best is kept.
    step
        Distance between neighbouring boxes that are scored, in pixels, a multiple of the model's
        binning.
    pixel_size
        A/px of the micrographs, where their headers say nothing or what is not so.
    device
        What scores: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one.
    j
        Threads of the processor.
    """
    from napari_deepem.batch.relion_job import pick_in_job, running_job
    from napari_deepem.batch.scorer import Scorer
    from napari_deepem.core.network.devices import chosen_device, threads_of_torch
    from napari_deepem.io.coordinates.star_coordinates import read_micrograph_names

    with running_job(o), threads_of_torch(j):
        names = read_micrograph_names(in_mics)
        chosen = model_for((), model, box, device)
        chosen_device(device)
        if step is not None:
            chosen.sampling.steps(step)
        criteria = criteria_for(chosen, threshold, adaptive_threshold, std_range, min_distance)
        scorer = Scorer(chosen, step, device, pixel_size=pixel_size)
        with closing(pick_in_job(o, in_mics, names, scorer, criteria)) as job:
            some_failed = _follow(job, len(names))
    if some_failed:
        sys.exit(SOME_FAILED)


def _follow(job: Generator[MicrographDone, None, SeriesRun], total: int) -> bool:
    """Whether some micrographs failed in a job, which is run telling of each.

    Raises
    ------
    InputError
        All of them have.
    """
    picked = n_kept = 0
    output = Console(highlight=False, soft_wrap=True)  # RELION shows it as run.out

    def show(done: MicrographDone) -> None:
        nonlocal picked, n_kept
        picked, n_kept = picked + (done.n_picks or 0), n_kept + done.was_done
        if done.remark is not None:
            errors.print(f"napari-deepem: {done.remark}", markup=False)
        if done.n_picks is not None and not done.was_done:
            text = f"{done.name}: {done.n_picks} picks, {done.seconds:.1f} s"
            output.print(text, markup=False)

    problems = finish(job, show).problems
    if len(problems) == total:
        raise InputError(f"none of {counted(total, 'micrograph')} could be picked; see above")
    before = f" ({n_kept} done before)" if n_kept else ""
    text = f"{picked} picks on {counted(total - len(problems), 'micrograph')}{before}"
    output.print(text, markup=False)
    if problems:
        errors.print(f"{len(problems)} of {total} micrographs could not be picked", markup=False)
    return bool(problems)


def _mark_refused(arguments: Sequence[str]) -> None:
    """Tell RELION, which would wait for ever, that a job was refused before it began."""
    from napari_deepem.io.relion_job_folder import mark_end

    for index, argument in enumerate(arguments):
        option, sign, value = argument.partition("=")
        if option == "--o":
            folder = Path(value if sign else "".join(arguments[index + 1 : index + 2]))
            if str(folder) != "." and folder.is_dir():
                mark_end(folder, "FAILURE")


when_refused["relion-pick"] = _mark_refused
