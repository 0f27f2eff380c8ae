"""The directories of a TIFF file, one a page: how its pixels are stored, and where.

By the specification of TIFF 6.0, and for files above 4 GB that of BigTIFF. Of what a directory may
hold only what tells of pixels is read; whatever other programs say there is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.byte_stream import ByteStream

_TYPES = {1: "u1", 3: "u2", 4: "u4", 5: "(2,)u4", 16: "u8"}  # BYTE, SHORT, LONG, RATIONAL, LONG8
REDUCED = 1  # the bit of the subfile type of pages that are small versions of others
_DEFAULTS = {
    "subfile_type": 0, "bits": 1, "compression": 1, "fill_order": 1, "samples": 1,
    "rows_per_strip": 2**32 - 1, "resolution_unit": 2, "predictor": 1, "number_type": 1,
    "skip_bits": 7, "row_bits": 2, "col_bits": 2,
}  # fmt: skip
_TAGS = {
    254: "subfile_type", 256: "width", 257: "height", 258: "bits", 259: "compression",
    266: "fill_order", 273: "offsets", 277: "samples", 278: "rows_per_strip", 279: "byte_counts",
    282: "resolution", 296: "resolution_unit", 317: "predictor", 322: "tile_width",
    323: "tile_height", 324: "offsets", 325: "byte_counts", 339: "number_type", 65007: "skip_bits",
    65008: "col_bits", 65009: "row_bits",
}  # fmt: skip


ByteOrder = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a kind of TIFF file writes its directories, in struct's letters."""

    count: str  # of the entries of a directory
    entry: str  # tag, type, number of values
    offset: str  # of a directory, or of values that don't fit in an entry


_PLAIN, _BIG = _Layout("H", "HHI", "I"), _Layout("Q", "HHQ", "Q")


@dataclass(frozen=True, eq=False, slots=True)
class Directory:
    """What one directory says of the pixels of its page."""

    values: dict[str, NDArray[Any]]

    def __getitem__(self, name: str) -> int:
        """The first value of an entry, or what stands for it where it is missing."""
        values = self.values.get(name)
        if values is not None:
            return int(values.flat[0])
        return _DEFAULTS[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    @property
    def resolution(self) -> float | None:
        """Pixels in the unit of resolution, along x; None where there is no such number."""
        values = self.values.get("resolution")
        if values is None or values.shape[1:] != (2,) or not values[0].all():
            return None
        return float(values[0, 0]) / float(values[0, 1])


def directories(stream: ByteStream) -> tuple[ByteOrder, Iterator[Directory]]:
    """The byte order of a TIFF file ("<" or ">"), and its directories.

    Raises
    ------
    InputError
        It is no TIFF file, or one of the directories is cut short or damaged.
    """
    start = stream.start(16)
    order: ByteOrder = ">" if start[:2] == b"MM" else "<"
    if start[:4] in (b"II*\0", b"MM\0*") and len(start) >= 8:
        layout, offset = _PLAIN, struct.unpack(f"{order}I", start[4:8])[0]
    elif start[:8] in (b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0") and len(start) == 16:
        layout, offset = _BIG, struct.unpack(f"{order}Q", start[8:])[0]
    else:
        raise InputError(f"{stream.path}: not a TIFF file, or its header is damaged")
    return order, _Chain(stream, order, layout, stream.file_size).directories(offset)


@dataclass(eq=False, slots=True)
class _Chain:
    """The directories of a file, each of which says where the next one is."""

    stream: ByteStream
    order: ByteOrder
    layout: _Layout
    left: int  # bytes that have not been taken: no two directories share any

    def directories(self, offset: int) -> Iterator[Directory]:
        """The directories from `offset` on."""
        while offset:
            (count,), offset = self._unpacked(self.layout.count, offset)
            size = struct.calcsize(self.order + self.layout.entry + self.layout.offset)
            content = self._take(offset, count * size)
            entries = (content[first : first + size] for first in range(0, len(content), size))
            yield Directory(dict(self._values(entries)))
            (offset,), _ = self._unpacked(self.layout.offset, offset + count * size)

    def _values(self, entries: Iterator[bytes]) -> Iterator[tuple[str, NDArray[Any]]]:
        """The names and values of those entries that tell of pixels."""
        head = struct.calcsize(self.order + self.layout.entry)
        for entry in entries:
            tag, kind, count = struct.unpack(self.order + self.layout.entry, entry[:head])
            if tag not in _TAGS or kind not in _TYPES or not count:
                continue
            dtype = np.dtype(_TYPES[kind]).newbyteorder(self.order)
            size, content = count * dtype.itemsize, entry[head:]
            if size > len(content):
                (offset,) = struct.unpack(self.order + self.layout.offset, content)
                content = self._take(offset, size)
            yield _TAGS[tag], np.frombuffer(content[:size], dtype)

    def _unpacked(self, letters: str, offset: int) -> tuple[tuple[Any, ...], int]:
        """The values that lie at `offset`, and where they end."""
        size = struct.calcsize(self.order + letters)
        return struct.unpack(self.order + letters, self._take(offset, size)), offset + size

    def _take(self, offset: int, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise InputError(f"{self.stream.path}: its TIFF directories are damaged; copy it again")
        return self.stream.take_at(offset, size)
