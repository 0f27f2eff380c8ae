"""How the network's pixels lie on a micrograph's: binned by a whole number, or at any scale.

Both grids begin at the same corner. So network pixel `i` has its middle at
`(i + 0.5) * scale - 0.5` in the original file, where the middle of the first pixel is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Float32Array, FloatArray

MAX_BINNING = 64
FINEST_SCALE = 1 / 8  # of an original pixel: finer than that there is nothing to see
STRIP_LINES = 256  # rows or columns that are resampled at a time
WHOLE = 1e-6  # of a pixel: what is nearer than this to a whole number is meant to be one


@dataclass(frozen=True, slots=True)
class Sampling:
    """The scale of the network's pixels, and what follows from it; equal ones sample the same.

    A whole number bins: a network pixel is the mean of a square of original pixels. Any other scale
    bins by the next lower whole number first and resamples what is left.

    Raises
    ------
    InputError
        For a scale that is not from 1/8 to 64.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.preprocessing.sampling import Sampling
    >>> Sampling(3).to_original(np.array([0.0, 10.0]))
    array([ 1., 31.])
    >>> Sampling(2.5).box_px(110)
    44
    """

    scale: float = 1  # original pixels along a side of a network pixel; an int where it is whole

    def __post_init__(self) -> None:
        if not FINEST_SCALE <= self.scale <= MAX_BINNING:
            raise InputError(
                f"{self.scale} original pixels to a network pixel: "
                f"give {FINEST_SCALE:g} to {MAX_BINNING}"
            )
        scale = float(self.scale)  # of numpy, too: files are to hold it
        object.__setattr__(self, "scale", int(scale) if scale.is_integer() else scale)

    @classmethod
    def binned(cls, binning: int) -> Sampling:
        """The sampling by a user's binning; InputError unless it is a whole number from 1 to 64."""
        if not 1 <= binning <= MAX_BINNING or binning != int(binning):
            raise InputError(f"binning of {binning}: give a whole number from 1 to {MAX_BINNING}")
        return cls(binning)

    @property
    def binning(self) -> int:
        """The whole number of pixels that are averaged along a side."""
        return max(1, int(self.scale))

    @property
    def ratio(self) -> float:
        """The binned pixels along a side of a network pixel: 1 where binning is all there is."""
        return self.scale / self.binning

    def box_px(self, box_size_px: int) -> int:
        """The side in network pixels of a box of so many original pixels, rounded."""
        return round(box_size_px / self.scale)

    def steps(self, step_px: float) -> int:
        """The network pixels of a step in original pixels, the nearest number of them.

        InputError for less than one, or if the sampling bins and the step is no multiple of that.
        """
        count = round(step_px / self.scale)
        is_off = abs(count * self.scale - step_px) > WHOLE * self.scale
        if count < 1 or (is_off and self.ratio == 1):
            raise InputError(
                f"a step of {step_px:g} px: give {self.scale:.3g} px, the model's binning, or a "
                "multiple of it"
            )
        return count

    def to_network(self, positions_px: FloatArray) -> FloatArray:
        """Positions in network pixels of those in original pixels, of any shape."""
        return (positions_px + 0.5) / self.scale - 0.5

    def to_original(self, positions_px: FloatArray) -> FloatArray:
        """Positions in original pixels of those in network pixels; the inverse of `to_network`."""
        return (positions_px + 0.5) * self.scale - 0.5

    def __str__(self) -> str:
        return str(self.scale)


def bin_image(image: Float32Array, binning: int) -> Float32Array:
    """The means of `binning` x `binning` squares; what fills no square at the end is left out."""
    if binning == 1:
        return image
    rows, cols = (side // binning * binning for side in image.shape)
    image = image[:rows, :cols]
    tall = image[::binning] + image[1::binning]  # along rows first: whole rows are added
    for row in range(2, binning):
        tall += image[row::binning]
    binned = tall[:, ::binning] + tall[:, 1::binning]
    for col in range(2, binning):
        binned += tall[:, col::binning]
    binned /= binning**2
    return binned


def resample(
    image: Float32Array, ratio: float, *, nearest: bool = False, in_place: bool = False
) -> Float32Array:
    """An image with `ratio` of its pixels along a side of a new one; (h / ratio, w / ratio).

    By Lanczos' kernel, as wide as the new pixels where they are larger, so that white noise keeps
    the same spectrum at every ratio; or what is nearest, as masks need it. Along rows first, then
    along columns, some of them at a time: Pillow's own copies stay small.
    `in_place` lets the image be overwritten.
    """
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
    n_rows, n_cols = image.shape
    rows, cols = (int(side / ratio + WHOLE) for side in image.shape)
    bottom, right = min(rows * ratio, n_rows), min(cols * ratio, n_cols)
    across = image[:, :cols] if in_place and cols <= n_cols else _empty(n_rows, cols)
    for first in range(0, n_rows, STRIP_LINES):
        strip = Image.fromarray(image[first : first + STRIP_LINES])
        box = (0, 0, right, strip.height)
        resized = strip.resize((cols, strip.height), method, box)
        across[first : first + STRIP_LINES] = np.asarray(resized)
    resampled = _empty(rows, cols)
    for first in range(0, cols, STRIP_LINES):
        strip = Image.fromarray(np.ascontiguousarray(across[:, first : first + STRIP_LINES]))
        box = (0, 0, strip.width, bottom)
        resized = strip.resize((strip.width, rows), method, box)
        resampled[:, first : first + STRIP_LINES] = np.asarray(resized)
    return resampled


def _empty(rows: int, cols: int) -> Float32Array:
    return np.empty((rows, cols), dtype=np.float32)
