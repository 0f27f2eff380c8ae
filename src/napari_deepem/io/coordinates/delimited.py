"""Tables of text with a header line and columns in any order: `.csv`, and `.txt` of Topaz."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import PickFeature
from napari_deepem.io.coordinates.parsing import (
    FARTHEST_PX,
    NumberColumn,
    in_batches,
    number_or_nan,
    parse_columns,
    read_lines,
)
from napari_deepem.io.coordinates.rows import NO_SCORE, GrowingRows, Rows


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that a kind of table has, by their names in small letters."""

    separator: str
    x: str
    y: str
    micrographs: tuple[str, ...]  # any of these names the micrograph
    is_named: bool  # whether one of them has to be there
    features: tuple[PickFeature, ...] = ()  # a cell that is no number: not known

    @property
    def example(self) -> str:
        """A header as it should be."""
        names = self.micrographs[:1] if self.is_named else ()
        return self.separator.join((*names, self.x, self.y, "score"))

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a header has the columns that are needed."""
        columns = set(_columns(header))
        is_named = not self.is_named or not columns.isdisjoint(self.micrographs)
        return is_named and {self.x, self.y} <= columns


def recognises_table(path: Path, layout: Layout) -> bool:
    """Whether a table holds coordinates, told by its header."""
    return layout.fits(next((fields for _, fields in _records(path, layout)), ()))


def read_table(path: Path, layout: Layout) -> Rows:
    """The rows of a table: centres, and scores, micrographs and features where there are any.

    Raises
    ------
    InputError
        The file can't be read, or a line of it makes no sense.
    """
    records = _records(path, layout)
    line, header = next(records, (1, []))
    if not header:
        return GrowingRows(path).rows()
    index = _index_of(path, line, header, layout)
    x, y, score = index[layout.x], index[layout.y], index.get("score")
    name = next((index[column] for column in layout.micrographs if column in index), None)
    known = [feature for feature in layout.features if feature in index]
    rows = GrowingRows(path, known)
    columns = [NumberColumn(y, FARTHEST_PX), NumberColumn(x, FARTHEST_PX)]
    if score is not None:
        columns.append(NumberColumn(score, unknown=frozenset({""})))
    for batch in in_batches(_checked(path, records, header, name)):
        numbers = parse_columns(batch, path, columns)
        rows.extend(
            numbers[0],
            numbers[1],
            None if score is None else np.nan_to_num(numbers[2], nan=NO_SCORE),
            None if name is None else [fields[name] for _, fields in batch],
            [
                np.array([number_or_nan(fields[index[each]]) for _, fields in batch])
                for each in known
            ],
        )
    return rows.rows(with_scores=score is not None)


def _checked(
    path: Path, records: Iterable[tuple[int, list[str]]], header: list[str], name: int | None
) -> Iterator[tuple[int, list[str]]]:
    """The records, which have as many fields as the header, and a name where one belongs."""
    for line, fields in records:
        if len(fields) != len(header):
            raise InputError(
                f"{path}, line {line}: expected {len(header)} columns "
                f"({_shown(header)}), found {len(fields)}"
            )
        if name is not None and not fields[name]:
            raise InputError(f"{path}, line {line}: expected the name of a micrograph")
        yield line, fields


def _records(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of the header and of every row that isn't blank.

    Each line is parsed by itself: a quote that is not closed would take in the rows after it.

    Raises
    ------
    InputError
        The file can't be read, or has a line with such a quote.
    """
    for number, line in read_lines(path):
        fields = list(map(str.strip, _split_fields(line, path, number, layout.separator)))
        if any(fields):
            yield number, fields


def _split_fields(line: str, path: Path, number: int, separator: str) -> list[str]:
    if '"' not in line:  # three times as fast
        return line.split(separator)
    try:
        return next(csv.reader((line,), strict=True, delimiter=separator), [])
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: {error}; check its quotes") from error


def _columns(header: Sequence[str]) -> list[str]:
    return [name.lower() for name in header]


def _index_of(path: Path, line: int, header: list[str], layout: Layout) -> dict[str, int]:
    """The index of each column that is read, by its name."""
    columns = _columns(header)
    read = (layout.x, layout.y, "score", *layout.micrographs, *layout.features)
    index = {name: columns.index(name) for name in read if name in columns}
    for name in index:
        if columns.count(name) > 1:
            raise InputError(f"{path}, line {line}: has the column {name} twice; remove one")
    if not layout.fits(header):
        example = layout.example.expandtabs(1)
        raise InputError(
            f"{path}, line {line}: expected a header like {example}, found {_shown(header)!r}"
        )
    return index


def _shown(header: list[str]) -> str:
    return ",".join(header)[:60]
