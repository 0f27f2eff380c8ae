"""The rows of a coordinate file, before they are divided among micrographs."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import NO_FEATURES, FloatArray, PickFeature, Picks
from napari_deepem.io.images import micrograph_name

MOST_MICROGRAPHS = 100_000  # of one file
NO_SCORE = -999.0  # what RELION's manual picker writes for it, among rows with scores


def written_scores(picks: Picks) -> FloatArray:
    """(n,) scores of picks for a column of numbers: one that is not known says that it is none."""
    scores = np.full(len(picks), np.nan) if picks.scores is None else picks.scores
    return np.where(np.isnan(scores), NO_SCORE, scores)


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """The rows of one coordinate file, already as centres in original pixels."""

    centres_yx: FloatArray  # (n, 2) row then column
    scores: FloatArray | None = None  # (n,)
    box_size_px: int | None = None
    micrographs: tuple[str, ...] = ()  # each once, as the file names them; none: it doesn't
    of_micrograph: NDArray[np.int64] | None = None  # (n,) which of them each row is on
    features: Mapping[PickFeature, FloatArray] = field(default_factory=lambda: NO_FEATURES)
    remarks: tuple[str, ...] = ()  # on what the file has and is left out
    shapes: tuple[tuple[int, int], ...] = ()  # (height, width) of each micrograph, or of none

    def picks(self) -> Picks:
        """All rows as those of one micrograph."""
        return _with_known_scores(
            Picks(self.centres_yx, self.scores, self.box_size_px, self.features)
        )

    def by_name(self, path: Path) -> dict[str, Picks]:
        """The rows divided among micrographs, by their names without folders and suffixes.

        Raises
        ------
        InputError
            Two micrographs of the file differ in their folders only.
        """
        if self.of_micrograph is None:
            raise ValueError("these rows name no micrographs")
        ends = np.cumsum(np.bincount(self.of_micrograph, minlength=len(self.micrographs)))
        rows_of = np.split(np.argsort(self.of_micrograph, kind="stable"), ends[:-1])
        picks = Picks(self.centres_yx, self.scores, self.box_size_px, self.features)
        divided: dict[str, Picks] = {}
        for full_name, rows in zip(self.micrographs, rows_of, strict=True):
            name = micrograph_name(full_name)
            if name in divided:
                raise InputError(
                    f"{path}: holds two micrographs called {name}, which can't be told apart "
                    "by name; split the file"
                )
            divided[name] = _with_known_scores(picks.at(rows))
        return divided


def _with_known_scores(picks: Picks) -> Picks:
    """The picks, without scores where those of all of them say that there is none."""
    if picks.scores is None or not len(picks) or np.any(picks.scores != NO_SCORE):
        return picks
    return Picks(picks.centres_yx, None, picks.box_size_px, picks.features)


class GrowingRows:
    """The rows of a file that is being read: 16 bytes a position, a name kept once."""

    def __init__(self, path: Path, features: Sequence[PickFeature] = ()) -> None:
        self._path = path
        self._features = {name: array("d") for name in features}
        self._centres_yx, self._scores, self._of_micrograph = array("d"), array("d"), array("q")
        self._micrographs: dict[str, int] = {}

    def add(
        self,
        y: float,
        x: float,
        score: float | None = None,
        name: str | None = None,
        features: Sequence[float] = (),
    ) -> None:
        """Add a row; scores, names and features are those of all rows of a file, or of none.

        Raises
        ------
        InputError
            The file names more micrographs than any series has.
        """
        self._centres_yx.extend((y, x))
        if score is not None:
            self._scores.append(score)
        if features:
            for values, feature in zip(self._features.values(), features, strict=True):
                values.append(feature)
        if name is not None:
            index = self._micrographs.setdefault(name, len(self._micrographs))
            self._of_micrograph.append(index)
            if index == MOST_MICROGRAPHS:
                raise self._too_many()

    def extend(
        self,
        y: FloatArray,
        x: FloatArray,
        scores: FloatArray | None = None,
        names: Sequence[str] | None = None,
        features: Sequence[FloatArray] = (),
    ) -> None:
        """Add (n,) rows; as `add` does each."""
        self._centres_yx.frombytes(np.stack([y, x], axis=1).tobytes())
        if scores is not None:
            self._scores.frombytes(scores.tobytes())
        for values, feature in zip(self._features.values(), features, strict=True):
            values.frombytes(feature.tobytes())
        if names is not None:
            known = self._micrographs
            self._of_micrograph.extend([known.setdefault(name, len(known)) for name in names])
            if len(known) > MOST_MICROGRAPHS:
                raise self._too_many()

    def _too_many(self) -> InputError:
        return InputError(
            f"{self._path}: names more than {MOST_MICROGRAPHS} micrographs; divide it"
        )

    def rows(self, box_size_px: int | None = None, *, with_scores: bool = False) -> Rows:
        """All that were added, as arrays; their scores where they are asked for.

        A feature that is NaN in all rows is left out.
        """
        features = {name: np.array(values) for name, values in self._features.items()}
        return Rows(
            np.array(self._centres_yx, dtype=np.float64).reshape(-1, 2),
            np.array(self._scores, dtype=np.float64) if with_scores else None,
            box_size_px,
            tuple(self._micrographs),
            np.array(self._of_micrograph, dtype=np.int64) if self._micrographs else None,
            {name: values for name, values in features.items() if not np.isnan(values).all()},
        )


def nearest_pixel(centres_yx: FloatArray) -> NDArray[np.int64]:
    """(n, 2) pixels nearest to positions, halves rounded up: none moves by more than 0.5.

    Unlike numpy's rounding, which takes halves to the even neighbour, this moves all halves alike,
    so distances between them stay; unlike truncation it has no shift on average.
    """
    return np.floor(centres_yx + 0.5).astype(np.int64)
