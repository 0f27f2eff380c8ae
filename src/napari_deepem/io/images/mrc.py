"""The MRC format: header and numbers of one file, compressed or not, old or odd.

Rows are never flipped: the first row of the file is row 0.
"""

from __future__ import annotations

import bz2
import gzip
import math
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

import mrcfile
import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Float32Array
from napari_deepem.io.atomic import replacing

_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}  # MRC2014 modes
_UNSUPPORTED = {3: "complex integers", 4: "complex numbers", 16: "RGB", 101: "packed 4-bit"}
_LARGEST_SIDE = 1 << 17  # px: beyond any camera or montage, so a header that says so is junk


def read_image(path: Path) -> tuple[NDArray[np.generic], float | None]:
    """The (height, width) image in its own number type, and its pixel size in A.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not MRC, complex or packed, or a stack.
    """
    image, header = read_mrc(path, lambda header: _image_shape(path, header))
    return image, spacings(header)[0]


def read_shape(path: Path) -> tuple[int, int]:
    """(height, width) of an image, of which only the header is read; raises as `read_image`."""
    return _image_shape(path, read_header(path))


def read_pixel_size(path: Path) -> float | None:
    """A/px of an image, of which only the header is read; InputError for a file that is no MRC."""
    return spacings(read_header(path))[0]


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
    _require_file(path)
    with _opened(path) as stream:
        header = _read_header(path, stream)
        dtype = _number_type(path, header)
        shape = shape_of(header)
        size = math.prod(shape) * dtype.itemsize
        stream.seek(HEADER_DTYPE.itemsize + int(header["nsymbt"]))
        content = _read_bytes(stream, size)
        stream.read(1)  # at its end gzip checks what it gave
    if len(content) < size:
        raise InputError(f"{path}: cut short, its pixels are not all there; copy it again")
    # torch takes native byte order only; nothing is copied where it is native already.
    numbers = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False)
    return numbers.reshape(shape), header


def read_header(path: Path) -> Any:
    """The header alone, a structured array; InputError for a file that is not MRC."""
    _require_file(path)
    with _opened(path) as stream:
        return _read_header(path, stream)


def spacings(header: Any) -> tuple[float | None, float | None, float | None]:
    """A/px along x, y and z; None where the header does not say.

    1.0 is taken at its word, though some programs write it for unknown.
    """
    x, y, z = (_spacing(float(header["cella"][axis]), int(header[f"m{axis}"])) for axis in "xyz")
    return x, y, z


def _image_shape(path: Path, header: Any) -> tuple[int, int]:
    """(height, width) of a header that describes one image."""
    width, height, frames = (int(header[side]) for side in ("nx", "ny", "nz"))
    if 0 in (width, height, frames):
        raise InputError(
            f"{path}: not a micrograph, its header says {width} x {height} x {frames} pixels"
        )
    if frames > 1:
        raise InputError(
            f"{path}: a stack of {frames} frames or slices, not one micrograph; "
            "motion-correct or average its frames first"
        )
    return height, width


def _spacing(length: float, samples: int) -> float | None:
    if samples <= 0 or not np.isfinite(length) or length <= 0:
        return None
    return length / samples


def _number_type(path: Path, header: Any) -> np.dtype[Any]:
    mode = int(header["mode"])
    if mode in _UNSUPPORTED:
        raise InputError(
            f"{path}: MRC mode {mode} ({_UNSUPPORTED[mode]}) is not supported; "
            "convert it to 32-bit float (mode 2)"
        )
    return np.dtype(_TYPES[mode]).newbyteorder(header["mode"].dtype.byteorder)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed, to read; what goes wrong is said as an InputError."""
    try:
        with path.open("rb") as file:
            magic = file.read(3)  # neither magic can start an MRC file: it would be too wide
            file.seek(0)
            if magic == b"\x1f\x8b\x08":
                with gzip.open(file) as gunzipped:
                    yield cast(IO[bytes], gunzipped)
            elif magic == b"BZh":
                with bz2.open(file) as stream:
                    yield stream
            else:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: compressed file is damaged or cut short; copy it again"
        ) from error
    except OSError as error:  # bz2 raises it too, without an errno
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise InputError(f"{path}: larger than the memory; bin it first") from error


def _read_bytes(stream: IO[bytes], count: int) -> bytearray | NDArray[np.uint8]:
    """At most `count` bytes of a stream, without making room for more than there are.

    A damaged header may ask for terabytes: a plain file says how long it is, a compressed one is
    read piece by piece.
    """
    if isinstance(stream, BufferedReader):
        n_left = max(0, os.fstat(stream.fileno()).st_size - stream.tell())
        whole = np.empty(min(count, n_left), dtype=np.uint8)
        return whole[: stream.readinto(whole.data)]
    content = bytearray()
    while len(content) < count:
        piece = stream.read(min(count - len(content), 1 << 26))
        if not piece:
            break
        content += piece
    return content


def _read_header(path: Path, stream: IO[bytes]) -> Any:
    """The header, a structured array, in the byte order in which it makes sense.

    The machine stamp and the map id are hints only: old files lack both, some have wrong ones.
    """
    content = stream.read(HEADER_DTYPE.itemsize)
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
        (int(header["mode"]) in _TYPES or int(header["mode"]) in _UNSUPPORTED)
        and min(sides) >= 0
        and max(sides) <= _LARGEST_SIDE
        and int(header["nz"]) >= 0
        and int(header["nsymbt"]) >= 0
    )


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a file; name a file in it")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: empty file; copy it again")
