"""Training on files: micrographs and their coordinate files in, a model out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import Labels
from napari_deepem.io.coordinates import read_coordinate_set
from napari_deepem.io.images import micrograph_name, read_micrograph


@dataclass(frozen=True, eq=False, slots=True)
class LabelledFiles:
    """Micrographs that have coordinates, and what is labelled on each."""

    paths: list[Path]
    labels: list[Labels]  # one item a path
    without_labels: list[str]  # names of the micrographs that were given but have no coordinates

    @property
    def n_particles(self) -> int:
        """The number of particles that are labelled on all of them."""
        return sum(len(labels.positive_yx) for labels in self.labels)


def find_labelled(paths: Sequence[Path], coordinates: Path) -> LabelledFiles:
    """The micrographs that have coordinates, matched by name, and their labels.

    Parameters
    ----------
    paths : sequence of Path
        MRC files.
    coordinates : Path
        A folder of `.box`, `.star` or `.csv` files, or one file for several micrographs.

    Raises
    ------
    InputError
        A coordinate file can't be used, or no micrograph has coordinates.
    """
    particles = read_coordinate_set(coordinates, [micrograph_name(path) for path in paths])
    labelled = [path for path in paths if micrograph_name(path) in particles]
    return LabelledFiles(
        paths=labelled,
        labels=[Labels.of(particles[micrograph_name(path)].centres_yx) for path in labelled],
        without_labels=[
            micrograph_name(path) for path in paths if micrograph_name(path) not in particles
        ],
    )


def train_on_files(
    paths: Sequence[Path], coordinates: Path, settings: TrainingSettings
) -> Generator[LabelledFiles | EpochDone, None, Model]:
    """A stream of what was read, then of every epoch, that returns the model."""
    labelled = find_labelled(paths, coordinates)
    micrographs = (read_micrograph(path) for path in labelled.paths)
    job = train_epochs(micrographs, labelled.labels, settings)
    first = next(job)  # of labels that can't be trained on nothing is reported but why
    yield labelled
    yield first
    return (yield from job)
