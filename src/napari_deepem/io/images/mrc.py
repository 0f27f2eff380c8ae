"""The MRC format: header and numbers of one file, compressed or not, old or odd.

Rows are never flipped: the first row of the file is row 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Float32Array
from napari_deepem.io.atomic import replacing
from napari_deepem.io.images.byte_stream import ByteStream, opened
from napari_deepem.io.images.image_header import LARGEST_SIDE, ImageHeader
from napari_deepem.io.images.nibbles import unpacked

_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}  # MRC2014 modes
_PACKED = 101  # the mode of IMOD and SerialEM for numbers of 4 bits, two in a byte
_UNSUPPORTED = {3: "complex integers", 4: "complex numbers", 16: "RGB"}
_WORKING_BYTES = 4  # of a pixel: float32
_SPACINGS = 1e-3, 1e6  # A/px: others are no microscope's, so they are junk
_IMOD_STAMP, _IMOD_SIGNED = 1146047817, 1  # what IMOD's headers hold, and its flag of signed bytes
_IMOD_OFFSET = 152 - 112  # bytes of its stamp and flags, in the header's `extra2`


def read_header(path: Path) -> ImageHeader:
    """The shape, frames and pixel size of an image or a stack, of which only the header is read.

    Raises
    ------
    InputError
        The file is missing, empty, not MRC, or a volume.
    """
    header = read_mrc_header(path)
    return ImageHeader(*_shape_and_frames(path, header), spacings(header)[0])


def frames(path: Path, number: int | None) -> Iterator[NDArray[np.generic]]:
    """The (height, width) frames of an image or a stack, or that of a number, from 1.

    Each is in the file's number type, in native byte order; numbers of 4 bits become bytes.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not MRC, complex, or a volume.
    """
    with opened(path) as stream:
        header = _read_header(path, stream)
        (height, width), count = _shape_and_frames(path, header)
        is_packed = int(header["mode"]) == _PACKED
        dtype = np.dtype(np.uint8) if is_packed else _number_type(path, header)
        row_bytes = (width + 1) // 2 if is_packed else width * dtype.itemsize
        before, taken = (0, count) if number is None else (number - 1, 1)
        skipped = int(header["nsymbt"]) + before * height * row_bytes
        stream.require(
            skipped + taken * height * row_bytes,
            piece=height * row_bytes,
            working_size=height * width * _WORKING_BYTES,
        )
        stream.skip(skipped)
        for frame in range(taken):
            rows = stream.take(height * row_bytes, is_last=frame == taken - 1)
            rows = rows.reshape(height, row_bytes)
            yield unpacked(rows, width, low_first=True) if is_packed else _native(rows.view(dtype))
            del rows  # before the next ones come


def write_image(path: Path, image: Float32Array, pixel_size: float | None) -> None:
    """Write an image as mode 2, as RELION, EMAN and IMOD open it; InputError if that fails.

    It is compressed if the path ends in `.gz` or `.bz2`. No pixel size leaves the header at 0,
    which stands for unknown.
    """
    with replacing(path) as temporary:
        mrcfile.write(temporary, image, overwrite=True, voxel_size=pixel_size)


def read_mrc(
    path: Path, shape_of: Callable[[Any], tuple[int, ...]]
) -> tuple[NDArray[np.generic], Any]:
    """The numbers of an MRC file, in native byte order and the file's own type, and its header.

    Parameters
    ----------
    path
        An MRC file of mode 0, 1, 2, 6 or 12, also compressed by gzip or bzip2.
    shape_of
        Takes the header, a structured array, to the shape that is read; raises InputError where
        the file is not of the kind that is wanted.

    Returns
    -------
    tuple
        The array, and the header.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not MRC, complex or packed.
    """
    with opened(path) as stream:
        header = _read_header(path, stream)
        dtype = _number_type(path, header)
        shape = shape_of(header)
        n_numbers, extended = math.prod(shape), int(header["nsymbt"])
        n_bytes = n_numbers * dtype.itemsize
        stream.require(extended + n_bytes, piece=n_bytes, working_size=n_numbers * _WORKING_BYTES)
        stream.skip(extended)
        content = stream.take(n_bytes, is_last=True)
    return _native(content.view(dtype)).reshape(shape), header


def read_mrc_header(path: Path) -> Any:
    """The header alone, a structured array; InputError for a file that is not MRC."""
    with opened(path) as stream:
        return _read_header(path, stream)


def spacings(header: Any) -> tuple[float | None, float | None, float | None]:
    """A/px along x, y and z; None where the header does not say.

    1.0 is taken at its word, though some programs write it for unknown.
    """
    x, y, z = (_spacing(float(header["cella"][axis]), int(header[f"m{axis}"])) for axis in "xyz")
    return x, y, z


def _shape_and_frames(path: Path, header: Any) -> tuple[tuple[int, int], int]:
    """The (height, width) of each frame, and their number, of a header of images."""
    width, height, count = (int(header[side]) for side in ("nx", "ny", "nz"))
    if 0 in (width, height, count):
        raise InputError(
            f"{path}: not a micrograph, its header says {width} x {height} x {count} pixels"
        )
    if count > 1 and _is_volume(path, header):
        raise InputError(
            f"{path}: a volume of {count} slices by its header, not a micrograph; "
            "if they are frames of a movie, call it .mrcs"
        )
    return (height, width), count


def _is_volume(path: Path, header: Any) -> bool:
    """Whether a header is that of one volume, as the standard of 2014 tells it from a stack."""
    is_called_stack = ".mrcs" in path.name.lower()
    return not is_called_stack and header["ispg"] == 1 and header["mz"] == header["nz"]


def _native(numbers: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same in native byte order: torch takes no other."""
    if numbers.dtype.isnative:
        return numbers
    return numbers.byteswap(inplace=True).view(numbers.dtype.newbyteorder("="))


def _spacing(length: float, samples: int) -> float | None:
    smallest, largest = _SPACINGS
    return length / samples if samples > 0 and smallest < length / samples < largest else None


def _number_type(path: Path, header: Any) -> np.dtype[Any]:
    mode = int(header["mode"])
    if mode not in _TYPES:
        kind = _UNSUPPORTED.get(mode, "packed 4-bit")
        raise InputError(
            f"{path}: MRC mode {mode} ({kind}) is not supported; "
            "convert it to 32-bit float (mode 2)"
        )
    if mode == 0 and _has_unsigned_bytes(header):
        return np.dtype("u1")
    return np.dtype(_TYPES[mode]).newbyteorder(header["mode"].dtype.byteorder)


def _has_unsigned_bytes(header: Any) -> bool:
    """Whether bytes (mode 0) are 0 to 255, as old programs and some of IMOD's files have them.

    The standard has them signed since 2000; IMOD flags that beside its stamp. Where nothing says,
    the highest pixel may be more than a signed byte holds: `dmax`, if it is set at all.
    """
    order, content = header["mode"].dtype.byteorder, header["extra2"].tobytes()
    stamp, flags = np.frombuffer(content, f"{order}i4", count=2, offset=_IMOD_OFFSET)
    if stamp == _IMOD_STAMP and not flags & _IMOD_SIGNED:
        return True
    lowest, highest = float(header["dmin"]), float(header["dmax"])
    return 0 <= lowest <= highest and np.iinfo(np.int8).max < highest < math.inf


def _read_header(path: Path, stream: ByteStream) -> Any:
    """The header, a structured array, in the byte order in which it makes sense.

    The machine stamp and the map id are hints only: old files lack both, some have wrong ones.
    """
    content = stream.start(HEADER_DTYPE.itemsize)
    if len(content) == HEADER_DTYPE.itemsize:
        stamped = np.frombuffer(content, HEADER_DTYPE)[0]["machst"][0]
        for order in (">", "<") if stamped == 0x11 else ("<", ">"):
            header = np.frombuffer(content, HEADER_DTYPE.newbyteorder(order)).reshape(())
            if _makes_sense(header):
                return header
    raise InputError(f"{path}: not an MRC file, or its header is damaged")


def _makes_sense(header: Any) -> bool:
    sides = (int(header["nx"]), int(header["ny"]))
    return (
        int(header["mode"]) in (*_TYPES, _PACKED, *_UNSUPPORTED)
        and min(sides) >= 0
        and max(sides) <= LARGEST_SIDE
        and int(header["nz"]) >= 0
        and int(header["nsymbt"]) >= 0
    )
