"""RELION STAR files: centres, figures of merit, and names of micrographs where there are several.

One layout is written for RELION 3.0 to 5; every table with coordinates of a file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import (
    parse_coordinate,
    parse_number,
    read_lines,
)
from napari_deepem.io.coordinates.rows import GrowingRows, Rows, nearest_pixel
from napari_deepem.io.coordinates.star_tables import Block, Table, read_tables, write_tables

_X, _Y, _SCORE = "_rlnCoordinateX", "_rlnCoordinateY", "_rlnAutopickFigureOfMerit"
_MICROGRAPH, _COORDINATES = "_rlnMicrographName", "_rlnMicrographCoordinates"
_READ = (_X, _Y, _SCORE, _MICROGRAPH)
_NO_SCORE = -999.0  # what RELION's manual picker writes for it
_COLUMNS = (_X, _Y, "_rlnClassNumber", _SCORE, "_rlnAnglePsi")


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates, which other STAR files of a RELION job do not."""
    return any(_X in line for _, line in read_lines(path))


def read(path: Path) -> Rows:
    """The rows of all tables that have coordinates, whatever their blocks are called.

    Where a table has no scores and another has, its rows get what RELION writes for none.

    Raises
    ------
    InputError
        The file can't be read, has no such table, or several of which one names no micrographs.
    """
    rows = GrowingRows(path)
    table: Table | None = None  # the last one with rows
    has_table = has_scores = False
    n_filled = unnamed_line = 0
    for header, line, words in read_tables(path, _READ, {_X, _Y}):
        if not words:
            has_table, has_scores = True, has_scores or _SCORE in header.index
            continue
        if header is not table:
            table = header
            n_filled += 1
            unnamed_line = unnamed_line or (0 if _MICROGRAPH in table.index else table.line)
        _add_row(rows, path, line, table, words)
    if not has_table and any(line.strip() for _, line in read_lines(path)):
        raise _without_coordinates(path)
    if unnamed_line and n_filled > 1:
        raise InputError(
            f"{path}, line {unnamed_line}: one of {n_filled} tables with coordinates, but without "
            f"{_MICROGRAPH}: give each micrograph a file of its own, or name it"
        )
    whole = rows.rows(with_scores=has_scores)
    if whole.scores is not None and len(whole.scores) and np.all(whole.scores == _NO_SCORE):
        return replace(whole, scores=None)
    return whole


def _add_row(rows: GrowingRows, path: Path, line: int, table: Table, words: list[str]) -> None:
    index = table.index
    x = parse_coordinate(words[index[_X]], path, line, _X)
    y = parse_coordinate(words[index[_Y]], path, line, _Y)
    score, name = _NO_SCORE, None
    if _SCORE in index:
        score = parse_number(words[index[_SCORE]], path, line, _SCORE)
    if _MICROGRAPH in index:
        name = words[index[_MICROGRAPH]]
        if not name:
            raise InputError(f"{path}, line {line}: expected a name for {_MICROGRAPH}")
    rows.add(y, x, score, name)


def _without_coordinates(path: Path) -> InputError:
    lists_files = any(_COORDINATES in line for _, line in read_lines(path))
    hint = (
        "name the folder of the files that it lists"
        if lists_files
        else f"expected a loop with {_X} and {_Y}"
    )
    return InputError(f"{path}: a STAR file without coordinates; {hint}")


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write the columns of RELION's own autopicker, with class 0 and angle 0 for unknown.

    RELION cuts fractions off, so positions are rounded to the nearest pixel, half up.
    """
    picks = micrographs[0].picks
    scores = np.full(len(picks), _NO_SCORE) if picks.scores is None else picks.scores
    pixels = nearest_pixel(picks.centres_yx).tolist()
    rows = (
        # 9 digits tell any two float32 scores apart
        (f"{x:12.6f}", f"{y:12.6f}", f"{0:12d}", f"{score:12.9g}", f"{0:12.6f}")
        for (y, x), score in zip(pixels, scores.tolist(), strict=True)
    )
    write_tables(path, Block("", _COLUMNS, rows))
