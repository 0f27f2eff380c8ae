"""The TIFF format: micrographs, and movies with a page a frame.

Rows are flipped, here and nowhere else: the first row of the array is the last one of the file.
EMAN, IMOD, SerialEM, MotionCor2 and RELION (`src/rwTIFF.h`) do so whenever they read or write a
TIFF file, so what is read is the array of the MRC file that any of them would make of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.byte_stream import LARGEST_EXPANSION, ByteStream, opened
from napari_deepem.io.images.image_header import LARGEST_SIDE, ImageHeader
from napari_deepem.io.images.nibbles import unpacked
from napari_deepem.io.images.tiff_directories import (
    REDUCED,
    ByteOrder,
    Directory,
    directories,
)

_NUMBER_TYPES = {
    (1, 4): "u1", (1, 8): "u1", (1, 16): "u2", (1, 32): "u4", (2, 8): "i1", (2, 16): "i2",
    (2, 32): "i4", (3, 16): "f2", (3, 32): "f4", (3, 64): "f8",
}  # fmt: skip
_UNSIGNED, _FLOAT = 1, 3  # kinds of numbers, of which 2 are signed
_LZW, _DEFLATES, _PACKBITS = 5, (8, 32946), 32773
_COMPRESSIONS = (1, _LZW, *_DEFLATES, _PACKBITS)
_HORIZONTAL, _FLOATING = 2, 3  # predictors: what differences of neighbours are stored
# (height, width) of images of 8 bits that in truth hold two numbers of 4 bits in a byte, which
# nothing else in the file tells: half the width of a K2 or K3 camera in super-resolution, as in
# RELION's `rwTIFF.h` and IMOD's `sizeCanBe4BitK2SuperRes`
_HALVED = {
    (8184, 5760), (5760, 8184), (11520, 4092), (4092, 11520),
    (7676, 3710), (3710, 7676), (7420, 3838), (3838, 7420),
}  # fmt: skip
_LARGEST_MOVIE_EXPANSION = 50  # times the file: frames of 0.05 electrons a pixel reach 20
_SPACINGS = 1e-2, 1e4  # A/px: beyond, a resolution is meant for printers (25 000 dpi is 1e4)
_ANGSTROM_OF = {2: 2.54e8, 3: 1e8}  # of the units of resolution, inch and centimetre


@dataclass(frozen=True, eq=False, slots=True)
class _Page:
    """One frame as it is stored: chunks of rows (strips) or of tiles, from the top on."""

    shape: tuple[int, int]  # (height, width) of the numbers
    bits: int  # of a number
    dtype: np.dtype[Any]  # of a number that is unpacked, in the file's byte order
    low_first: bool  # of numbers of 4 bits
    chunk: tuple[int, int]  # (height, width)
    is_tiled: bool
    compression: int
    predictor: int
    offsets: NDArray[Any]
    byte_counts: NDArray[Any]

    @property
    def n_bytes(self) -> int:
        """The bytes of the frame, unpacked."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize


def read_header(path: Path) -> ImageHeader:
    """The shape, frames and pixel size, of which only the directories are read.

    Raises
    ------
    InputError
        The file is missing, empty, not TIFF, in colour, or of a kind that is not supported.
    """
    with opened(path) as stream:
        first, count, pixel_size = None, 0, None
        for order, directory in _images_in(stream):
            page = _page(path, order, directory)
            if first is None:
                first, pixel_size = page, _pixel_size(directory)
            if (page.shape, page.dtype) != (first.shape, first.dtype):
                raise InputError(f"{path}: its pages are not alike, so no movie; save one of them")
            count += 1
        if first is None:
            raise InputError(f"{path}: no image in it; leave it out")
        stream.require_likely_size(count * first.n_bytes, _LARGEST_MOVIE_EXPANSION)
        return ImageHeader(first.shape, count, pixel_size)


def frames(path: Path, number: int | None) -> Iterator[NDArray[Any]]:
    """The (height, width) frames, or that of a number, from 1, as `mrc.frames` gives them.

    Raises
    ------
    InputError
        As `read_header` does, or the file is truncated or damaged.
    """
    with opened(path) as stream:
        left = stream.file_size
        for index, (order, directory) in enumerate(_images_in(stream), start=1):
            if number not in (None, index):
                continue
            page = _page(path, order, directory)
            left -= int(page.byte_counts.sum(dtype=np.float64))
            if left < 0:  # no two strips share bytes, so it is cut short, or would take for ever
                raise stream.cut_short()
            working_size = page.shape[0] * page.shape[1] * np.dtype(np.float32).itemsize
            stream.require_likely_size(page.n_bytes, LARGEST_EXPANSION)
            stream.require_memory(page.n_bytes + working_size)
            yield _frame(stream, page)


def _images_in(stream: ByteStream) -> Iterator[tuple[ByteOrder, Directory]]:
    """The directories of images in full size, each with the byte order of the file."""
    order, all_directories = directories(stream)
    for directory in all_directories:
        if not directory["subfile_type"] & REDUCED:
            yield order, directory


def _page(path: Path, order: ByteOrder, directory: Directory) -> _Page:
    """What a directory says, if it can be read at all."""
    if not {"width", "height", "offsets", "byte_counts"} <= directory.values.keys():
        raise _damaged(path)
    height, width, bits = (directory[name] for name in ("height", "width", "bits"))
    name = _number_type(path, directory)
    is_tiled = "tile_width" in directory and "tile_height" in directory
    chunk = min(directory["rows_per_strip"], height), width
    if is_tiled:
        chunk = directory["tile_height"], directory["tile_width"]
    if min(height, width, *chunk) <= 0 or max(height, width, *chunk) > LARGEST_SIDE:
        raise _damaged(path)
    count = _ceil(height, chunk[0]) * _ceil(width, chunk[1])
    offsets, byte_counts = directory.values["offsets"], directory.values["byte_counts"]
    if count > min(len(offsets), len(byte_counts)):
        raise _damaged(path)
    halves = 2 if _is_halved(directory) else 1
    return _Page(
        shape=(height, halves * width),
        bits=bits // halves,
        dtype=np.dtype(name).newbyteorder(order),
        low_first=halves == 2,
        chunk=(chunk[0], halves * chunk[1]),
        is_tiled=is_tiled,
        compression=directory["compression"],
        predictor=directory["predictor"],
        offsets=offsets[:count],
        byte_counts=byte_counts[:count],
    )


def _number_type(path: Path, directory: Directory) -> str:
    """The type of the numbers, as numpy names it, if they are stored in a way that can be read."""
    bits, kind, compression, predictor = (
        directory[name] for name in ("bits", "number_type", "compression", "predictor")
    )
    if directory["samples"] != 1:
        raise InputError(f"{path}: a TIFF in colour, not a micrograph; save it in grey")
    if compression not in _COMPRESSIONS:
        raise InputError(f"{path}: TIFF compression {compression} is not supported; save it as LZW")
    name = _NUMBER_TYPES.get((kind, bits))
    of_neighbours = _FLOATING if kind == _FLOAT else _HORIZONTAL
    has_bytes = bits >= 8 and not _is_halved(directory)
    is_sound = predictor == 1 or (predictor == of_neighbours and has_bytes)
    if name is None or directory["fill_order"] != 1 or not is_sound:
        raise InputError(
            f"{path}: TIFF of {bits} bits, format {kind}, predictor {predictor} is not supported; "
            "save it as 32-bit float"
        )
    return name


def _is_halved(directory: Directory) -> bool:
    """Whether each byte holds two numbers, which nothing but the size of the image tells."""
    is_unsigned_byte = directory["bits"] == 8 and directory["number_type"] == _UNSIGNED
    return is_unsigned_byte and (directory["height"], directory["width"]) in _HALVED


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: its TIFF directories are damaged; copy it again")


def _frame(stream: ByteStream, page: _Page) -> NDArray[Any]:
    """(height, width) numbers in native byte order, the last row of the file first."""
    (height, width), (chunk_height, chunk_width) = page.shape, page.chunk
    image = np.empty(page.shape, dtype=page.dtype.newbyteorder("="))
    rows_of_file = image[::-1]
    across = _ceil(width, chunk_width)
    row_bytes = (chunk_width * page.bits + 7) // 8
    stream.require_likely_size(chunk_height * row_bytes, LARGEST_EXPANSION)
    places = zip(page.offsets.tolist(), page.byte_counts.tolist(), strict=True)
    for index, (offset, count) in enumerate(places):
        top, left = index // across * chunk_height, index % across * chunk_width
        n_rows = chunk_height if page.is_tiled else min(chunk_height, height - top)
        stored = stream.take_at(offset, count)
        content = _decompressed(stream, page.compression, stored, n_rows * row_bytes)
        part = rows_of_file[top : top + chunk_height, left : left + chunk_width]
        rows = np.frombuffer(content, np.uint8).reshape(n_rows, row_bytes)
        part[...] = _numbers(page, rows)[: part.shape[0], : part.shape[1]]
    return image


def _decompressed(stream: ByteStream, compression: int, stored: bytes, size: int) -> bytes:
    """The first `size` bytes of what is stored; InputError where there are not so many."""
    import imagecodecs  # by far most micrographs do without

    try:
        if compression == _LZW:
            content = bytes(imagecodecs.lzw_decode(stored, out=size))
        elif compression == _PACKBITS:
            content = bytes(imagecodecs.packbits_decode(stored, out=size))
        elif compression in _DEFLATES:
            content = zlib.decompressobj().decompress(stored, size)
        else:
            content = stored[:size]
    except (imagecodecs.LzwError, imagecodecs.PackbitsError, zlib.error) as error:
        raise InputError(f"{stream.path}: compressed file is damaged; copy it again") from error
    if len(content) < size:
        raise stream.cut_short()
    return content


def _numbers(page: _Page, rows: NDArray[np.uint8]) -> NDArray[Any]:
    """(height, width) numbers of the bytes of rows."""
    if page.bits == 4:
        return unpacked(rows, page.chunk[1], low_first=page.low_first)
    if page.predictor == _FLOATING:  # Adobe's technical note 3: the first bytes of all numbers, ...
        planes = np.add.accumulate(rows, axis=1, dtype=np.uint8)
        planes = planes.reshape(len(rows), page.dtype.itemsize, -1)
        content = np.ascontiguousarray(planes.transpose(0, 2, 1)).reshape(len(rows), -1)
        return content.view(page.dtype.newbyteorder(">"))
    numbers = rows.view(page.dtype)
    if page.predictor == _HORIZONTAL:
        numbers = np.add.accumulate(numbers, axis=1, dtype=page.dtype.newbyteorder("="))
    return numbers


def _pixel_size(directory: Directory) -> float | None:
    """A/px of a page, as SerialEM and IMOD write it and RELION reads it; None if it says nothing.

    Nor where the resolution is one for printers, as other programs write it.
    """
    resolution, unit = directory.resolution, directory["resolution_unit"]
    if resolution is None or unit not in _ANGSTROM_OF:
        return None
    smallest, largest = _SPACINGS
    pixel_size = _ANGSTROM_OF[unit] / resolution
    return pixel_size if smallest < pixel_size < largest else None


def _ceil(length: int, part: int) -> int:
    return -(-length // part)
