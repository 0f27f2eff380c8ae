"""Micrographs in and out, and other images of their kind; `formats` has the list of formats."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.io.images.formats import DATA_SUFFIXES, SUFFIXES, format_of
from napari_deepem.io.images.frames import mean_of, split_frame
from napari_deepem.io.images.image_header import ImageHeader
from napari_deepem.io.images.listing import (
    files_of_several_names,
    find_micrographs,
    list_micrographs,
    micrograph_name,
    natural_order,
)

__all__ = [
    "DATA_SUFFIXES",
    "SUFFIXES",
    "files_of_several_names",
    "find_micrographs",
    "list_micrographs",
    "micrograph_name",
    "natural_order",
    "read_micrograph",
    "read_pixel_size",
    "read_shape",
    "remarks_on",
    "split_frame",
    "write_image",
]


def read_micrograph(path: str | Path, pixel_size: float | None = None) -> Micrograph:
    """The micrograph of a file: MRC, also `.gz` or `.bz2`, with any header; TIFF; a picture.

    Parameters
    ----------
    path
        An MRC file of mode 0, 1, 2, 6, 12 or 101, a TIFF, PNG or JPEG. Of a stack of frames the
        mean is taken, or the frame that is asked for: `000003@movie.mrcs`, see `frames`.
    pixel_size
        A/px, whatever the file says; None: what the file says.

    Returns
    -------
    Micrograph
        Its image is read-only and keeps the file's number type, (height, width), in native byte
        order; a mean is float32. Its pixel size is None where the header says nothing or 0. The
        rows of a TIFF are flipped, so that it is the array of the MRC file of the same image.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, of another kind, complex, in colour, a volume, not
        finite everywhere, the same number everywhere, or larger than the memory; or it is
        compressed, and its header asks for more than such a file holds.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import read_micrograph
    >>> from napari_deepem.io.images import write_image
    >>> image = np.random.default_rng(0).normal(size=(400, 600)).astype(np.float32)
    >>> write_image("grid1_0001.mrc", image, pixel_size=1.5)
    >>> micrograph = read_micrograph("grid1_0001.mrc")
    >>> micrograph.name, micrograph.shape, micrograph.pixel_size
    ('grid1_0001', (400, 600), 1.5)
    """
    path = Path(path)
    header, number = _header_of(path)
    file, _ = split_frame(path)
    image = mean_of(format_of(file).frames(file, number))
    _require_content(path, image)
    image.flags.writeable = False
    remark = _remark(path, header, number)
    pixel_size = pixel_size or header.pixel_size
    return Micrograph(image, micrograph_name(path), pixel_size, path, remark)


def read_shape(path: str | Path) -> tuple[int, int]:
    """(height, width) of a micrograph, of which only the header is read; of a movie, of a frame.

    Raises
    ------
    InputError
        The file is missing, empty, of another kind, or a volume.
    """
    return _header_of(Path(path))[0].shape


def read_pixel_size(path: str | Path) -> float | None:
    """A/px of a micrograph, of which only the header is read; None where it does not say.

    Raises
    ------
    InputError
        The file is missing, empty, of another kind, or a volume.
    """
    return _header_of(Path(path))[0].pixel_size


def write_image(path: str | Path, image: NDArray[Any], pixel_size: float | None) -> None:
    """Write an image in the format of its suffix: MRC mode 2, as RELION, EMAN and IMOD open it.

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
    path = Path(path)
    write = format_of(path).write_image
    if write is None:
        raise InputError(f"{path}: images are written as MRC; call it .mrc")
    write(path, image.astype(np.float32), pixel_size)


def _header_of(path: Path) -> tuple[ImageHeader, int | None]:
    """The header of the file that a path leads to, and the number of the frame it asks for."""
    file, number = split_frame(path)
    header = format_of(file).read_header(file)
    if number is not None and not 1 <= number <= header.frames:
        raise InputError(f"{file}: no frame {number}; it has 1 to {header.frames}")
    return header, number


def remarks_on(paths: Iterable[Path]) -> list[str]:
    """One line for each kind of file of which something else is read than a user may expect.

    The header of the first file of a kind is read; what can't be is left to who reads all of it.
    """
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        kinds.setdefault(path.suffix.lower(), []).append(path)
    remarks = []
    for suffix, files in kinds.items():
        with suppress(InputError):
            remark = _remark(files[0], *_header_of(files[0]))
            more = f" (the first of {len(files)} {suffix} files)" if len(files) > 1 else ""
            remarks += [remark + more] if remark else []
    return remarks


def _remark(path: Path, header: ImageHeader, number: int | None) -> str:
    """One line on what was read, where a user may expect something else; else empty."""
    if not format_of(path).is_data:
        return (
            f"{path.name} is a picture for a look, no data: "
            "its grey values are not what was recorded"
        )
    if header.frames > 1 and number is None:
        return (
            f"{path.name}: the {format_of(path).combines} of its {header.frames} frames, which "
            f"are not aligned; for one of them give 1@{path.name}"
        )
    return ""


def _require_content(path: Path, image: NDArray[Any]) -> None:
    low, high = image.min(), image.max()  # NaN if one pixel is
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = image.size - np.count_nonzero(np.isfinite(image))
        raise InputError(
            f"{path}: {wrong} of {image.size} pixels are NaN or infinite; "
            "repair it, or leave it out"
        )
    if low == high:
        raise InputError(f"{path}: every pixel is {low}, so there is nothing to see; leave it out")
