"""The rows of a coordinate file, before they are divided among micrographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, Picks
from napari_deepem.io.images import micrograph_name


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """The rows of one coordinate file, already as centres in original pixels."""

    centres_yx: FloatArray  # (n, 2) row then column
    scores: FloatArray | None = None  # (n,)
    box_size_px: int | None = None
    micrographs: tuple[str, ...] | None = None  # (n,) as the file names them; None: it doesn't

    def picks(self) -> Picks:
        """All rows as those of one micrograph."""
        return Picks(self.centres_yx, self.scores, self.box_size_px)

    def by_name(self, path: Path) -> dict[str, Picks]:
        """The rows divided among micrographs, by their names without folders and suffixes.

        Raises
        ------
        InputError
            Two micrographs of the file differ in their folders only.
        """
        if self.micrographs is None:
            raise ValueError("these rows name no micrographs")
        rows_of: dict[str, list[int]] = {}
        for row, full_name in enumerate(self.micrographs):
            rows_of.setdefault(full_name, []).append(row)
        divided: dict[str, Picks] = {}
        for full_name, rows in rows_of.items():
            name = micrograph_name(full_name)
            if name in divided:
                raise InputError(
                    f"{path}: holds two micrographs called {name}, which can't be told apart "
                    "by name; split the file"
                )
            scores = None if self.scores is None else self.scores[rows]
            divided[name] = Picks(self.centres_yx[rows], scores, self.box_size_px)
        return divided


def nearest_pixel(centres_yx: FloatArray) -> NDArray[np.int64]:
    """(n, 2) pixels nearest to positions, halves rounded up: none moves by more than 0.5.

    Unlike numpy's rounding, which takes halves to the even neighbour, this moves all halves alike,
    so distances between them stay; unlike truncation it has no shift on average.
    """
    return np.floor(centres_yx + 0.5).astype(np.int64)
