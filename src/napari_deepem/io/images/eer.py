"""The EER format of Falcon cameras: a TIFF file in which each page lists the electrons of a frame.

By Thermo Fisher's specification of Electron Event Representation, decoded by imagecodecs. Electrons
are counted on the camera's pixels; where in a pixel they came down is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.byte_stream import LARGEST_EXPANSION, ByteStream, opened
from napari_deepem.io.images.image_header import LARGEST_SIDE, ImageHeader
from napari_deepem.io.images.tiff_directories import Directory, directories

_VERSIONS = 65000, 65001, 65002  # TIFF compressions
_SKIP_BITS = {65000: 8, 65001: 7}  # of the distance to the next electron; the last one says it
_MOST_BITS = 16  # of an electron, as the specification has it


def read_header(path: Path) -> ImageHeader:
    """The shape and the frames, of which only the directories are read; it has no pixel size.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, or no EER.
    """
    with opened(path) as stream:
        shape, count = None, 0
        for directory in _event_lists(stream):
            shape = shape or _shape(stream, directory)
            count += 1
        if shape is None:
            raise InputError(f"{path}: no electrons in it, so no EER file; leave it out")
        return ImageHeader(shape, count, None)


def frames(path: Path, number: int | None) -> Iterator[NDArray[Any]]:
    """One (height, width) image of uint16: the electrons of all frames, or of that of a number.

    Raises
    ------
    InputError
        As `read_header` does, or the file is truncated.
    """
    with opened(path) as stream:
        image, left = None, stream.file_size
        for index, directory in enumerate(_event_lists(stream), start=1):
            if number in (None, index):
                shape = _shape(stream, directory)
                if image is None:
                    image = np.zeros(shape, dtype=np.uint16)
                left -= _count(stream, directory, image)
                if left < 0:  # no two frames share bytes
                    raise stream.cut_short()
    assert image is not None
    yield image


def _event_lists(stream: ByteStream) -> Iterator[Directory]:
    """The directories of frames; the first page of a file may be an image of them all."""
    _, all_directories = directories(stream)
    return (each for each in all_directories if each["compression"] in _VERSIONS)


def _shape(stream: ByteStream, directory: Directory) -> tuple[int, int]:
    """(height, width) in camera pixels, if it is likely."""
    needed = {"width", "height", "offsets", "byte_counts"}
    if not needed <= directory.values.keys():
        raise _damaged(stream)
    height, width = directory["height"], directory["width"]
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        raise _damaged(stream)
    size = height * width * np.dtype(np.uint16).itemsize
    stream.require_likely_size(size, LARGEST_EXPANSION)
    stream.require_memory(3 * size)
    return height, width


def _count(stream: ByteStream, directory: Directory, image: NDArray[np.uint16]) -> int:
    """Add the electrons of a frame to an image; returns the bytes that they are stored in."""
    import imagecodecs  # by far most micrographs do without

    if (directory["height"], directory["width"]) != image.shape:
        raise _damaged(stream)
    places = directory.values["offsets"], directory.values["byte_counts"]
    pieces = zip(*(each.tolist() for each in places), strict=False)
    content = b"".join(stream.take_at(offset, count) for offset, count in pieces)
    bits = (
        _SKIP_BITS.get(directory["compression"], directory["skip_bits"]),
        directory["col_bits"],
        directory["row_bits"],
    )
    if bits[0] < 4 or min(bits) < 1 or not 8 < sum(bits) <= _MOST_BITS:
        raise _damaged(stream)
    try:
        imagecodecs.eer_decode(content, image.shape, *bits, out=image)
    except imagecodecs.EerError as error:
        raise _damaged(stream) from error
    return len(content)


def _damaged(stream: ByteStream) -> InputError:
    return InputError(f"{stream.path}: damaged or cut short; copy it again")
