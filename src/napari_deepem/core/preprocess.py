"""From recorded pixels to what the network sees: binned, flat, standardised."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_deepem.core.defects import bridge_narrow_gaps, find_missing_lines
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph

MAX_BINNING = 64
HOT_PIXEL_SIGMAS = 8.0  # a particle never stands out of its ice this far in a single pixel
LEAST_WEIGHT = 1e-3  # of a background's pixels that are seen: only in wide gaps are fewer
STATISTICS_PIXELS = 1_000_000  # enough for medians to 0.1 %, and quick on an 8k micrograph


def prepare_micrograph(micrograph: Micrograph, box_size_px: int, binning: int) -> Float32Array:
    """Prepare a micrograph's image, see `prepare_image`; InputError if no box fits into it."""
    height, width = micrograph.shape
    if box_size_px > min(height, width):
        raise InputError(
            f"a box of {box_size_px} px does not fit micrograph {micrograph.name} "
            f"({width} x {height} px): give the box in pixels of the original file, or leave "
            "this micrograph out"
        )
    return prepare_image(micrograph.image, box_size_px, binning)


def prepare_image(image: NDArray[Any], box_size_px: int, binning: int) -> Float32Array:
    """Clip hot pixels, bin, take away the background and standardise.

    Rows and columns that carry no image (padding, dead and hot lines of the detector, see
    `defects`) count in no mean and no median: narrow ones are interpolated, others become 0, the
    median, like all that lies beyond the border.

    Parameters
    ----------
    image : (height, width) array of any real type
        The micrograph as recorded. Pixels that are not finite count as its median.
    box_size_px : int
        Particle box in original pixels: structures much larger than it are background.
    binning : int
        Side of the squares of original pixels that are averaged into one.

    Returns
    -------
    (height // binning, width // binning) float32 array
        Median 0, robust standard deviation 1; exactly 0 where there is no image.

    Raises
    ------
    InputError
        If the image is constant.
    """
    box_px = box_size_px / binning
    pixels = fill_broken_pixels(image)
    clipped = clip_hot_pixels(pixels)
    rows, cols = find_missing_lines(clipped)
    if not (rows.any() or cols.any()):
        return standardise(flatten_background(bin_image(clipped, binning), box_px))
    clipped = clip_hot_pixels(pixels, seen=_seen(rows, cols))
    clipped = bridge_narrow_gaps(clipped, rows, cols)
    binned, seen = bin_seen(clipped, _seen(rows, cols), binning)
    return standardise(flatten_background(binned, box_px, seen), seen)


def _seen(rows: NDArray[np.bool_], cols: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) True where neither the row nor the column is missing."""
    return ~rows[:, None] & ~cols


def fill_broken_pixels(image: NDArray[Any]) -> Float32Array:
    """The image as float32, pixels that are not finite being the median of the others."""
    pixels = np.asarray(image, dtype=np.float32)
    finite = np.isfinite(pixels)
    if finite.all() or not finite.any():
        return pixels
    return np.where(finite, pixels, np.float32(np.median(pixels[finite])))


def clip_hot_pixels(image: NDArray[Any], seen: NDArray[np.bool_] | None = None) -> Float32Array:
    """Limit every pixel to the median +- 8 robust standard deviations; (h, w) float32.

    Both are those of the pixels that are `seen`, all by default.
    """
    pixels = np.asarray(image, dtype=np.float32)
    middle, spread = robust_statistics(pixels if seen is None else pixels[seen])
    reach = HOT_PIXEL_SIGMAS * spread
    return np.clip(pixels, middle - reach, middle + reach)


def bin_image(image: Float32Array, binning: int) -> Float32Array:
    """Average `binning` x `binning` squares; rows and columns that fill no square are left out.

    Binned coordinate `b` lies at `to_original(b, binning)` in the file.
    """
    check_binning(binning)
    if binning == 1:
        return image
    rows, cols = image.shape[0] // binning, image.shape[1] // binning
    squares = image[: rows * binning, : cols * binning].reshape(rows, binning, cols, binning)
    return np.asarray(squares.mean(axis=(1, 3)), dtype=np.float32)


def bin_seen(
    image: Float32Array, seen: NDArray[np.bool_], binning: int
) -> tuple[Float32Array, NDArray[np.bool_]]:
    """Average what is seen of each square; squares of which less than half is seen are not."""
    share = bin_image(seen.astype(np.float32), binning)
    binned = bin_image(np.where(seen, image, np.float32(0.0)), binning)
    return np.asarray(binned / np.maximum(share, 0.5), dtype=np.float32), share >= 0.5


def check_binning(binning: int) -> None:
    """Raise InputError unless 1 <= binning <= 64."""
    if not 1 <= binning <= MAX_BINNING:
        raise InputError(f"binning of {binning}: give a whole number from 1 to {MAX_BINNING}")


def to_binned(position_px: FloatArray, binning: int) -> FloatArray:
    """Original pixels to mean-binned pixels: the centre of pixel 0 stays at coordinate 0."""
    return (position_px + 0.5) / binning - 0.5


def to_original(position_binned: FloatArray, binning: int) -> FloatArray:
    """Mean-binned pixels to original pixels; the inverse of `to_binned`."""
    return (position_binned + 0.5) * binning - 0.5


def flatten_background(
    image: Float32Array, box_px: float, seen: NDArray[np.bool_] | None = None
) -> Float32Array:
    """Take away what varies more slowly than a box: ice gradient, vignetting, carbon's shade.

    The background is three passes of a running mean as wide as the box (close to a Gaussian
    of half a box), whose cost does not depend on the box. Pixels that are not `seen` do not
    count in it: it is the mean of the others, weighted alike.
    """
    if seen is None:
        return image - _blur(image, box_px)
    middle = np.float32(np.median(image[seen]))
    offset = np.where(seen, image - middle, np.float32(0.0))
    weight = _blur(seen.astype(np.float32), box_px)
    background = _blur(offset, box_px) / np.maximum(weight, LEAST_WEIGHT)
    return np.asarray(offset - background, dtype=np.float32)


def _blur(image: Float32Array, box_px: float) -> Float32Array:
    width = round(box_px) | 1  # odd: an even one shifts the background by half a pixel a pass
    for _ in range(3):
        image = ndimage.uniform_filter(image, width, mode="reflect")
    return image


def standardise(image: Float32Array, seen: NDArray[np.bool_] | None = None) -> Float32Array:
    """Shift and scale to median 0 and robust standard deviation 1; (h, w) float32.

    Where `seen` is given, what is not becomes 0 and does not count.
    """
    middle, spread = robust_statistics(image if seen is None else image[seen])
    standard = (image - np.float32(middle)) / np.float32(spread)
    return standard if seen is None else standard * seen


def robust_statistics(image: Float32Array) -> tuple[float, float]:
    """Median and spread (1.4826 x median absolute deviation: sigma of a normal distribution).

    Where over half of the pixels are equal (counts of few electrons), the standard deviation
    stands in for the spread. Raises InputError for a constant image.
    """
    every = max(1, image.size // STATISTICS_PIXELS)
    sample = image.reshape(-1)[::every]
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle))) or float(np.std(image))
    # a constant float32 image may get a standard deviation above 0 by rounding
    if image.min() == image.max() or not 0.0 < spread < np.inf:
        raise InputError("every pixel has the same value: this micrograph holds no image")
    return middle, spread


def box_stds(image: Float32Array, box_px: int) -> Float32Array:
    """Standard deviation of the pixels of the box around every pixel; (h, w) float32.

    Element (r, c) is that of the `box_px` square with corner `(r, c) - box_px // 2`,
    pixels beyond the borders being 0.
    """
    wide = image.astype(np.float64)
    mean = ndimage.uniform_filter(wide, box_px, mode="constant")
    mean_square = ndimage.uniform_filter(wide**2, box_px, mode="constant")
    return np.sqrt(np.maximum(mean_square - mean**2, 0.0)).astype(np.float32)
