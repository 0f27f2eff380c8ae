"""The image formats, told apart by suffix.

To add one: a module with the four functions of a `Format`, and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array
from napari_deepem.io.images import mrc


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of image file; the registry is a tuple of these."""

    suffixes: tuple[str, ...]  # in small letters
    read_image: Callable[[Path], tuple[NDArray[np.generic], float | None]]  # and A/px
    read_shape: Callable[[Path], tuple[int, int]]  # (height, width), from the header alone
    read_pixel_size: Callable[[Path], float | None]  # A/px, from the header alone
    write_image: Callable[[Path, Float32Array, float | None], None]


FORMATS = (
    Format(
        suffixes=(".mrc", ".mrc.gz", ".mrc.bz2"),
        read_image=mrc.read_image,
        read_shape=mrc.read_shape,
        read_pixel_size=mrc.read_pixel_size,
        write_image=mrc.write_image,
    ),
)
SUFFIXES = tuple(suffix for format in FORMATS for suffix in format.suffixes)


def format_of(path: Path) -> Format:
    """The format of a file by its suffix; that of MRC, which has many, for any other."""
    name = path.name.lower()
    return next((each for each in FORMATS if name.endswith(each.suffixes)), FORMATS[0])
