"""What RELION's formats share: the tables of coordinates in a STAR file, read and written.

Every table with coordinates of a file is read, whatever its block is called; the columns that are
written are those of RELION's own autopicker (`AutoPicker::autoPickOneMicrograph`), 3.0 to 5.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, PickFeature, Picks
from napari_deepem.io.coordinates.parsing import (
    FARTHEST_PX,
    LARGEST,
    parse_number,
    parse_numbers,
    read_lines,
)
from napari_deepem.io.coordinates.rows import MOST_MICROGRAPHS, NO_SCORE, Rows, written_scores
from napari_deepem.io.coordinates.star_tables import Table, read_tables

X, Y, CLASS = "_rlnCoordinateX", "_rlnCoordinateY", "_rlnClassNumber"
SCORE, ANGLE = "_rlnAutopickFigureOfMerit", "_rlnAnglePsi"
MICROGRAPH, COORDINATES = "_rlnMicrographName", "_rlnMicrographCoordinates"
COLUMNS = (X, Y, CLASS, SCORE, ANGLE)  # in this order
_UNKNOWN = NO_SCORE  # which RELION's manual picker writes for a class and an angle, too
_MOST: Mapping[str, float] = {X: FARTHEST_PX, Y: FARTHEST_PX}  # of others: LARGEST
_IMAGE = "_rlnImageName"
_LEFT_OUT = {  # where they are not 0
    **dict.fromkeys(
        ("_rlnOriginX", "_rlnOriginY", "_rlnOriginXAngst", "_rlnOriginYAngst"),
        "the shifts of a refinement (_rlnOrigin...) are left out: positions are those of the picks",
    ),
    "_rlnHelicalTubeID": "filaments (_rlnHelicalTubeID) are read as single particles",
}
_READ = (*COLUMNS, MICROGRAPH, *_LEFT_OUT)
_AT_ONCE = 4096  # rows
MOST_TABLES = 10_000  # with coordinates: each costs as much as hundreds of rows

Kind = Literal["coordinates", "named coordinates", "files"]


def kind_of(path: Path) -> Kind | None:
    """What a STAR file is for: coordinates of one micrograph, of those it names, or in files.

    Told by the labels of its first table with such; None where there is none.
    """
    labels: set[str] = set()
    for _, line in read_lines(path):
        text = line.lstrip()
        if text.startswith("_"):
            labels.add(text.split(maxsplit=1)[0])
        elif text and text[0] != "#":
            if labels & {X, COORDINATES}:
                break
            labels.clear()
    if X in labels:
        return "named coordinates" if MICROGRAPH in labels else "coordinates"
    return "files" if COORDINATES in labels else None


def read_star(path: Path) -> Rows:
    """The rows of all tables that have coordinates.

    Where a table has no scores, angles or classes and another has, its rows have what stands for
    unknown: -999 for a score, as in RELION, NaN for the others. A class of 0 is unknown, and so is
    an angle of -999, or one of 0 where all are.

    Raises
    ------
    InputError
        The file can't be read, has no such table, or several of which one names no micrographs.
    """
    reader = _Reader(path)
    table: Table | None = None  # the last one with rows
    has_table = False
    n_filled = unnamed_line = 0
    for header, line, words in read_tables(path, _READ, {X, Y}):
        if not words:
            has_table = True
            reader.has_scores |= SCORE in header.index
            continue
        if header is not table:
            reader.flush()
            reader.table = table = header
            n_filled += 1
            if n_filled > MOST_TABLES:
                raise InputError(f"{path}: holds more than {MOST_TABLES} tables; divide it")
            unnamed_line = unnamed_line or (0 if MICROGRAPH in table.index else table.line)
        reader.add(line, words)
    reader.flush()
    if not has_table and any(line.strip() for _, line in read_lines(path)):
        raise _without_coordinates(path)
    if unnamed_line and n_filled > 1:
        raise InputError(
            f"{path}, line {unnamed_line}: one of {n_filled} tables with coordinates, but without "
            f"{MICROGRAPH}: give each micrograph a file of its own, or name it"
        )
    return reader.rows()


def _without_coordinates(path: Path) -> InputError:
    has_particles = any(_IMAGE in line for _, line in read_lines(path))
    hint = f"expected a loop with {X} and {Y}"
    if has_particles:
        hint += f"; it has particles by their {_IMAGE} alone: take the file of their extraction"
    return InputError(f"{path}: a STAR file without coordinates; {hint}")


def read_micrograph_names(path: Path) -> list[str]:
    """The micrographs that a STAR file names, each once, in their order.

    Raises
    ------
    InputError
        The file can't be read, or names none.
    """
    tables = read_tables(path, [MICROGRAPH], {MICROGRAPH})
    names = list(
        dict.fromkeys(words[table.index[MICROGRAPH]] for table, _, words in tables if words)
    )
    if not names:
        raise InputError(f"{path}: names no micrographs; expected a loop with {MICROGRAPH}")
    if len(names) > MOST_MICROGRAPHS:
        raise InputError(f"{path}: names more than {MOST_MICROGRAPHS} micrographs; divide it")
    return names


class _Reader:
    """The rows of a file that is being read, a few thousand at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.table: Table | None = None  # of the rows that come
        self._lines, self._words = list[int](), list[list[str]]()  # that wait
        self._columns = {label: array("d") for label in COLUMNS}
        self._of_micrograph = array("q")
        self._micrographs: dict[str, int] = {}
        self._remarks: dict[str, None] = {}  # each once
        self.has_scores = False  # whether a table has a column for them

    def add(self, line: int, words: list[str]) -> None:
        self._lines.append(line)
        self._words.append(words)
        if len(self._lines) == _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Take in the rows that wait."""
        if self.table is None or not self._lines:
            return
        index = self.table.index
        texts = {label: [words[index[label]] for words in self._words] for label in index}
        try:
            for label, column in self._columns.items():
                column.frombytes(self._numbers(label, texts.get(label)).tobytes())
        except InputError:
            self._raise_first()
            raise
        for label, remark in _LEFT_OUT.items():
            if label in texts and self._numbers(label, texts[label]).any():
                self._remarks[remark] = None
        if MICROGRAPH in texts:
            self._add_names(texts[MICROGRAPH])
        self._lines, self._words = [], []

    def _numbers(self, label: str, texts: Sequence[str] | None) -> FloatArray:
        if texts is None:
            return np.full(len(self._lines), NO_SCORE if label == SCORE else np.nan)
        most = _MOST.get(label, LARGEST)
        numbers = parse_numbers(texts, self._path, self._lines, label, most)
        if label == CLASS and np.any(fractions := numbers % 1 != 0):
            row = int(np.argmax(fractions))
            raise InputError(
                f"{self._path}, line {self._lines[row]}: expected a whole number for {CLASS}, "
                f"found {texts[row][:60]!r}"
            )
        return numbers

    def _raise_first(self) -> None:
        """Raise what is wrong with the first row where something is, not with a column."""
        assert self.table is not None
        for line, words in zip(self._lines, self._words, strict=True):
            for label, column in self.table.index.items():
                if label in COLUMNS:
                    most = _MOST.get(label, LARGEST)
                    parse_number(words[column], self._path, line, label, most)

    def _add_names(self, names: Sequence[str]) -> None:
        for line, name in zip(self._lines, names, strict=True):
            if not name:
                raise InputError(f"{self._path}, line {line}: expected a name for {MICROGRAPH}")
            self._of_micrograph.append(self._micrographs.setdefault(name, len(self._micrographs)))
        if len(self._micrographs) > MOST_MICROGRAPHS:
            raise InputError(
                f"{self._path}: names more than {MOST_MICROGRAPHS} micrographs; divide it"
            )

    def rows(self) -> Rows:
        values = {label: np.array(column) for label, column in self._columns.items()}
        return Rows(
            np.stack([values[Y], values[X]], axis=1),
            values[SCORE] if self.has_scores else None,
            micrographs=tuple(self._micrographs),
            of_micrograph=np.array(self._of_micrograph) if self._micrographs else None,
            features=_features(values[ANGLE], values[CLASS]),
            remarks=tuple(self._remarks),
        )


def _features(angles: FloatArray, classes: FloatArray) -> dict[PickFeature, FloatArray]:
    """The features that are known of at least one row."""
    angles[angles == _UNKNOWN] = np.nan
    classes[classes <= 0] = np.nan
    if not np.any(np.nan_to_num(angles)):  # 0 for unknown, as RELION's autopicker writes it
        angles[:] = np.nan
    features: dict[PickFeature, FloatArray] = {"angle": angles, "class": classes}
    return {name: values for name, values in features.items() if not np.isnan(values).all()}


def words_of(picks: Picks, centres_yx: NDArray[Any]) -> Iterator[tuple[str, ...]]:
    """The words of each pick's row, for `COLUMNS`, with its centre as it is to be written.

    Unknown is a score of -999, a class of 0, and an angle of 0, or of -999 beside known ones.
    """
    unknown = np.full(len(picks), np.nan)
    scores = written_scores(picks)
    classes = np.nan_to_num(picks.features.get("class", unknown)).astype(np.int64)
    angles = picks.features.get("angle", unknown)
    angles = np.nan_to_num(angles, nan=0.0 if np.isnan(angles).all() else _UNKNOWN)
    columns = (centres_yx[:, 1], centres_yx[:, 0], classes, scores, angles)
    for x, y, number, score, angle in zip(*(each.tolist() for each in columns), strict=True):
        # 9 digits tell any two float32 scores apart
        yield f"{x:12.6f}", f"{y:12.6f}", f"{number:12d}", f"{score:12.9g}", f"{angle:12.6f}"
