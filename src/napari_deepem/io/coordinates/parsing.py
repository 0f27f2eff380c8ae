"""Text files that users give: line by line, bounded, and with numbers where numbers belong."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from math import inf, isnan, nan
from pathlib import Path
from typing import BinaryIO

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.io.atomic import replacing

MOST_BYTES = 2**28  # a million particles with all of RELION's columns
MOST_LINES = 1_000_000
LONGEST_LINE = 100_000  # characters, and so less than the csv module's limit for a field
LARGEST = 1e30  # of any number; of a score too: single precision holds it
FARTHEST_PX = 1e7  # from a micrograph's corner; what is further is no coordinate

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"""(#)|'(.*?)'(?!\S)|"(.*?)"(?!\S)|(['"])|(\S+)""", re.ASCII)
_COMMENT, _UNCLOSED = 1, 4  # of its groups; the others are words


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, from 1; without byte order mark and line ends.

    One line is held at a time, so that a file takes no memory by itself.

    Raises
    ------
    InputError
        It is missing, no file, unreadable, not text, or larger than coordinates ever are.
    """
    _require_file(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number in count(1):
                line = file.readline(LONGEST_LINE + 1)
                if not line:
                    return
                if number > MOST_LINES:
                    raise InputError(
                        f"{path}: holds more than {MOST_LINES} lines; divide it into several files"
                    )
                if "\0" in line:
                    raise _not_text(path)
                if len(line) > LONGEST_LINE:
                    raise InputError(
                        f"{path}, line {number}: longer than a row of coordinates can be; check "
                        "what file it is"
                    )
                yield number, line.rstrip("\n")
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise _not_text(path) from error


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
        raise InputError(f"{path}, line {line}: expected a number{of}, found {text[:60]!r}")
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


def number_or_nan(text: str, most: float = LARGEST) -> float:
    """The number that a text is, as `parse_number` takes it; NaN where it is none."""
    number = float(text) if _NUMBER.fullmatch(text) else inf
    return number if -most <= number <= most else nan


def parse_coordinate(text: str, path: Path, line: int, what: str = "") -> float:
    """A number that may be a position or a length in pixels; InputError for any other."""
    return parse_number(text, path, line, what, FARTHEST_PX)
