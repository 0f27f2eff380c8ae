"""The display filter: a micrograph without noise and gradients, for a person to see particles in.

Nothing is trained on or scored with it; for what the network sees, see `prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from napari_deepem.core.preprocessing.defects import find_blank_lines
from napari_deepem.core.preprocessing.prepare import (
    clip_hot_pixels,
    fill_broken_pixels,
    flatten_background,
    robust_statistics,
    standardise,
)
from napari_deepem.core.preprocessing.sampling import bin_image
from napari_deepem.core.types import Float32Array, Micrograph

# A Gaussian of this many pixels halves the amplitude of what repeats every pixel:
# exp(-2 (pi sigma / period)^2) = 1/2
SIGMA_PER_PERIOD = float(np.sqrt(2 * np.log(2)) / (2 * np.pi))


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
    """A micrograph without noise and gradients.

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
    image = fill_broken_pixels(micrograph.image)
    pixels = bin_image(clip_hot_pixels(image), binning)
    left_px = np.sqrt(max(low_px**2 - (binning**2 - 1) / 12, 0.0)) / binning  # binning blurs too
    if left_px:
        pixels = scipy.ndimage.gaussian_filter(pixels, left_px)
    if high_px:
        pixels = flatten_background(pixels, 2 * high_px / binning)
    blank_rows, blank_cols = (
        lines[: binning * side : binning]
        for lines, side in zip(find_blank_lines(image), pixels.shape, strict=True)
    )
    shown = pixels[~blank_rows][:, ~blank_cols]  # what is blank has no contrast to be seen
    return FilteredImage(pixels, binning, *robust_statistics(shown if shown.size else pixels))


def without_noise(prepared: Float32Array, low_pass_px: float) -> Float32Array:
    """A prepared micrograph, (h, w), less what repeats within so many of its pixels.

    Standardised again: what is left has less contrast.
    """
    sigma_px = SIGMA_PER_PERIOD * low_pass_px
    return standardise(scipy.ndimage.gaussian_filter(prepared, sigma_px), prepared != 0)
