"""Particles as RELION has them since 3.1: a stack of images, and a STAR file that says whose.

Both appear whole or not at all, and grow by a micrograph at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from napari_deepem.core.types import Float32Array, FloatArray, Picks
from napari_deepem.io.atomic import replacing
from napari_deepem.io.micrographs_star import (
    CTF,
    GROUP,
    MICROGRAPH,
    OPTICS,
    MicrographEntry,
    OpticsGroup,
    quoted,
)
from napari_deepem.io.particle_stack import ParticleStack

_PARTICLE = ("_rlnImageName", MICROGRAPH, "_rlnCoordinateX", "_rlnCoordinateY")
_SCORE, _ANGLE, _CLASS = "_rlnAutopickFigureOfMerit", "_rlnAnglePsi", "_rlnClassNumber"
_NO_SCORE = -999.0  # what RELION's manual picker writes for it
_IMAGE = ("_rlnImagePixelSize", "_rlnImageSize", "_rlnImageDimensionality")


def star_beside(stack: Path) -> Path:
    """The STAR file that goes with a stack."""
    return stack.with_suffix(".star")


def particle_columns(picks: Iterable[Picks], entries: Iterable[MicrographEntry]) -> list[str]:
    """The labels of what is known: of some of the picks, and of all of the micrographs."""
    of_picks = {label for each in picks for label in _known_of(each)}
    of_micrographs = [entry.ctf.keys() for entry in entries]
    return [
        *_PARTICLE,
        *(label for label in (_SCORE, _ANGLE, _CLASS) if label in of_picks),
        GROUP,
        *(label for label in CTF if all(label in known for known in of_micrographs)),
    ]


def _known_of(picks: Picks) -> dict[str, FloatArray]:
    """The values of picks beside their positions, by label."""
    values = {
        _SCORE: picks.scores,
        _ANGLE: picks.features.get("angle"),
        _CLASS: picks.features.get("class"),
    }
    return {label: each for label, each in values.items() if each is not None}


class ParticleFiles:
    """A stack and its STAR file, both open for writing; see `particle_files`."""

    def __init__(
        self, name: str, stack: ParticleStack, star: IO[str], columns: Sequence[str]
    ) -> None:
        self._name, self._stack, self._star = name, stack, star
        self._columns = columns

    @property
    def n_particles(self) -> int:
        """The number of particles that were added."""
        return self._stack.n_images

    def add(self, images: Float32Array, entry: MicrographEntry, picks: Picks) -> None:
        """Add (n, size_px, size_px) images of n picks on a micrograph, on whole pixels."""
        first = self._stack.n_images + 1
        self._stack.append(images)
        words = {GROUP: str(entry.group), **entry.ctf}
        after = " ".join(words[label] for label in self._columns if label in words)
        names = (f"{number:06d}@{self._name}" for number in range(first, first + len(picks)))
        columns = [
            [quoted(name) for name in names],
            [quoted(entry.full_name)] * len(picks),
            *([f"{pixel:.6f}" for pixel in picks.centres_yx[:, axis].tolist()] for axis in (1, 0)),
            *self._words_of(picks),
        ]
        rows = (" ".join(row) for row in zip(*columns, strict=True))
        self._star.writelines(f"{row} {after}\n" for row in rows)

    def _words_of(self, picks: Picks) -> Iterator[list[str]]:
        """The columns of the values of picks; what RELION writes for unknown where they lack."""
        known = _known_of(picks)
        for label, unknown in ((_SCORE, _NO_SCORE), (_ANGLE, 0.0), (_CLASS, 0.0)):
            if label in self._columns:
                values = np.nan_to_num(known.get(label, np.full(len(picks), np.nan)), nan=unknown)
                # 9 digits tell any two float32 scores apart
                yield [f"{value:.9g}" for value in values.tolist()]


@contextmanager
def particle_files(
    path: Path,
    groups: Sequence[OpticsGroup],
    columns: Sequence[str],
    *,
    size_px: int,
    scale: float,
) -> Iterator[ParticleFiles]:
    """The files at a path and beside it, to which particles are added within the block.

    Parameters
    ----------
    path
        Of the stack; the STAR file names it as it is given here, which is where RELION looks for
        it, from its project's folder.
    groups
        Those of the micrographs, one at least.
    columns
        The labels of the table of particles, see `particle_columns`.
    size_px
        Side of the images.
    scale
        Original pixels along a side of a pixel of the images.

    Raises
    ------
    InputError
        The files can't be written there.
    """
    pixel_sizes = {group.pixel_size for group in groups}
    pixel_size = scale * pixel_sizes.pop() if len(pixel_sizes) == 1 else None
    with (
        replacing(star_beside(path)) as star_path,
        replacing(path) as stack_path,  # in its place before what names it
        stack_path.open("r+b") as stack_file,
        star_path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as star,
    ):
        stack = ParticleStack(stack_file, stack_path, size_px, pixel_size)
        star.write(_head("optics", *_optics(groups, size_px, scale)))
        star.write(_head("particles", columns, ()))
        yield ParticleFiles(path.as_posix(), stack, star, columns)
        stack.finish()


def _optics(
    groups: Sequence[OpticsGroup], size_px: int, scale: float
) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of the table of optics groups, and its rows."""
    rows = [
        {**group.values}
        | dict(zip(_IMAGE, (f"{group.pixel_size * scale:.6f}", str(size_px), "2"), strict=True))
        for group in groups
    ]
    return [label for label in (*OPTICS, *_IMAGE) if label in rows[0]], rows


def _head(block: str, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table, to which rows may be added."""
    header = (f"{label} #{number}" for number, label in enumerate(columns, start=1))
    words = (" ".join(quoted(row[label]) for label in columns) for row in rows)
    # the version of the layout, by which RELION tells it from that of 3.0
    return "\n".join(["", "# version 30001", "", f"data_{block}", "", "loop_", *header, *words, ""])
