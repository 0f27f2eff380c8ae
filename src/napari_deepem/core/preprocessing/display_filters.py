"""The display filter: a micrograph without noise and gradients, for a person to see particles in.

Nothing is trained on or scored with it; for what the network sees, see `prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.defects import NO_GAPS, clipped_rows, find_blank_lines
from napari_deepem.core.preprocessing.prepare import (
    BLOCK_PIXELS,
    STATISTICS_PIXELS,
    flatten_background,
    hot_pixel_limits,
    robust_statistics,
    standardise,
)
from napari_deepem.core.preprocessing.sampling import bin_image
from napari_deepem.core.types import Float32Array, Micrograph

# A Gaussian of this many pixels halves the amplitude of what repeats every pixel:
# exp(-2 (pi sigma / period)^2) = 1/2
SIGMA_PER_PERIOD = float(np.sqrt(2 * np.log(2)) / (2 * np.pi))

# The low-pass that shows particles at first sight, in boxes. On micrographs of KLH, where particles
# stand out by their inner structure, that is strongest at 1/10; ribosomes stand out more the more
# is taken away, and lose their shape by 1/5.
LOW_PASS_BOXES = 1 / 8

PARTS, LEAST_PART_PX = 8, 32  # a side of a picture, to tell its contrast
PART_PIXELS = 4096  # looked at in each, about


@dataclass(frozen=True, eq=False, slots=True)
class FilteredImage:
    """A filtered micrograph to look at, binned where that loses nothing."""

    pixels: Float32Array  # (height // binning, width // binning)
    binning: int  # original pixels a pixel, a side
    middle: float  # grey value that most pixels are near, their median
    spread: float  # robust standard deviation of the grey values


def filter_micrograph(
    micrograph: Micrograph, low_pass_angstrom: float = 0.0, high_pass_angstrom: float = 0.0
) -> FilteredImage:
    """A micrograph without noise and gradients; no second array as large as this one is made.

    Parameters
    ----------
    micrograph : Micrograph
        Where its pixel size is not known, 1 A/px is assumed.
    low_pass_angstrom : float
        What repeats at this distance keeps half of its amplitude, finer things less (a Gaussian);
        0 keeps all. Where it leaves nothing of single pixels, they are binned: that is quick.
    high_pass_angstrom : float
        What repeats at this distance keeps half of its amplitude, coarser things less; 0 keeps all.

    Raises
    ------
    InputError
        If every pixel has the same value.
    """
    pixel_size = micrograph.pixel_size or 1.0
    low_px, high_px = (
        SIGMA_PER_PERIOD * each / pixel_size for each in (low_pass_angstrom, high_pass_angstrom)
    )
    binning = int(min(max(1.0, low_px), min(micrograph.shape)))
    pixels = _clip_and_bin(micrograph.image, binning)
    blank = find_blank_lines(pixels)  # where no contrast is to be seen
    left_px = np.sqrt(max(low_px**2 - (binning**2 - 1) / 12, 0.0)) / binning  # binning blurs too
    if left_px:
        scipy.ndimage.gaussian_filter(pixels, left_px, output=pixels)
    if high_px:
        pixels = flatten_background(pixels, 2 * high_px / binning, in_place=True)
    return FilteredImage(pixels, binning, *robust_statistics(pixels, *blank))


def without_noise(prepared: Float32Array, low_pass_px: float) -> Float32Array:
    """A prepared micrograph, (h, w), less what repeats within so many of its pixels.

    Standardised again: what is left has less contrast.
    """
    sigma_px = SIGMA_PER_PERIOD * low_pass_px
    return standardise(scipy.ndimage.gaussian_filter(prepared, sigma_px), prepared != 0)


def contrast_limits(pixels: NDArray[Any], percent: float) -> tuple[float, float]:
    """The grey values to show as black and as white: so many percent of the pixels lie beyond each.

    These are percentiles of a typical part of the picture, (h, w) of any real type: of 8 x 8 parts,
    a quarter have a lower one, and a quarter a higher one. What fills less than a quarter, such as
    a carbon edge, a piece of ice or padding, takes no contrast from the rest.
    """
    rows, cols = (np.array_split(np.arange(side), _parts(side)) for side in pixels.shape)
    parts = [_sample(pixels[r[0] : r[-1] + 1, c[0] : c[-1] + 1]) for r in rows for c in cols]
    shown = [part for part in parts if len(part) and np.ptp(part) > 0]
    if not shown:
        middle = float(parts[0][0]) if len(parts[0]) else 0.0
        return middle, middle + 1.0
    lows, highs = np.transpose([np.percentile(part, (percent, 100 - percent)) for part in shown])
    low, high = float(np.quantile(lows, 0.25)), float(np.quantile(highs, 0.75))
    return (low, high) if low < high else (low, low + 1.0)


def _parts(side: int) -> int:
    return min(max(1, side // LEAST_PART_PX), PARTS)


def _sample(part: NDArray[Any]) -> Float32Array:
    """(n,) finite pixels at equal distances."""
    stride = max(1, int(np.sqrt(part.size / PART_PIXELS)))
    sample = np.asarray(part[::stride, ::stride], dtype=np.float32).ravel()
    return sample[np.isfinite(sample)]


def _clip_and_bin(image: NDArray[Any], binning: int) -> Float32Array:
    """The binned image without hot and broken pixels, made some rows at a time."""
    stride = max(1, int(np.sqrt(image.size / STATISTICS_PIXELS)))
    sample = np.asarray(image[::stride, ::stride], dtype=np.float32)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        raise InputError("no pixel is a number: this micrograph holds no image")
    limits, middle = hot_pixel_limits(sample), np.float32(np.median(sample))
    n_rows, n_cols = (side // binning for side in image.shape)
    binned = np.empty((n_rows, n_cols), dtype=np.float32)
    height = max(1, BLOCK_PIXELS // (binning * image.shape[1]))
    for first in range(0, n_rows, height):
        last = min(first + height, n_rows)
        part = clipped_rows(image, slice(first * binning, last * binning), limits, NO_GAPS)
        part[np.isnan(part)] = middle
        binned[first:last] = bin_image(part, binning)
    return binned
