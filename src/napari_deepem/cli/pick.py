"""The command `napari-deepem pick`."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from napari_deepem.cli.app import WRONG_INPUT, app, errors
from napari_deepem.cli.options import (
    Device,
    Distance,
    Micrographs,
    StdRange,
    Step,
    Threshold,
    given_micrographs,
    rising,
)
from napari_deepem.cli.progress import progress_bar
from napari_deepem.core.jobs import finish
from napari_deepem.core.wording import counted

if TYPE_CHECKING:
    from napari_deepem.batch.pick import MicrographDone
    from napari_deepem.batch.series_run import SeriesRun


@app.command
def pick(
    micrographs: Micrographs,
    /,
    *,
    model: Path,
    out: Path,
    format: str = "box,star",
    threshold: Threshold = "f2",
    std_range: StdRange | None = None,
    min_distance: Distance | None = None,
    step: Step | None = None,
    device: Device = "auto",
    all_candidates: bool = False,
    score_maps: bool = False,
    keep_scores: bool = False,
) -> None:
    """Pick particles with a trained model; writes one coordinate file a micrograph and format.

    Parameters
    ----------
    model
        A model file that `train` wrote.
    out
        Folder for the coordinate files.
    format
        Formats, separated by commas: box (EMAN), star (RELION), csv.
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
    """
    from napari_deepem.batch.pick import PickSettings, check_formats, pick_files
    from napari_deepem.core.picking.criteria import PickCriteria
    from napari_deepem.io.models import load_model

    formats = check_formats(format.split(","))
    paths = given_micrographs(micrographs)
    trained = load_model(model)
    criteria = PickCriteria(
        threshold=trained.threshold if threshold == "f2" else threshold,
        std_range=trained.std_range if std_range is None else rising(std_range),
        min_distance_px=trained.min_distance_px if min_distance is None else min_distance,
    )
    if all_candidates:
        criteria = replace(criteria, threshold=0.0, std_range=None)
    settings = PickSettings(criteria, formats, score_maps, step, device, keep_scores)
    failed = follow_picking(pick_files(paths, trained, out, settings), len(paths), errors)
    if failed:
        sys.exit(WRONG_INPUT)


def follow_picking(
    job: Generator[MicrographDone, None, SeriesRun], total: int, console: Console
) -> list[str]:
    """The names of the micrographs that failed in a picking, which is run showing each of them."""
    from napari_deepem.core.picking.precision_estimate import judge
    from napari_deepem.core.picking.score_evidence import PrecisionEvidence, sum_of

    done = picked = 0
    evidence: PrecisionEvidence | None = None
    with progress_bar(console, "picking") as progress:

        def show(news: MicrographDone) -> None:
            nonlocal done, picked, evidence
            done, picked = done + 1, picked + len(news.picks or ())
            evidence = sum_of((evidence, news.evidence))
            if news.remark is not None:
                console.print(f"napari-deepem: {news.remark}", markup=False)
            elif not console.is_terminal and news.picks is not None:
                console.print(
                    f"{news.name}: {len(news.picks)} picks, {news.seconds:.1f} s", markup=False
                )
            progress.update(
                progress.task_ids[0], completed=done, total=total, figures=f"{picked} picks"
            )

        failed = list(finish(job, show).problems)
    if total > len(failed):
        text = f"{picked} picks on {counted(total - len(failed), 'micrograph')}"
        if picked:
            text += f", estimated precision {judge(evidence)}"
        console.print(text, markup=False)
    if failed and total > 1:
        console.print(f"{len(failed)} of {total} micrographs could not be picked", markup=False)
    return failed
