"""`.csv`: a header line with x and y, perhaps score, perhaps micrograph; centres, in any order.

The one format here that keeps fractions of a pixel.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.parsing import parse_number, read_text, write_text
from napari_deepem.io.coordinates.rows import Rows

_MICROGRAPH_COLUMNS = ("micrograph", "micrograph_name", "image_name")


def recognises(path: Path) -> bool:
    """Whether a table holds coordinates, told by its header."""
    return {"x", "y"} <= set(_header(read_text(path)))


def read(path: Path) -> Rows:
    """The rows of a table: centres, scores where there is such a column, micrographs likewise."""
    text = read_text(path)
    if not text.strip():
        return Rows(np.empty((0, 2)))
    header = _header(text)
    if not {"x", "y"} <= set(header):
        raise InputError(
            f"{path}, line 1: expected a header like x,y,score, found {text.splitlines()[0][:60]!r}"
        )
    name_column = next((name for name in _MICROGRAPH_COLUMNS if name in header), None)
    centres, scores, names = [], [], []
    for line, row in _rows(path, text, header):
        centres.append([parse_number(row[column], path, line) for column in ("y", "x")])
        if "score" in header:
            scores.append(parse_number(row["score"], path, line))
        if name_column:
            names.append(row[name_column].strip())
            if not names[-1]:
                raise InputError(f"{path}, line {line}: expected the name of a micrograph")
    return Rows(
        np.array(centres, dtype=np.float64).reshape(-1, 2),
        np.array(scores, dtype=np.float64) if "score" in header else None,
        micrographs=tuple(names) if name_column else None,
    )


def write(path: Path, picks: Picks) -> None:
    """Write every decimal; the score column is left out where there are no scores."""
    columns = [picks.centres_yx[:, 1], picks.centres_yx[:, 0]]
    header = "x,y"
    if picks.scores is not None:
        columns.append(picks.scores)
        header = "x,y,score"
    rows = np.stack(columns, axis=1).tolist()
    write_text(path, "\n".join([header, *(",".join(map(repr, row)) for row in rows), ""]))


def _header(text: str) -> list[str]:
    first = next(csv.reader(text.splitlines()[:1]), [])
    return [name.strip().lower() for name in first]


def _rows(path: Path, text: str, header: list[str]) -> list[tuple[int, dict[str, str]]]:
    """Line number and fields of every row that isn't blank."""
    reader = csv.reader(text.splitlines()[1:])
    rows = []
    try:
        for fields in reader:
            line = reader.line_num + 1
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {line}: expected {len(header)} columns "
                    f"({','.join(header)}), found {len(fields)}"
                )
            rows.append((line, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + 1}: {error}") from error
    return rows
