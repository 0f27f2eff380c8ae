"""Refinement on files: a model, micrographs and verdicts on their picks in, a model out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_deepem.batch.train import labelled_image, read_labels
from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.verdicts import labels_of_verdicts
from napari_deepem.core.jobs import EpochDone, MicrographRead, without_batches
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.training.box_size import BoxSuggestion
from napari_deepem.core.training.label_advice import LabelledImage, label_advice
from napari_deepem.core.training.refinement import refine_epochs
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.types import Labels, Micrograph, Picks
from napari_deepem.io.coordinates import names_left_out, open_source, read_coordinate_set
from napari_deepem.io.images import micrograph_name, read_micrograph

NOTHING = Picks(np.empty((0, 2)))


@dataclass(frozen=True, slots=True)
class VerdictFiles:
    """The coordinates of picks and verdicts: each a folder, or one file for several micrographs."""

    picks: Path | None = None
    accepted: Path | None = None
    rejected: Path | None = None


@dataclass(frozen=True, eq=False, slots=True)
class VerdictsRead:
    """Progress of refining: the verdicts on the picks of each micrograph are read."""

    verdicts: list[LabelledMicrograph]
    without_verdict: list[str]  # names of micrographs that were given, but have no verdict
    not_given: list[str]  # names of micrographs that have verdicts, but were not given
    # sentences on what files have beside, and on labels and verdicts, see `label_advice`
    advice: tuple[str, ...] = ()


def read_verdicts(paths: Sequence[Path], files: VerdictFiles, box_size_px: int) -> VerdictsRead:
    """The verdicts on the picks of micrographs, matched by name.

    A micrograph that neither `accepted` nor `rejected` has coordinates for, be it an empty file,
    has no verdict and is left out.

    Raises
    ------
    InputError
        There is no verdict, or a coordinate file can't be used.
    """
    if files.accepted is None and files.rejected is None:
        raise InputError("no verdict on the picks: give --accepted, --rejected or both")
    names = [micrograph_name(path) for path in paths]
    sources = [
        None if path is None else open_source(path)
        for path in (files.picks, files.accepted, files.rejected)
    ]
    picks, accepted, rejected = (
        None if source is None else read_coordinate_set(source, names) for source in sources
    )
    with_verdict = {*(accepted or ()), *(rejected or ())}
    verdicts = []
    for name, path in zip(names, paths, strict=True):
        if name in with_verdict:
            picks_and_verdicts = [
                None if by_name is None else by_name.get(name, NOTHING)
                for by_name in (picks, accepted, rejected)
            ]
            labels = _labels(name, *picks_and_verdicts, box_size_px=box_size_px)
            verdicts.append(LabelledMicrograph(name, labels, complete=False, source=path))
    others = [
        name
        for source in sources[1:]
        if source is not None
        for name in names_left_out(source, names)
    ]
    remarks = [remark for source in sources if source is not None for remark in source.remarks]
    return VerdictsRead(
        verdicts=verdicts,
        without_verdict=[name for name in names if name not in with_verdict],
        not_given=sorted(set(others)) if len(names) > 1 else [],
        advice=tuple(dict.fromkeys(remarks)),
    )


def _labels(
    name: str,
    picks: Picks | None,
    accepted: Picks | None,
    rejected: Picks | None,
    *,
    box_size_px: int,
) -> Labels:
    try:
        return labels_of_verdicts(picks, accepted, rejected, box_size_px=box_size_px)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def recall(
    model: Model,
    paths: Sequence[Path],
    earlier: Sequence[Path] = (),
    coordinates: Path | None = None,
) -> Model:
    """The model with a training set of files that are there.

    Parameters
    ----------
    model : Model
    paths, earlier : sequences of Path
        Micrographs, of which those that the model names are taken instead of the files it knows.
    coordinates : Path, optional
        Labels of the micrographs in `earlier`, instead of what the model remembers.

    Raises
    ------
    InputError
        The model remembers nothing, or its micrographs are gone.
    """
    if coordinates is not None:
        if not earlier:
            raise InputError("--coords are those of the micrographs in --earlier: give both")
        complete = bool(model.summary.get("labels_complete", True))
        training_set = (
            LabelledMicrograph(micrograph_name(path), labels, complete, path)
            for path, labels in read_labels(earlier, coordinates).items()
        )
        return replace(model, training_set=tuple(training_set))
    if not model.training_set:
        raise InputError(
            "the model does not remember what it was trained on: give those micrographs with "
            "--earlier and their coordinates with --coords, or do without them with --forget"
        )
    path_of = {micrograph_name(path): path for path in (*paths, *earlier)}
    items = [
        replace(item, source=path_of.get(item.name) or item.file() or item.source)
        for item in model.training_set
    ]
    missing = [item for item in items if item.file() is None]
    if missing:
        place = f" ({missing[0].source})" if missing[0].source else ""
        raise InputError(
            f"{len(missing)} of {len(items)} micrographs that the model was trained on are not "
            f"where they were, such as {missing[0].name}{place}: give their folder with --earlier, "
            "or do without them with --forget"
        )
    return replace(model, training_set=tuple(items))


def refine_on_files(
    model: Model,
    paths: Sequence[Path],
    files: VerdictFiles,
    settings: TrainingSettings,
    pixel_size: float | None = None,
) -> Generator[MicrographRead | VerdictsRead | EpochDone, None, Model]:
    """A stream of micrographs, the verdicts on them and epochs that returns the refined model.

    The files of the model's training set must be there, see `recall`. `pixel_size` is that of all
    micrographs, A/px; None: what their files say.
    """
    verdicts_read = read_verdicts(paths, files, model.box_size_px)
    earlier, verdicts = (
        _images_of(items, pixel_size) for items in (model.training_set, verdicts_read.verdicts)
    )
    suggestion = BoxSuggestion()

    def read(item: LabelledMicrograph) -> Micrograph:
        assert item.source is not None
        micrograph = read_micrograph(item.source, pixel_size)
        suggestion.add(micrograph, item.labels)
        return micrograph

    model = replace(model, training_set=_usable(model.training_set, earlier, model.box_size_px))
    usable_verdicts = _usable(verdicts_read.verdicts, verdicts, model.box_size_px)
    job: Generator[MicrographRead | EpochDone, None, Model] = without_batches(
        refine_epochs(model, usable_verdicts, read, settings)
    )
    progress = next(job)
    while isinstance(progress, MicrographRead):
        yield progress
        progress = next(job)
    advice = label_advice([*earlier, *verdicts], model.box_size_px, suggestion.box_px())
    # of verdicts that can't be trained on nothing is reported but why
    yield replace(verdicts_read, advice=(*verdicts_read.advice, *advice))
    yield progress
    return (yield from job)


def _images_of(
    items: Sequence[LabelledMicrograph], pixel_size: float | None
) -> list[LabelledImage]:
    return [labelled_image(item.name, item.labels, item.source, pixel_size) for item in items]


def _usable(
    items: Sequence[LabelledMicrograph], images: Sequence[LabelledImage], box_size_px: int
) -> tuple[LabelledMicrograph, ...]:
    """The same items with those of their labels that can be used."""
    return tuple(
        replace(item, labels=image.usable(box_size_px))
        for item, image in zip(items, images, strict=True)
    )
