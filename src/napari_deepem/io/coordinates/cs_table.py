"""The tables of cryoSPARC's `.cs`: one structured array in numpy's format, read block by block.

The header is taken apart here, not by numpy, which evaluates it as Python and believes its sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.parsing import open_bytes

MOST_BYTES = 2**32
MOST_ROWS = 5_000_000
MOST_HEADER = 2**18  # bytes: thousands of fields
_LONGEST_ROW = 2**18  # bytes
_BLOCK = 2**22  # bytes that are read at a time
_NUMPY, _COMPRESSED = b"\x93NUMPY", b"CSDAT"  # the latter after a number
_HEADER = re.compile(
    r"\{'descr': \[(.*)\], 'fortran_order': False, 'shape': \((\d{1,18}),\), \}\s*", re.DOTALL
)
_FIELD = re.compile(
    r"\('([^']+)', '([<>=|]?[a-zA-Z]\d{0,6})'(?:, \((\d{1,6}(?:, ?\d{1,6})*),?\))?\)(?:, |,?$)"
)
_KINDS = "uifbSU"


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """The header of a file."""

    path: Path
    dtype: np.dtype[Any]
    n_rows: int
    start: int  # the byte where its rows begin

    @property
    def fields(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(self.dtype.names or ())

    def blocks(self, fields: Sequence[str]) -> Iterator[NDArray[Any]]:
        """Arrays of rows, one after the other, with these fields alone."""
        n_rows = max(1, _BLOCK // self.dtype.itemsize)
        with open_bytes(self.path, MOST_BYTES) as file:
            file.seek(self.start)
            for first in range(0, self.n_rows, n_rows):
                count = min(n_rows, self.n_rows - first)
                content = file.read(count * self.dtype.itemsize)
                if len(content) < count * self.dtype.itemsize:  # it shrank while it was read
                    raise _cut_off(self.path)
                yield np.frombuffer(content, self.dtype)[list(fields)]


def read_header(path: Path) -> Table:
    """The header of a file.

    Raises
    ------
    InputError
        The file can't be read, is no such table, or is longer or shorter than its header says.
    """
    with open_bytes(path, MOST_BYTES) as file:
        text = _header_text(path, file)
        start = file.tell()
        size = file.seek(0, 2)
    match = _HEADER.fullmatch(text)
    if match is None:
        raise InputError(f"{path}: not a table of cryoSPARC's; give a job's .cs file")
    dtype, n_rows = _dtype_of(path, match[1]), int(match[2])
    if n_rows > MOST_ROWS:
        raise InputError(f"{path}: holds more than {MOST_ROWS} particles; divide it")
    if size - start != n_rows * dtype.itemsize:
        raise _cut_off(path)
    return Table(path, dtype, n_rows, start)


def _header_text(path: Path, file: BinaryIO) -> str:
    start = file.read(12)
    if start[1:].startswith(_COMPRESSED):
        raise InputError(
            f"{path}: a compressed .cs file, which cryosparc-tools alone reads; save it there with "
            "format=NUMPY_FORMAT"
        )
    version = start[6:7]
    if not start.startswith(_NUMPY) or version not in (b"\1", b"\2", b"\3"):
        raise InputError(f"{path}: not a .cs file of cryoSPARC's; check what file it is")
    n_bytes = 2 if version == b"\1" else 4
    length = int.from_bytes(start[8 : 8 + n_bytes], "little")
    file.seek(8 + n_bytes)
    if length > MOST_HEADER:
        raise InputError(f"{path}: has more fields than a .cs file can have; check what file it is")
    content = file.read(length)
    if len(content) < length:
        raise _cut_off(path)
    return content.decode("latin-1" if version != b"\3" else "utf-8", "replace")


def _dtype_of(path: Path, text: str) -> np.dtype[Any]:
    fields: dict[str, tuple[str, str, tuple[int, ...]]] = {}
    end = 0
    while end < len(text):
        match = _FIELD.match(text, end)
        if match is None:
            raise InputError(f"{path}: expected a field of a .cs file, found {text[end:][:60]!r}")
        name, kind, shape = match.groups()
        if kind.lstrip("<>=|")[0] not in _KINDS:
            raise InputError(
                f"{path}: the field {name} holds objects of Python, which are not read; save it "
                "without pickle"
            )
        if name in fields:
            raise InputError(f"{path}: has the field {name} twice; remove one")
        fields[name] = (name, kind, tuple(int(side) for side in shape.split(",")) if shape else ())
        end = match.end()
    try:
        dtype = np.dtype(list(fields.values()))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: has a field of no type: {error}; copy it again") from error
    if not 0 < dtype.itemsize <= _LONGEST_ROW:
        raise InputError(f"{path}: has rows of {dtype.itemsize} bytes; check what file it is")
    return dtype


def _cut_off(path: Path) -> InputError:
    return InputError(f"{path}: is shorter or longer than its header says; copy it again")
