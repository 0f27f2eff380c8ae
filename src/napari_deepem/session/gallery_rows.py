"""A gallery's rows: candidates of some micrographs, in an order that shows which are wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.evaluation.label_suggestion import doubt
from napari_deepem.core.types import Candidates, FloatArray
from napari_deepem.session.parameters import Order

COLUMNS = ("which", "centres_yx", "scores", "stds", "rows", "peaks_px")  # of a gallery


@dataclass(frozen=True, eq=False, slots=True)
class Gallery:
    """Candidates of some micrographs, in the order in which they are shown."""

    names: tuple[str, ...]
    which: NDArray[np.int64]  # (n,) index into `names`
    centres_yx: FloatArray  # (n, 2) original pixels
    scores: FloatArray  # (n,)
    stds: FloatArray  # (n,)
    rows: NDArray[np.int64]  # (n,) index among the candidates of the micrograph
    peaks_px: FloatArray  # (n,) sizes of the score peaks, original pixels; NaN: not known
    box_size_px: int
    found: int = 0  # how many there are; the gallery holds the first of them

    def __len__(self) -> int:
        return len(self.which)

    def name_of(self, row: int) -> str:
        """The name of a row's micrograph."""
        return self.names[self.which[row]]

    def by_name(self, rows: NDArray[np.int64]) -> dict[str, FloatArray]:
        """The (n, 2) centres of some rows, by micrograph."""
        return {
            self.names[index]: self.centres_yx[rows[self.which[rows] == index]]
            for index in np.unique(self.which[rows])
        }

    def row_at(self, name: str, position_yx: FloatArray, reach_px: float) -> int | None:
        """The row nearest to a position on a micrograph, within reach; None if there is none."""
        rows = np.flatnonzero(np.array([each == name for each in self.names])[self.which])
        distances = np.hypot(*(self.centres_yx[rows] - position_yx).T)
        if not len(rows) or distances.min() > reach_px:
            return None
        return int(rows[distances.argmin()])

    def at(self, index: NDArray[Any]) -> Gallery:
        """The gallery of the rows that an index or mask of numpy's chooses, in its order."""
        return replace(self, **{name: getattr(self, name)[index] for name in COLUMNS})

    def only(self, chosen: NDArray[np.bool_]) -> Gallery:
        """The gallery of the rows where `chosen`, (n,), is true; the others are not there."""
        return replace(self.at(chosen), found=self.found - int((~chosen).sum()))


EMPTY = Gallery(
    (),
    np.empty(0, np.int64),
    np.empty((0, 2)),
    np.empty(0),
    np.empty(0),
    np.empty(0, np.int64),
    np.empty(0),
    box_size_px=1,
)


def rows_of_one(
    names: tuple[str, ...],
    index: int,
    candidates: Candidates,
    rows: NDArray[np.int64],
    peaks_px: FloatArray | None = None,
) -> Gallery:
    """The gallery of these rows of the candidates of one micrograph."""
    return Gallery(
        names,
        np.full(len(rows), index),
        candidates.centres_yx[rows],
        candidates.scores[rows],
        candidates.stds[rows],
        rows,
        np.full(len(rows), np.nan) if peaks_px is None else peaks_px[rows],
        candidates.box_size_px,
        found=len(rows),
    )


def joined(parts: list[Gallery]) -> Gallery:
    """The gallery of all that is in galleries of the same names."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS
    }
    return replace(parts[0], **columns, found=sum(part.found for part in parts))


def row_order(gallery: Gallery, order: Order, thresholds: FloatArray) -> NDArray[np.int64]:
    """The (n,) rows of a gallery in another order; equal ones stay as they are.

    `thresholds`, (m,), are those of its micrographs.
    By position micrographs follow each other; on each, lines as high as a box from the top down.
    What has no known size of its score peak comes last.
    """
    if order == "position":
        line, col = gallery.centres_yx[:, 0] // gallery.box_size_px, gallery.centres_yx[:, 1]
        return np.lexsort((col, line, gallery.which))
    doubts = doubt(gallery.scores, thresholds[gallery.which])
    keys = {
        "best": -gallery.scores,
        "worst": gallery.scores,
        "doubt": -doubts,
        "sure": doubts,
        "std_high": -gallery.stds,
        "std_low": gallery.stds,
        "peak_large": -gallery.peaks_px,
        "peak_small": gallery.peaks_px,
    }
    return np.argsort(keys[order], kind="stable")
