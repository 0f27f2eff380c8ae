"""Picking in files: micrographs and a model in, a coordinate file a micrograph and format out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.batch.run_folder import PickFolder
from napari_deepem.batch.scorer import Scorer, Source
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.pick import pick_candidates
from napari_deepem.core.picking.precision_estimate import evidence_of
from napari_deepem.core.picking.score_evidence import PrecisionEvidence
from napari_deepem.core.picking.scoring import score_tiles
from napari_deepem.core.types import Micrograph, Picks
from napari_deepem.io.coordinates import FORMATS, MicrographPicks, format_called, keeps_below
from napari_deepem.io.images import micrograph_name, read_micrograph
from napari_deepem.io.session_file import place_of

NEGATIVES = 2  # micrographs, the first, of which the negative is scored too: see `judge`


@dataclass(frozen=True, slots=True)
class PickSettings:
    """The settings of picking in files: what is picked, how it is scored, and what is written."""

    criteria: PickCriteria
    formats: tuple[str, ...] = ("box", "star")
    score_maps: bool = False  # write each score map as an MRC file too
    step_px: int | None = None  # between neighbouring boxes; None: an eighth of the box, or less
    device: DeviceName = "auto"  # what scores
    keep_scores: bool = False  # beside the micrographs, for a window and the next pick


@dataclass(frozen=True, eq=False, slots=True)
class MicrographDone:
    """The progress of picking: one micrograph is over, with its picks or what was wrong with it."""

    name: str
    seconds: float
    picks: Picks | None = None
    written: tuple[Path, ...] = ()
    remark: str | None = None  # one line: why there are no picks, or what looks odd
    # what tells how many picks are particles; None where nothing was learnt of that
    evidence: PrecisionEvidence | None = None


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """The names of formats as the registry has them; InputError for an unknown one, or none."""
    names = tuple(format_called(name).name for name in formats if name.strip())
    if not names:
        known = ", ".join(format.name for format in FORMATS)
        raise InputError(f"no format given: choose from {known}")
    return names


def pick_files(
    paths: Sequence[Path], model: Model, folder: Path, settings: PickSettings
) -> Generator[MicrographDone, None, SeriesRun]:
    """A stream of `MicrographDone` that writes each one's picks and returns the `SeriesRun`.

    The picks are in `folder/<name>.<format>`, or in one file for all where the format has that. A
    micrograph that can't be used is reported in its `MicrographDone`, and in what is returned, and
    the others go on. One without picks gets empty
    coordinate files, so that it counts as done. The next one is read while one is scored. What a
    window, or an earlier pick, has kept of its scores is not scored again.

    Raises
    ------
    InputError
        If the folder can't be written into, or holds files that a user made, or holds the
        micrographs where score maps are to be written; for a step that is no multiple of the
        model's binning, a device that is not there, or scores that are to be kept and can't be.
    """
    chosen_device(settings.device)
    if settings.step_px is not None:
        model.sampling.steps(settings.step_px)
    series = SeriesRun(micrograph_name(path) for path in paths)
    parents = {path.absolute().parent for path in paths}
    if settings.score_maps and folder.resolve() in {parent.resolve() for parent in parents}:
        raise InputError(
            f"{folder} holds the micrographs, for which score maps would be taken the next time: "
            "choose another folder"
        )
    output = PickFolder.claim(
        folder, series.names, settings.formats, with_scores=settings.score_maps
    )
    if settings.keep_scores:
        for parent in parents:
            place_of(parent)
    scorer = Scorer(model, settings.step_px, settings.device, settings.keep_scores)
    sources = read_ahead(paths, scorer.source_of)
    while (name := series.next()) is not None:
        _, source_of = next(sources)
        check_negative = series.over < NEGATIVES
        done = _pick_file(name, source_of, scorer, output, settings, check_negative)
        if done.picks is None:
            series.failed(done.remark or "")
        else:
            series.done(done.remark)
        yield done
    output.finish()
    return series


def _pick_file(
    name: str,
    source_of: Callable[[], Source],
    scorer: Scorer,
    output: PickFolder,
    settings: PickSettings,
    check_negative: bool,
) -> MicrographDone:
    started = perf_counter()
    try:
        source = source_of()
        scores = finish(scorer.scores_of(source))
        micrograph = source.micrograph
        if check_negative and micrograph is None and source.path is not None:  # kept scores
            micrograph = read_micrograph(source.path)
    except InputError as error:
        return MicrographDone(name, perf_counter() - started, remark=str(error))
    pixel_size = scores.source.pixel_size
    picks, evidence = pick_candidates(
        scores.candidates, scorer.model, settings.criteria, pixel_size
    )
    if check_negative and evidence is not None and micrograph is not None:
        evidence = evidence.beside(_evidence_of_negative(micrograph, scorer, settings))
    picked = MicrographPicks(
        name,
        picks,
        settings.criteria.below_of(scores.candidates) if keeps_below(settings.formats) else None,
        path=None if source.path is None else str(source.path),
        shape=scores.score_map.shape,
        pixel_size=pixel_size,
    )
    written = output.write(picked)
    if settings.score_maps:
        written.append(output.write_scores(name, scores.score_map, pixel_size))
    remark = scorer.remark_on(scores)
    return MicrographDone(name, perf_counter() - started, picks, tuple(written), remark, evidence)


def _evidence_of_negative(
    micrograph: Micrograph, scorer: Scorer, settings: PickSettings
) -> PrecisionEvidence | None:
    """What scores tell of the picks on a micrograph's negative, where every one is wrong."""
    negative = replace(micrograph, image=-micrograph.image.astype(np.float32))
    tiles = score_tiles(negative, scorer.model, scorer.step_px, scorer.device)
    return evidence_of(find_candidates(finish(tiles)), scorer.model, settings.criteria)
