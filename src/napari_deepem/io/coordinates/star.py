"""RELION STAR files: centres, figures of merit, and names of micrographs where there are several.

One layout is written for RELION 3.0 to 5; every layout with coordinates is read.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray, Picks
from napari_deepem.io.coordinates.parsing import read_text, write_text
from napari_deepem.io.coordinates.rows import Rows, nearest_pixel

_X, _Y, _SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
_MICROGRAPH, _COORDINATES = "rlnMicrographName", "rlnMicrographCoordinates"
_NO_SCORE = -999.0  # what RELION's manual picker writes for it
_COLUMNS = (_X, _Y, "rlnClassNumber", _SCORE, "rlnAnglePsi")


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates, which other STAR files of a RELION job do not."""
    return f"_{_X}" in read_text(path)


def read(path: Path) -> Rows:
    """The rows of the first block that has coordinates; InputError if there is none."""
    text = read_text(path)
    if not text.strip():
        return Rows(np.empty((0, 2)))
    for table in _tables(path):
        if _X in table and _Y in table:
            return _rows(path, text, table)
    hint = (
        "name the folder of the files that it lists"
        if f"_{_COORDINATES}" in text
        else f"expected a loop with _{_X} and _{_Y}"
    )
    raise InputError(f"{path}: a STAR file without coordinates; {hint}")


def write(path: Path, picks: Picks) -> None:
    """Write the columns of RELION's own autopicker, with class 0 and angle 0 for unknown.

    RELION cuts fractions off, so positions are rounded to the nearest pixel, half up.
    """
    scores = np.full(len(picks), _NO_SCORE) if picks.scores is None else picks.scores
    pixels = nearest_pixel(picks.centres_yx).tolist()
    rows = (
        # 9 digits tell any two float32 scores apart
        f"{x:12.6f} {y:12.6f} {0:12d} {score:12.9g} {0:12.6f}"
        for (y, x), score in zip(pixels, scores.tolist(), strict=True)
    )
    write_text(path, _loop("data_", _COLUMNS, rows))


def _loop(block: str, columns: Iterable[str], rows: Iterable[str]) -> str:
    header = (f"_{name} #{number}" for number, name in enumerate(columns, start=1))
    return "\n".join(["", block, "", "loop_", *header, *rows, "", ""])


def _tables(path: Path) -> list[Any]:
    """Every block: a pandas table, or a dict where the block has one row."""
    import starfile  # loads pandas, half a second that only STAR files should cost

    # starfile reads through linecache, where a file that failed once stays as it was then.
    linecache.checkcache(str(path))
    try:
        blocks = starfile.read(path, always_dict=True, parse_as_string=[_MICROGRAPH])
    except TypeError as error:  # what starfile comes to when a block ends before it starts
        raise InputError(f"{path}: a STAR file with a data_ line but no loop after it") from error
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(
            f"{path}: rows and columns of the STAR file don't agree ({reason})"
        ) from error
    if any(" " in name.partition("#")[0].strip() for name in blocks):
        raise InputError(f"{path}: a row begins with data_, which starts a block; reorder columns")
    return list(blocks.values())


def _rows(path: Path, text: str, table: Any) -> Rows:
    x, y = (_numbers(path, text, table, column) for column in (_X, _Y))
    scores = _numbers(path, text, table, _SCORE) if _SCORE in table else None
    if scores is not None and len(scores) and np.all(scores == _NO_SCORE):
        scores = None
    names = _names(path, text, table) if _MICROGRAPH in table else None
    return Rows(np.stack([y, x], axis=1), scores, micrographs=names)


def _names(path: Path, text: str, table: Any) -> tuple[str, ...]:
    names = np.atleast_1d(table[_MICROGRAPH]).tolist()
    for row, name in enumerate(names):
        if not (isinstance(name, str) and name):  # the row ends before its name
            raise InputError(
                f"{path}, line {_line_of_row(text, row)}: expected a name for _{_MICROGRAPH}"
            )
    return tuple(names)


def _numbers(path: Path, text: str, table: Any, column: str) -> FloatArray:
    import pandas

    cells = np.atleast_1d(table[column])
    if cells.ndim > 1:
        raise InputError(f"{path}: has _{column} twice; remove one")
    values = pandas.Series(cells)
    numbers = pandas.to_numeric(values, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise InputError(
            f"{path}, line {_line_of_row(text, int(wrong[0]))}: expected a number for _{column}, "
            f"found {str(values.iloc[wrong[0]])!r}"
        )
    return np.asarray(numbers)


def _line_of_row(text: str, row: int) -> int:
    """Line number of a row of the loop that holds the coordinates."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(f"_{_X}"))
    data = (
        number
        for number, line in enumerate(lines[start:], start=start + 1)
        if line.strip() and not line.strip().startswith(("_", "#"))
    )
    return next(number for index, number in enumerate(data) if index == row)
