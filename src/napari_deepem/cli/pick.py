"""The command `napari-deepem pick`."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from napari_deepem.cli.app import SOME_FAILED, app, errors
from napari_deepem.cli.options import (
    FORMAT_NAMES,
    AdaptiveThreshold,
    Device,
    Distance,
    FormatOptions,
    GeneralBox,
    JobCount,
    Micrographs,
    Minutes,
    PixelSize,
    StdRange,
    Step,
    Threshold,
    WorkerCount,
    given_format_options,
    given_micrographs,
)
from napari_deepem.cli.picking_options import criteria_for, model_for, workforce_for
from napari_deepem.cli.picking_progress import PickingCourse, ProgressMode, follow_picking
from napari_deepem.cli.watching import arrived, follow_watching
from napari_deepem.core.errors import InputError

if TYPE_CHECKING:
    from napari_deepem.core.network.model import Model
    from napari_deepem.core.picking.criteria import PickCriteria

FEWEST_TO_REPORT = 10  # micrographs, if nobody asks for it


@app.command
def pick(
    micrographs: Micrographs,
    /,
    *,
    model: Path | None = None,
    box: GeneralBox | None = None,
    out: Path,
    format: Annotated[
        str, Parameter(help=f"Formats, separated by commas: {FORMAT_NAMES}.")
    ] = "box,star",
    option: FormatOptions = None,
    threshold: Threshold = "f2",
    adaptive_threshold: AdaptiveThreshold = False,
    std_range: StdRange | None = None,
    min_distance: Distance | None = None,
    step: Step | None = None,
    pixel_size: PixelSize | None = None,
    device: Device = "auto",
    all_candidates: bool = False,
    score_maps: bool = False,
    keep_scores: bool = False,
    overwrite: bool = False,
    workers: WorkerCount = "auto",
    scheduler: str | None = None,
    cluster: Literal["slurm"] | None = None,
    jobs: JobCount | None = None,
    cluster_config: Path | None = None,
    watch: bool = False,
    until_idle: Minutes | None = None,
    progress: ProgressMode = "auto",
    report: Annotated[bool | None, Parameter(negative="--no-report")] = None,
) -> None:
    """Pick particles; writes one coordinate file a micrograph and format.

    A model that you trained picks best. Without one, the general network that comes with the
    program picks, which needs no label.

    Parameters
    ----------
    model
        A model file that `train` wrote.
    box
        Without a model: side of the box around one particle, in pixels of the original file; or
        auto, which takes what `propose-box` proposes first.
    out
        Folder for the coordinate files.
    threshold
        Lowest score that is picked, 0 to 1; "f2": where F2 was best in training.
    std_range
        Lowest and highest standard deviation of a box's pixels, in units of the micrograph's own;
        the range of the labelled particles by default.
    min_distance
        Of picks nearer to each other than this many pixels the best is kept. By default 0.25 to 0.5
        of the box: as far as the labelled particles of the training lie apart, see the model.
    step
        Distance between neighbouring boxes that are scored, in pixels, a multiple of the model's
        binning; by default at most an eighth of the box. The paper's is 20 px after binning.
    pixel_size
        A/px of the micrographs, where their headers say nothing or what is not so.
    device
        What scores: auto takes an NVIDIA (cuda) or Apple (mps) GPU where there is one. Scores that
        were kept of a file as it is now are taken as they are, whatever made them.
    all_candidates
        Write every local maximum with its score, whatever its score and standard deviation:
        for evaluation. Only --min-distance applies; maxima on the map's border are left out.
    score_maps
        Write the score map of each micrograph too, as NAME_scores.mrc.
    keep_scores
        Keep each score map beside the micrographs, where the window and the next pick find it.
    overwrite
        Pick every micrograph anew. Otherwise a folder that was picked into before goes on: only
        what is missing or has changed is done, and other criteria pick from what was scored.
    workers
        Processes here that pick side by side, each by one thread: any number writes the same bytes.
        By default one for each core or GPU if there are 100 micrographs or more, else one process
        with all threads. More than one needs Dask: pip install 'napari-deepem[cluster]'.
    scheduler
        Address of a Dask scheduler that is running, such as tcp://10.0.0.5:8786: its workers pick.
    cluster
        Start jobs of SLURM that pick, by dask-jobqueue.
    jobs
        How many jobs.
    cluster_config
        A YAML file with what a job is to have: queue, cores, memory, walltime, account, and all
        else that `SLURMCluster` of dask-jobqueue takes.
    watch
        Go on picking micrographs as they arrive, until it is stopped (Ctrl-C): what was written is
        kept and up to date, and the same command goes on. One process picks.
    until_idle
        With --watch: end when nothing has arrived for so many minutes.
    progress
        What is told meanwhile: auto shows a bar in a terminal and a line for each micrograph
        elsewhere; json writes an object a line to the output, for programs; quiet tells of failures
        alone.
    report
        Write report.html, a page to look at, and report.json into the folder; so it is by default
        from 10 micrographs on.
    """
    from napari_deepem.batch.pick import PickSettings, check_formats, pick_files
    from napari_deepem.batch.watch import Watch, watch_files
    from napari_deepem.batch.workforce import default_workforce
    from napari_deepem.core.network.devices import chosen_device
    from napari_deepem.core.network.general import is_general

    formats = check_formats(format.split(","))
    options = given_format_options(option)
    paths = arrived(micrographs) if watch else given_micrographs(micrographs)
    chosen = model_for(paths, model, box, device)
    criteria = criteria_for(chosen, threshold, adaptive_threshold, std_range, min_distance)
    if all_candidates:
        criteria = replace(criteria.of_ranking, std_range=None)
    settings = PickSettings(
        criteria,
        formats,
        score_maps,
        step,
        device,
        keep_scores,
        overwrite=overwrite,
        pixel_size=pixel_size,
        options=options,
    )
    workforce = workforce_for(workers, scheduler, cluster, jobs, cluster_config)
    course = PickingCourse(len(paths), by_general=is_general(chosen))
    write_report = partial(write_run_report, out, chosen, model, criteria, course)
    if watch:
        if workforce is not None:
            raise InputError("--watch picks by one process: leave out workers and clusters")
        idle_s = None if until_idle is None else 60 * until_idle
        find = partial(arrived, micrographs)
        arriving = watch_files(find, chosen, out, settings, Watch(idle_s=idle_s))
        follow_watching(
            arriving, course, errors, progress, None if report is False else write_report
        )
    else:
        if workforce is None and workers == "auto":
            workforce = default_workforce(len(paths), chosen_device(device).type)
        job = pick_files(paths, chosen, out, replace(settings, workforce=workforce))
        follow_picking(job, course, errors, progress)
        if report or (report is None and len(paths) >= FEWEST_TO_REPORT):
            try:
                write_report()
            except InputError as error:  # the disk that is full, which has cost micrographs too
                if not course.problems:
                    raise
                errors.print(f"napari-deepem: {error}", markup=False)
            else:
                if course.picks:
                    errors.print(f"report: {out / 'report.html'}", markup=False)
    if course.problems:
        sys.exit(SOME_FAILED)


def write_run_report(
    out: Path, model: Model, path: Path | None, criteria: PickCriteria, course: PickingCourse
) -> None:
    """Write the report of a run; nothing of one in which all failed."""
    from napari_deepem.batch.report.report_page import Run, model_words, write_report
    from napari_deepem.batch.run_manifest import command_line

    if not course.picks:
        return
    run = Run(
        out,
        model_words(model, path),
        criteria,
        command_line(),
        course.problems,
        course.seconds,
        course.precision,
    )
    write_report(run)
