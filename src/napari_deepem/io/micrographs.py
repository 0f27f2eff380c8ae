"""MRC files in and out. Rows are never flipped: the first row of the file is row 0."""

from __future__ import annotations

import bz2
import glob
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import mrcfile
import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.io.atomic import replacing

MICROGRAPH_SUFFIXES = (".mrc", ".mrc.gz", ".mrc.bz2")
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}  # MRC2014 modes
_UNSUPPORTED = {3: "complex integers", 4: "complex numbers", 16: "RGB", 101: "packed 4-bit"}
_LARGEST_SIDE = 1 << 17  # px: beyond any camera or montage, so a header that says so is junk
_COMPRESSION = re.compile(r"\.(gz|bz2)$", re.IGNORECASE)
_IMAGE_SUFFIX = re.compile(r"\.(mrcs?|map|rec|tiff?|eer)$", re.IGNORECASE)


def read_micrograph(path: str | Path) -> Micrograph:
    """Read one MRC image, also `.gz` or `.bz2`, old or odd header or not.

    Parameters
    ----------
    path
        An MRC file of mode 0, 1, 2, 6 or 12 with one frame.

    Returns
    -------
    Micrograph
        Its image is read-only and keeps the file's number type, (height, width), in native byte
        order. Its pixel size is None where the header says nothing or 0.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, not MRC, complex or packed, a stack, not finite
        everywhere, or the same number everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import read_micrograph
    >>> from napari_deepem.io.micrographs import write_mrc
    >>> image = np.random.default_rng(0).normal(size=(400, 600)).astype(np.float32)
    >>> write_mrc("grid1_0001.mrc", image, pixel_size=1.5)
    >>> micrograph = read_micrograph("grid1_0001.mrc")
    >>> micrograph.name, micrograph.shape, micrograph.pixel_size
    ('grid1_0001', (400, 600), 1.5)
    """
    path = Path(path)
    _require_file(path)
    with _opened(path) as stream:
        header = _read_header(path, stream)
        height, width, dtype = _image_layout(path, header)
        stream.seek(HEADER_DTYPE.itemsize + int(header["nsymbt"]))
        content = _read_bytes(stream, height * width * dtype.itemsize)
        stream.read(1)  # at its end gzip checks what it gave
    if len(content) < height * width * dtype.itemsize:
        raise InputError(f"{path}: cut short, its pixels are not all there; copy it again")
    # torch takes native byte order only; nothing is copied where it is native already.
    image = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False)
    _require_content(path, image)
    image = image.reshape(height, width)
    image.flags.writeable = False
    return Micrograph(image, micrograph_name(path), _pixel_size(header), path)


def micrograph_name(path: str | Path) -> str:
    """Return the file's name without folders and image suffixes: 'sum/a.mrc.gz' is 'a'.

    Dots that don't start an image suffix belong to the name: 'May08_04.32.27' stays. Both kinds of
    slash part folders, because a STAR file may come from another system.
    """
    file_name = re.split(r"[\\/]", str(path))[-1]
    return _IMAGE_SUFFIX.sub("", _COMPRESSION.sub("", file_name)) or file_name


def find_micrographs(arguments: Iterable[str | Path]) -> list[Path]:
    """List the micrographs that files, glob patterns and folders stand for.

    Returns
    -------
    list of Path
        In the order of the arguments, sorted within a pattern or a folder, each file once.

    Raises
    ------
    InputError
        An argument stands for nothing, or two files have the same name, by which picks are matched.
    """
    found: dict[Path, Path] = {}  # resolved: as given
    for argument in arguments:
        for path in _matches(str(argument)):
            found.setdefault(path.resolve(), path)
    if not found:
        raise InputError("no micrographs given; name at least one .mrc file or a folder of them")
    by_name: dict[str, Path] = {}
    for path in found.values():
        other = by_name.setdefault(micrograph_name(path), path)
        if other is not path:
            raise InputError(
                f"{other} and {path} have the same name, by which picks are matched; "
                "give them one at a time or rename one"
            )
    return list(found.values())


def write_mrc(path: str | Path, image: NDArray[Any], pixel_size: float | None) -> None:
    """Write an image as MRC mode 2, as RELION, EMAN and IMOD open it.

    Parameters
    ----------
    path
        Where to; compressed if it ends in `.gz` or `.bz2`.
    image
        (height, width) real numbers, written as float32.
    pixel_size
        A/px; None leaves the header at 0, which stands for unknown.

    Raises
    ------
    InputError
        The file cannot be written there.
    """
    if image.ndim != 2:
        raise ValueError(f"an image has two axes, not {image.ndim}")
    with replacing(path) as temporary:
        mrcfile.write(temporary, image.astype(np.float32), overwrite=True, voxel_size=pixel_size)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open for reading, decompressed, with what goes wrong said as an InputError."""
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


def _read_bytes(stream: IO[bytes], count: int) -> bytearray:
    """Read at most `count` bytes, piece by piece: a damaged header may ask for terabytes."""
    content = bytearray()
    while len(content) < count:
        piece = stream.read(min(count - len(content), 1 << 26))
        if not piece:
            break
        content += piece
    return content


def _read_header(path: Path, stream: IO[bytes]) -> Any:
    """Return the header, a structured array, in the byte order in which it makes sense.

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


def _image_layout(path: Path, header: Any) -> tuple[int, int, np.dtype[Any]]:
    """Return height, width and number type of a header that describes one readable image."""
    width, height, frames = int(header["nx"]), int(header["ny"]), int(header["nz"])
    mode = int(header["mode"])
    if mode in _UNSUPPORTED:
        raise InputError(
            f"{path}: MRC mode {mode} ({_UNSUPPORTED[mode]}) is not supported; "
            "convert it to 32-bit float (mode 2)"
        )
    if 0 in (width, height, frames):
        raise InputError(
            f"{path}: not a micrograph, its header says {width} x {height} x {frames} pixels"
        )
    if frames > 1:
        raise InputError(
            f"{path}: a stack of {frames} frames or slices, not one micrograph; "
            "motion-correct or average its frames first"
        )
    return height, width, np.dtype(_TYPES[mode]).newbyteorder(header["mode"].dtype.byteorder)


def _pixel_size(header: Any) -> float | None:
    """A/px along x. 1.0 is taken at its word, though some programs write it for unknown."""
    length, samples = float(header["cella"]["x"]), int(header["mx"])
    if samples <= 0 or not np.isfinite(length) or length <= 0:
        return None
    return length / samples


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a micrograph; name a file in it")
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: empty file; copy it again")


def _require_content(path: Path, image: NDArray[Any]) -> None:
    wrong = 0 if image.dtype.kind in "iu" else image.size - np.count_nonzero(np.isfinite(image))
    if wrong:
        raise InputError(
            f"{path}: {wrong} of {image.size} pixels are NaN or infinite; "
            "repair it, or leave it out"
        )
    if image.min() == image.max():
        raise InputError(
            f"{path}: every pixel is {image.flat[0]}, so there is nothing to see; leave it out"
        )


def _matches(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if _is_micrograph(file))
    elif path.exists():
        found = [path]
    elif glob.has_magic(argument):
        matched = (Path(name) for name in glob.glob(argument, recursive=True))  # noqa: PTH207  it may be absolute
        found = sorted(file for file in matched if _is_micrograph(file))
    else:
        raise InputError(f"{argument}: no such file or folder; check the path")
    if not found:
        raise InputError(f"{argument}: no micrographs there ({', '.join(MICROGRAPH_SUFFIXES)})")
    return found


def _is_micrograph(path: Path) -> bool:
    named_so = path.name.lower().endswith(MICROGRAPH_SUFFIXES) and not path.name.startswith(".")
    return named_so and path.is_file()
