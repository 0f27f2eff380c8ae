"""The tables of a STAR file, row by row, each with the line that it stands on.

One row is one line, as RELION reads and writes (`MetaDataTable::readStar`); a block may have
several tables, and a table without `loop_` is one row of labels and values. The starfile package
doesn't serve here: of blocks with the same name it keeps the last, it knows no lines, and takes
what pandas can make of a cell for its value.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.atomic import replacing
from napari_deepem.io.coordinates.parsing import read_lines, split_words

MOST_COLUMNS = 1000
# what stands in a row as it is, whichever word of the row it is; for some a # is always a comment
_PLAIN = re.compile(r"(?!data_|loop_|[_;'\"])[^\s\x00-\x20\x7f#]+", re.IGNORECASE)
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """The header of a table."""

    line: int  # where its labels end
    index: Mapping[str, int]  # the column of each label that was asked for
    n_columns: int


def read_tables(
    path: Path, labels: Container[str], needed: Set[str]
) -> Iterator[tuple[Table, int, list[str]]]:
    """Each table that has all needed labels: its header, line and no words; then its rows.

    Parameters
    ----------
    path : Path
    labels : container of str
        Those whose columns are told; none may occur twice in a table.
    needed : set of str

    Yields
    ------
    table, line, words
        The words of a row, one a column.

    Raises
    ------
    InputError
        The file can't be read, or a line of it makes no sense.
    """
    reader = _Reader(path, labels, needed)
    for number, line in read_lines(path):
        text = line.strip()
        if text and text[0] != "#":
            yield from reader.read_line(number, text)
    yield from reader.end_table()


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """A block that is to be written, of one loop."""

    name: str  # what follows data_; may be empty
    labels: Sequence[str]  # with their _rln
    rows: Iterable[Iterable[str]]  # the words of each, text as `quoted` makes it; taken one by one


def write_tables(path: Path, *blocks: Block, comment: str = "") -> None:
    """Write a STAR file as RELION 3.1 and later do, row by row.

    A block with a name begins with the version of its labels, as RELION's own do. A comment is the
    first line.

    Raises
    ------
    InputError
        The file can't be written there.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write(f"# {comment}\n" if comment else "")
        for block in blocks:
            version = "\n# version 30001\n" if block.name else ""
            labels = (f"{label} #{number}\n" for number, label in enumerate(block.labels, start=1))
            file.write(f"{version}\ndata_{block.name}\n\nloop_\n{''.join(labels)}")
            file.writelines(f"{' '.join(row)}\n" for row in block.rows)
            file.write("\n")


def quoted(text: str) -> str:
    """The word of a row that is read as this text, in quotes where it needs them.

    RELION reads quotes since 3.1.

    Raises
    ------
    InputError
        Nothing is: the text holds both kinds of quotes, or letters that end a line.
    """
    if _PLAIN.fullmatch(text):
        return text
    quote = "'" if '"' in text else '"'
    if quote in text or _UNWRITABLE.search(text):
        raise InputError(
            f"{text!r} can't stand in a STAR file, which holds no such letters: rename it"
        )
    return f"{quote}{text}{quote}"


class _Reader:
    """What is known of the present table."""

    def __init__(self, path: Path, labels: Container[str], needed: Set[str]) -> None:
        self._path, self._labels, self._needed = path, labels, needed
        self._begin("data_")

    def _begin(self, keyword: str) -> None:
        self._is_loop = keyword == "loop_"
        self._index: dict[str, int] = {}
        self._n_columns = self._line = 0
        self._values: list[str] = []  # of labels that are asked for, outside of a loop
        self._table: Table | None = None  # once the labels of a loop have ended
        self._is_passed = False  # over, because it lacks a needed label

    def read_line(self, number: int, text: str) -> Iterator[tuple[Table, int, list[str]]]:
        """What a line that is not blank brings."""
        if text.startswith(("data_", "loop_")):
            words = split_words(text, self._path, number)
            if len(words) == 1 and (text.startswith("data_") or words[0] == "loop_"):
                yield from self.end_table()
                self._begin(words[0])
                return
        if self._table is None and not self._is_passed:
            if text[0] == "_" and self._read_label(number, text):
                return
            if not self._n_columns or not self._is_loop:
                raise self._error(
                    number, f"expected data_, loop_ or a label in a STAR file, found {text[:60]!r}"
                )
            yield from self.end_table()
        if self._table is not None:
            words = split_words(text, self._path, number)
            if len(words) != self._n_columns:
                raise self._error(
                    number,
                    f"rows and columns don't agree: {self._n_columns} labels, {len(words)} values",
                )
            yield self._table, number, words

    def end_table(self) -> Iterator[tuple[Table, int, list[str]]]:
        """The table itself once its labels have ended, and its row if it is no loop."""
        if self._table is not None or self._is_passed:
            return
        self._is_passed = not self._needed <= self._index.keys()
        if not self._is_passed:
            self._table = Table(self._line, self._index, self._n_columns)
            yield self._table, self._line, []
            if not self._is_loop:
                yield self._table, self._line, self._values

    def _read_label(self, number: int, text: str) -> bool:
        """Whether a line is a label of the table, not its first row; takes it in if it is."""
        label = text.split(maxsplit=1)[0]
        if self._is_loop:
            words = split_words(text, self._path, number)
            if len(words) > 2 or (len(words) == 2 and not words[1].isdecimal()):
                return False
        if label in self._labels:
            if label in self._index:
                raise self._error(number, f"has {label} twice in a table; remove one")
            self._index[label] = self._n_columns if self._is_loop else len(self._values)
            if not self._is_loop:
                values = split_words(text, self._path, number)[1:]
                if len(values) != 1:
                    raise self._error(number, f"expected a value after {label}")
                self._values += values
        self._n_columns += 1
        self._line = number
        if self._n_columns > MOST_COLUMNS:
            raise self._error(number, f"more than {MOST_COLUMNS} columns; check what file it is")
        return True

    def _error(self, number: int, reason: str) -> InputError:
        return InputError(f"{self._path}, line {number}: {reason}")
