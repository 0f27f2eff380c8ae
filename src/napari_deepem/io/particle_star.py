"""RELION's STAR file of particles, 3.1 and later: where each image of a stack was cut out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_deepem.core.types import FloatArray, Picks
from napari_deepem.io.coordinates.rows import NO_SCORE
from napari_deepem.io.coordinates.star_coordinates import ANGLE, CLASS, MICROGRAPH, SCORE, X, Y
from napari_deepem.io.coordinates.star_tables import Block, quoted, write_tables
from napari_deepem.io.micrographs_star import (
    CTF,
    GROUP,
    OPTICS,
    MicrographEntry,
    OpticsGroup,
)

_PARTICLE = ("_rlnImageName", MICROGRAPH, X, Y)
_UNKNOWN = {SCORE: NO_SCORE, ANGLE: 0.0, CLASS: 0.0}  # what RELION writes where it does not know
_IMAGE = ("_rlnImagePixelSize", "_rlnImageSize", "_rlnImageDimensionality")


@dataclass(frozen=True, eq=False, slots=True)
class MicrographParticles:
    """The particles of one micrograph, in the order of their images."""

    entry: MicrographEntry
    picks: Picks  # on whole pixels


def write_particle_star(
    path: Path,
    stack: Path,
    particles: Sequence[MicrographParticles],
    groups: Sequence[OpticsGroup],
    *,
    size_px: int,
    scale: float,
) -> None:
    """Write where the images of a stack are from.

    Columns are there for what is known: of some of the picks, and of all of the micrographs.

    Parameters
    ----------
    path
    stack
        By the name under which RELION finds it, from its project's folder.
    particles
        In the order of their images.
    groups
        Those of the micrographs, one at least.
    size_px
        Side of the images.
    scale
        Original pixels along a side of a pixel of the images.

    Raises
    ------
    InputError
        The file can't be written there, or a name can't stand in it.
    """
    image = dict(zip(_IMAGE, ("", str(size_px), "2"), strict=True))
    optics = [
        {**each.values, **image, _IMAGE[0]: f"{scale * each.pixel_size:.6f}"} for each in groups
    ]
    labels = [label for label in (*OPTICS, *_IMAGE) if all(label in row for row in optics)]
    of_picks = {label for each in particles for label in _known_of(each.picks)}
    of_micrographs = [each.entry.ctf for each in particles]
    columns = [label for label in _UNKNOWN if label in of_picks]
    ctf = [label for label in CTF if all(label in known for known in of_micrographs)]
    write_tables(
        path,
        Block("optics", labels, ([quoted(row[label]) for label in labels] for row in optics)),
        Block(
            "particles",
            (*_PARTICLE, *columns, GROUP, *ctf),
            _rows(stack, particles, columns, ctf),
        ),
    )


def _rows(
    stack: Path,
    particles: Sequence[MicrographParticles],
    columns: Sequence[str],
    ctf: Sequence[str],
) -> Iterator[Sequence[str]]:
    number = 0
    for each in particles:
        entry = each.entry
        micrograph = quoted(entry.full_name)
        common = (str(entry.group), *(entry.ctf[label] for label in ctf))
        positions = each.picks.centres_yx[:, ::-1].tolist()
        for position, values in zip(positions, _values(each.picks, columns), strict=True):
            number += 1
            image = quoted(f"{number:06d}@{stack.as_posix()}")
            # 9 digits tell any two float32 scores apart
            words = *(f"{pixel:.6f}" for pixel in position), *(f"{value:.9g}" for value in values)
            yield (image, micrograph, *words, *common)


def _values(picks: Picks, columns: Sequence[str]) -> Iterator[Sequence[float]]:
    """What is to stand in these columns, for each of the picks."""
    known, nothing = _known_of(picks), np.full(len(picks), np.nan)
    values = np.empty((len(picks), len(columns)))
    for index, label in enumerate(columns):
        values[:, index] = np.nan_to_num(known.get(label, nothing), nan=_UNKNOWN[label])
    yield from values.tolist()


def _known_of(picks: Picks) -> Mapping[str, FloatArray]:
    """The values of picks beside their positions, by label."""
    values = {
        SCORE: picks.scores,
        ANGLE: picks.features.get("angle"),
        CLASS: picks.features.get("class"),
    }
    return {label: each for label, each in values.items() if each is not None}
