"""Picking in files: micrographs and a model in, a coordinate file a micrograph and format out."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from napari_deepem.batch.picker import MicrographDone, Picker
from napari_deepem.batch.prefetch import read_ahead
from napari_deepem.batch.run_folder import RunFolder
from napari_deepem.batch.run_manifest import write_manifest
from napari_deepem.batch.scorer import Scorer
from napari_deepem.batch.series_run import SeriesRun
from napari_deepem.batch.workforce import Workforce, require_dask
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.devices import DeviceName, chosen_device, threads_of_torch
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.coordinates import FORMATS, format_called
from napari_deepem.io.images import micrograph_name
from napari_deepem.io.session_places import place_of

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
    overwrite: bool = False  # what an earlier run in the folder has done already
    pixel_size: float | None = None  # A/px of all micrographs; None: what their files say
    options: Mapping[str, str] = field(default_factory=dict)  # of the formats
    workforce: Workforce | None = None  # None: this process, with all its threads


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
    the others go on. One without picks gets empty coordinate files, so that it counts as done. The
    next one is read while one is scored. What a window, or an earlier pick, has kept of its scores
    is not scored again.

    The folder keeps a record of every micrograph, with all its candidates. A run that was stopped,
    or has got more micrographs meanwhile, goes on where it was; other criteria pick from the
    candidates that there are.

    Raises
    ------
    InputError
        If the folder can't be written into, or holds files that a user made, or holds the
        micrographs where score maps are to be written; for a step that is no multiple of the
        model's binning, a device that is not there, or scores that are to be kept and can't be.
    """
    picker = begin_picking(paths, model, folder, settings)
    series = SeriesRun(micrograph_name(path) for path in paths)
    try:
        for done in _each(paths, picker, settings.workforce):
            if not series.over:  # no sooner: a run that can't begin leaves nothing
                write_manifest(picker)
            if done.n_picks is None:
                series.problems[done.name] = done.remark or ""
            series.done(done.remark)
            yield done
        picker.output.finish()
    finally:
        picker.output.remove_leftovers()
    return series


def begin_picking(
    paths: Sequence[Path], model: Model, folder: Path, settings: PickSettings
) -> Picker:
    """What picks micrographs into a folder, once all is checked that can be without reading them.

    Raises
    ------
    InputError
        As `pick_files`.
    """
    chosen_device(settings.device)
    if settings.workforce is not None:
        require_dask(settings.workforce)
    if settings.step_px is not None:
        model.sampling.steps(settings.step_px)
    output = RunFolder(folder, settings.formats, settings.score_maps, settings.options)
    scorer = Scorer(
        model, settings.step_px, settings.device, settings.keep_scores, settings.pixel_size
    )
    picker = Picker(scorer, settings.criteria, output, settings.overwrite)
    claim_places(paths, picker)
    return picker


def claim_places(paths: Sequence[Path], picker: Picker) -> None:
    """Make sure that all that a picker is to write of micrographs can be written where it goes.

    Raises
    ------
    InputError
        As `pick_files`.
    """
    output, parents = picker.output, {path.absolute().parent for path in paths}
    if output.with_scores and output.folder.resolve() in {each.resolve() for each in parents}:
        raise InputError(
            f"{output.folder} holds the micrographs, for which score maps would be taken the next "
            "time: choose another folder"
        )
    output.claim([micrograph_name(path) for path in paths])
    if picker.scorer.keeps:
        for parent in parents:
            place_of(parent)


def _each(
    paths: Sequence[Path], picker: Picker, workforce: Workforce | None
) -> Generator[MicrographDone, None, None]:
    """A stream of what came of each micrograph: first of those that were done before."""
    tasks = []
    for index, path in enumerate(paths):
        if (done := picker.done_before(path)) is not None:
            yield done
        else:
            tasks.append((path, index < NEGATIVES))
    if not tasks:
        return
    if workforce is None or workforce.is_one:
        with nullcontext() if workforce is None else threads_of_torch(1):
            yield from _one_by_one(tasks, picker)
    else:
        from napari_deepem.batch.dask_workers import pick_by  # an extra

        yield from pick_by(workforce, tasks, picker)


def _one_by_one(
    tasks: Sequence[tuple[Path, bool]], picker: Picker
) -> Generator[MicrographDone, None, None]:
    """The same in this process, in their order; one is read ahead."""
    sources = read_ahead([path for path, _ in tasks], picker.source_of)
    for (path, source_of), (_, check_negative) in zip(sources, tasks, strict=True):
        yield picker.pick(path, source_of, check_negative)
