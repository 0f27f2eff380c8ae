"""Micrographs in and out, and other images of their kind; `formats` has the list of formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.io.images.formats import SUFFIXES, format_of
from napari_deepem.io.images.listing import (
    files_of_several_names,
    find_micrographs,
    list_micrographs,
    micrograph_name,
)

__all__ = [
    "SUFFIXES",
    "files_of_several_names",
    "find_micrographs",
    "list_micrographs",
    "micrograph_name",
    "read_micrograph",
    "read_pixel_size",
    "read_shape",
    "write_image",
]


def read_micrograph(path: str | Path) -> Micrograph:
    """The micrograph of a file: one MRC image, also `.gz` or `.bz2`, old or odd header or not.

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
        everywhere, the same number everywhere, or larger than the memory; or it is compressed, and
        its header asks for more than such a file holds.

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
    image, pixel_size = format_of(path).read_image(path)
    _require_content(path, image)
    image.flags.writeable = False
    return Micrograph(image, micrograph_name(path), pixel_size, path)


def read_shape(path: str | Path) -> tuple[int, int]:
    """(height, width) of a micrograph, of which only the header is read.

    Raises
    ------
    InputError
        The file is missing, empty, not MRC, or a stack.
    """
    path = Path(path)
    return format_of(path).read_shape(path)


def read_pixel_size(path: str | Path) -> float | None:
    """A/px of a micrograph, of which only the header is read; None where it does not say.

    Raises
    ------
    InputError
        The file is missing, empty or not MRC.
    """
    path = Path(path)
    return format_of(path).read_pixel_size(path)


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
    format_of(path).write_image(path, image.astype(np.float32), pixel_size)


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
