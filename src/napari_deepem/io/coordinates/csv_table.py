"""`.csv`: a header line with x and y, perhaps score, perhaps micrograph; centres, in any order.

The one format here that keeps fractions of a pixel.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import (
    parse_coordinate,
    parse_number,
    read_lines,
    write_text,
)
from napari_deepem.io.coordinates.rows import GrowingRows, Rows

_MICROGRAPH_COLUMNS = ("micrograph", "micrograph_name", "image_name")
_READ = ("x", "y", "score", *_MICROGRAPH_COLUMNS)


def recognises(path: Path) -> bool:
    """Whether a table holds coordinates, told by its header."""
    return {"x", "y"} <= set(next((_columns(fields) for _, fields in _records(path)), ()))


def read(path: Path) -> Rows:
    """The rows of a table: centres, scores where there is such a column, micrographs likewise."""
    records = _records(path)
    rows = GrowingRows(path)
    line, header = next(records, (1, []))
    if not header:
        return rows.rows()
    index = _index_of(path, line, header)
    x, y, score = index["x"], index["y"], index.get("score")
    name = next((index[column] for column in _MICROGRAPH_COLUMNS if column in index), None)
    for line, fields in records:
        if len(fields) != len(header):
            raise InputError(
                f"{path}, line {line}: expected {len(header)} columns "
                f"({_shown(header)}), found {len(fields)}"
            )
        if name is not None and not fields[name]:
            raise InputError(f"{path}, line {line}: expected the name of a micrograph")
        rows.add(
            parse_coordinate(fields[y], path, line),
            parse_coordinate(fields[x], path, line),
            None if score is None else parse_number(fields[score], path, line),
            None if name is None else fields[name],
        )
    return rows.rows(with_scores=score is not None)


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write every decimal; the score column is left out where there are no scores."""
    picks = micrographs[0].picks
    columns = [picks.centres_yx[:, 1], picks.centres_yx[:, 0]]
    header = "x,y"
    if picks.scores is not None:
        columns.append(picks.scores)
        header = "x,y,score"
    rows = np.stack(columns, axis=1).tolist()
    write_text(path, "\n".join([header, *(",".join(map(repr, row)) for row in rows), ""]))


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of the header and of every row that isn't blank.

    Each line is parsed by itself: a quote that is not closed would take in the rows after it.

    Raises
    ------
    InputError
        The file can't be read, or has a line with such a quote.
    """
    for number, line in read_lines(path):
        fields = [field.strip() for field in _split_fields(line, path, number)]
        if any(fields):
            yield number, fields


def _split_fields(line: str, path: Path, number: int) -> list[str]:
    if '"' not in line:  # three times as fast
        return line.split(",")
    try:
        return next(csv.reader((line,), strict=True), [])
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: {error}; check its quotes") from error


def _columns(header: list[str]) -> list[str]:
    return [name.lower() for name in header]


def _index_of(path: Path, line: int, header: list[str]) -> dict[str, int]:
    """The index of each column that is read, by its name."""
    columns = _columns(header)
    index = {name: columns.index(name) for name in _READ if name in columns}
    for name in index:
        if columns.count(name) > 1:
            raise InputError(f"{path}, line {line}: has the column {name} twice; remove one")
    if not {"x", "y"} <= index.keys():
        raise InputError(
            f"{path}, line {line}: expected a header like x,y,score, found {_shown(header)!r}"
        )
    return index


def _shown(header: list[str]) -> str:
    return ",".join(header)[:60]
