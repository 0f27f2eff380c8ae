"""Text files that users give: line by line, bounded, and with numbers where numbers belong."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path
from typing import BinaryIO

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.io.atomic import replacing

MOST_BYTES = 2**28  # a million particles with all of RELION's columns
MOST_LINES = 1_100_000  # a million rows, and what stands above them
LONGEST_LINE = 100_000  # characters, and so less than the csv module's limit for a field
_BLOCK = 2**17  # characters, more than a line may have
LARGEST = 1e30  # of any number; of a score too: single precision holds it
FARTHEST_PX = 1e7  # from a micrograph's corner; what is further is no coordinate

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"""(#)|'(.*?)'(?!\S)|"(.*?)"(?!\S)|(['"])|(\S+)""", re.ASCII)
_AT_ONCE = 4096  # rows
_COMMENT, _UNCLOSED = 1, 4  # of its groups; the others are words

Batch = list[tuple[int, list[str]]]  # rows: the line and the words of each


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, from 1; without byte order mark and line ends.

    A block of it is held at a time, so that a file takes no memory by itself.

    Raises
    ------
    InputError
        It is missing, no file, unreadable, not text, or larger than coordinates ever are.
    """
    _require_file(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            number, rest = 0, ""
            while block := file.read(_BLOCK):
                if "\0" in block:
                    raise _not_text(path)
                *lines, rest = (rest + block).split("\n")
                is_long = any(map(LONGEST_LINE.__lt__, map(len, lines)))
                if is_long or number + len(lines) > MOST_LINES or len(rest) > LONGEST_LINE:
                    yield from _bounded(path, number, [*lines, rest])
                yield from enumerate(lines, number + 1)
                number += len(lines)
            if rest:
                yield from _bounded(path, number, [rest])
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise _not_text(path) from error


def _bounded(path: Path, before: int, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines after so many others, up to the one that is too long or too many."""
    for number, line in enumerate(lines, before + 1):
        if number > MOST_LINES:
            raise InputError(
                f"{path}: holds more than {MOST_LINES} lines; divide it into several files"
            )
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"{path}, line {number}: longer than a row of coordinates can be; check "
                "what file it is"
            )
        yield number, line


@contextmanager
def open_bytes(path: Path, most_bytes: int = MOST_BYTES) -> Iterator[BinaryIO]:
    """A file to read bytes from; InputError if it is none, can't be read, or is too large."""
    _require_file(path, most_bytes)
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from error


def status_of(path: Path) -> os.stat_result:
    """What the system knows of a file or folder; InputError if it is not there."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: no such file or folder; check the path") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def is_file(path: Path) -> bool:
    """Whether there is such a file; not for a name that is none, or in a folder we may not see."""
    try:
        return path.is_file()
    except OSError:
        return False


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read: {error.strerror or error}; check its permissions")


def _require_file(path: Path, most_bytes: int = MOST_BYTES) -> None:
    status = status_of(path)
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: a folder, not a coordinate file; name a file in it")
    if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting
        raise InputError(f"{path}: a pipe or a device, not a file; write its rows to a file first")
    if status.st_size > most_bytes:
        raise InputError(
            f"{path}: {status.st_size / 1e6:.0f} MB, more than the {most_bytes / 1e6:.0f} MB that "
            "are read; leave out the micrographs that you don't need"
        )


def _not_text(path: Path) -> InputError:
    return InputError(
        f"{path}: not a text file in UTF-8, so no coordinates can be read; save it as plain text"
    )


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole, with the same line ends on every system."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def split_words(line: str, path: Path, number: int) -> list[str]:
    """The words of a line of a STAR or `.box` file, up to a comment, quotes taken off.

    As in STAR, a `#` begins a comment, and a quote a quoted word, only where a word begins; a
    quote ends where a word ends.

    Raises
    ------
    InputError
        A quote is not closed.
    """
    if line.isascii() and "#" not in line and "'" not in line and '"' not in line:
        return line.split()
    words = []
    for match in _WORD.finditer(line):
        if match.lastindex == _COMMENT:
            break
        if match.lastindex == _UNCLOSED:
            raise InputError(f"{path}, line {number}: a quote is not closed; remove it or close it")
        words.append(match[match.lastindex or 0])
    return words


def parse_number(text: str, path: Path, line: int, what: str = "", most: float = LARGEST) -> float:
    """The number that a text is, in ASCII digits, finite and in size no more than `most`.

    Raises
    ------
    InputError
        It is none: names file, line, text, and `what` it is of.
    """
    number = number_or_nan(text, most)
    if isnan(number):
        of = f" for {what}" if what else ""
        size = f" of at most {most:,.0f}" if not isnan(number_or_nan(text)) else ""
        raise InputError(f"{path}, line {line}: expected a number{size}{of}, found {text[:60]!r}")
    return number


def parse_numbers(
    texts: Sequence[str], path: Path, lines: Sequence[int], what: str = "", most: float = LARGEST
) -> FloatArray:
    """(n,) the numbers that texts on certain lines are, as `parse_number` reads each; faster."""
    joined = "".join(texts)
    if joined.isascii() and "_" not in joined:  # Python's own numbers may hold others
        try:
            numbers = np.array([float(text) for text in texts])
        except ValueError:
            pass  # one is named below
        else:
            if np.all(np.abs(numbers) <= most):
                return numbers
    pairs = zip(texts, lines, strict=True)
    return np.array([parse_number(text, path, line, what, most) for text, line in pairs])


def in_batches(rows: Iterable[tuple[int, list[str]]]) -> Iterator[Batch]:
    """Lines and words of rows, a few thousand at a time.

    Where reading goes wrong, the rows before come first, so that the first error is told.
    """
    batch = []
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _AT_ONCE:
                yield batch
                batch = []
    except InputError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column of a table that holds numbers."""

    index: int
    most: float = LARGEST  # that a number may be in size
    what: str = ""  # it is, for messages
    unknown: frozenset[str] = frozenset()  # what stands for none

    def numbers(self, batch: Batch, path: Path) -> FloatArray:
        """(n,) numbers of some rows, NaN where unknown; InputError for anything else."""
        lines = [line for line, _ in batch]
        texts = [words[self.index] for _, words in batch]
        if self.unknown.isdisjoint(texts):
            return parse_numbers(texts, path, lines, self.what, self.most)
        known = [row for row, text in enumerate(texts) if text not in self.unknown]
        numbers = np.full(len(texts), nan)
        numbers[known] = parse_numbers(
            [texts[row] for row in known], path, [lines[row] for row in known], self.what, self.most
        )
        return numbers


def parse_columns(batch: Batch, path: Path, columns: Sequence[NumberColumn]) -> list[FloatArray]:
    """The numbers in some columns of a batch of rows, (n,) each; faster than row by row.

    Raises
    ------
    InputError
        For the first row that has something else in one of them.
    """
    try:
        return [column.numbers(batch, path) for column in columns]
    except InputError:
        for row in batch:
            for column in columns:
                column.numbers([row], path)
        raise


def number_or_nan(text: str, most: float = LARGEST) -> float:
    """The number that a text is, as `parse_number` takes it; NaN where it is none."""
    number = float(text) if _NUMBER.fullmatch(text) else inf
    return number if -most <= number <= most else nan


def parse_coordinate(text: str, path: Path, line: int, what: str = "") -> float:
    """A number that may be a position or a length in pixels; InputError for any other."""
    return parse_number(text, path, line, what, FARTHEST_PX)
