"""The image formats, told apart by suffix.

To add one: a module with the functions of a `Format`, and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array
from napari_deepem.io.images import eer, mrc, png_jpeg, tiff
from napari_deepem.io.images.image_header import ImageHeader


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of image file; the registry is a tuple of these."""

    suffixes: tuple[str, ...]  # in small letters
    read_header: Callable[[Path], ImageHeader]
    # the (height, width) frames, one after the other, or the one of a number, from 1
    frames: Callable[[Path, int | None], Iterator[NDArray[Any]]]
    write_image: Callable[[Path, Float32Array, float | None], None] | None = None
    tier: int = 0  # of what lies in a folder, the lowest tier that is there is what is listed
    combines: str = "mean"  # what all frames make together
    is_data: bool = True  # whether its grey values are what was recorded


FORMATS = (
    Format(
        suffixes=(".mrc", ".mrc.gz", ".mrc.bz2"),
        read_header=mrc.read_header,
        frames=mrc.frames,
        write_image=mrc.write_image,
    ),
    Format(suffixes=(".tif", ".tiff"), read_header=tiff.read_header, frames=tiff.frames),
    Format(suffixes=(".eer",), read_header=eer.read_header, frames=eer.frames, combines="sum"),
    Format(  # movies, but particles that were cut out of micrographs are called so as well
        suffixes=(".mrcs", ".mrcs.gz", ".mrcs.bz2"),
        read_header=mrc.read_header,
        frames=mrc.frames,
        tier=1,
    ),
    Format(
        suffixes=(".png", ".jpg", ".jpeg"),
        read_header=png_jpeg.read_header,
        frames=png_jpeg.frames,
        tier=2,
        is_data=False,
    ),
)
SUFFIXES = tuple(suffix for format in FORMATS for suffix in format.suffixes)
DATA_SUFFIXES = tuple(s for format in FORMATS if format.is_data for s in format.suffixes)


def format_of(path: Path | str) -> Format:
    """The format of a file by its suffix; that of MRC, which has many, for any other."""
    name = Path(path).name.lower()
    return next((each for each in FORMATS if name.endswith(each.suffixes)), FORMATS[0])
