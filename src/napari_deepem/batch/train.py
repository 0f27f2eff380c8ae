"""Training on files: micrographs and their coordinate files in, a model out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.box_size import BoxSuggestion
from napari_deepem.core.training.label_advice import LabelledImage, label_advice
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.io.coordinates import Source, open_source, read_coordinate_set
from napari_deepem.io.images import micrograph_name, read_micrograph, read_pixel_size, read_shape


@dataclass(frozen=True, eq=False, slots=True)
class LabelledFiles:
    """Micrographs that have coordinates, and what is labelled on each."""

    paths: list[Path]
    labels: list[Labels]  # one item a path; without what can't be used
    without_labels: list[str]  # names of the micrographs that were given but have no coordinates
    images: Sequence[LabelledImage] = ()  # the same with labels as they were given
    # sentences on what their files have beside, and on the labels, see `label_advice`
    advice: tuple[str, ...] = ()
    pixel_size: float | None = None  # A/px of all of them; None: what the files say

    @property
    def n_particles(self) -> int:
        """The number of particles that are labelled on all of them."""
        return sum(len(labels.positive_yx) for labels in self.labels)


def find_labelled(
    paths: Sequence[Path], coordinates: Path, box_size_px: int, pixel_size: float | None = None
) -> LabelledFiles:
    """The micrographs that have coordinates, matched by name, and their labels.

    Parameters
    ----------
    paths : sequence of Path
        MRC files, of which the headers are read.
    coordinates : Path
        A folder of `.box`, `.star` or `.csv` files, or one file for several micrographs.
    box_size_px : int
        Labels that are far nearer than this are one.
    pixel_size : float, optional
        A/px of all micrographs; None: what their files say.

    Raises
    ------
    InputError
        A coordinate file can't be used, no micrograph has coordinates, or many lie outside.
    """
    source = open_source(coordinates)
    labels_of = read_labels(paths, source)
    images = [
        labelled_image(micrograph_name(path), each, path, pixel_size)
        for path, each in labels_of.items()
    ]
    return LabelledFiles(
        paths=list(labels_of),
        labels=[image.usable(box_size_px) for image in images],
        without_labels=[micrograph_name(path) for path in paths if path not in labels_of],
        images=images,
        advice=tuple(dict.fromkeys(source.remarks)),
        pixel_size=pixel_size,
    )


def read_labels(paths: Sequence[Path], coordinates: Path | Source) -> dict[Path, Labels]:
    """The labels of those micrographs that have coordinates, as they are; see `find_labelled`."""
    particles = read_coordinate_set(coordinates, [micrograph_name(path) for path in paths])
    return {
        path: Labels.of(particles[micrograph_name(path)])
        for path in paths
        if micrograph_name(path) in particles
    }


def labelled_image(
    name: str, labels: Labels, path: Path | None, pixel_size: float | None = None
) -> LabelledImage:
    """A micrograph with labels, and what its header says; a given pixel size counts more."""
    if path is None:
        return LabelledImage(name, labels)
    return LabelledImage(name, labels, read_shape(path), pixel_size or read_pixel_size(path))


def read_labelled(files: LabelledFiles, suggestion: BoxSuggestion) -> Iterator[Micrograph]:
    """The micrographs, of which none is kept; a box is suggested by them as they pass."""
    for path, labels in zip(files.paths, files.labels, strict=True):
        micrograph = read_micrograph(path, files.pixel_size)
        suggestion.add(micrograph, labels)
        yield micrograph


def with_advice(files: LabelledFiles, suggestion: BoxSuggestion, box_size_px: int) -> LabelledFiles:
    """The same files, with what is to be said of their labels now that they are read."""
    advice = label_advice(files.images, box_size_px, suggestion.box_px())
    return replace(files, advice=(*files.advice, *advice))


def train_on_files(
    paths: Sequence[Path],
    coordinates: Path,
    settings: TrainingSettings,
    pixel_size: float | None = None,
) -> Generator[LabelledFiles | EpochDone, None, Model]:
    """A stream of what was read, then of every epoch, that returns the model."""
    labelled = find_labelled(paths, coordinates, settings.box_size_px, pixel_size)
    suggestion = BoxSuggestion()
    job = train_epochs(read_labelled(labelled, suggestion), labelled.labels, settings)
    first = next(job)  # of labels that can't be trained on nothing is reported but why
    yield with_advice(labelled, suggestion, settings.box_size_px)
    yield first
    return (yield from job)
