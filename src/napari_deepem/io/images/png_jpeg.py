"""PNG and JPEG pictures of micrographs, for a look: their grey values are not what was recorded.

The first row of the array is the one at the top, as other viewers show it.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_deepem.core.errors import InputError
from napari_deepem.io.images.byte_stream import LARGEST_EXPANSION, opened
from napari_deepem.io.images.image_header import ImageHeader

_WORKING_BYTES = 4  # of a pixel, while colours become grey
_GREY = ("L", "I;16", "I;16B", "I")


def read_header(path: Path) -> ImageHeader:
    """The shape of a picture; its pixel size is for printers. InputError if it is no picture."""
    with _picture(path) as picture:
        return ImageHeader((picture.height, picture.width), 1, None)


def frames(path: Path, number: int | None) -> Iterator[NDArray[np.generic]]:
    """The (height, width) picture in grey; InputError if it is none, truncated or damaged."""
    with _picture(path) as picture, _explained(path):
        image = np.array(picture if picture.mode in _GREY else picture.convert("L"))
    yield image.astype(image.dtype.newbyteorder("="), copy=False)


@contextmanager
def _picture(path: Path) -> Iterator[Image.Image]:
    """A picture, of which only the header is read as yet, and whose size is likely."""
    with opened(path) as stream:
        with _explained(path), warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # asked below
            picture = Image.open(stream.source, formats=("PNG", "JPEG"))
        size = picture.width * picture.height * _WORKING_BYTES
        stream.require_likely_size(size, LARGEST_EXPANSION)
        stream.require_memory(2 * size)
        yield picture


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """A while in which Pillow's errors are said as an InputError."""
    try:
        yield
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{path}: not a PNG or JPEG picture, or it is damaged") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large for a picture; give the MRC or TIFF") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(f"{path}: damaged or cut short; copy it again") from error
