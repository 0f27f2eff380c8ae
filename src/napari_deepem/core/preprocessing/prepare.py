"""What the network sees of recorded pixels: an image that is sampled, flat and standardised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.defects import (
    NO_GAPS,
    Gaps,
    Lines,
    clipped_rows,
    find_blank_lines,
    find_missing_lines,
    split_narrow_gaps,
)
from napari_deepem.core.preprocessing.running_means import blurred, blurred_strips
from napari_deepem.core.preprocessing.sampling import Sampling, bin_image, resample
from napari_deepem.core.types import Float32Array, Micrograph

HOT_PIXEL_SIGMAS = 8.0  # a particle never stands out of its ice this far in a single pixel
LEAST_SHARE = 0.5  # of a binned pixel that is seen: others are not
LEAST_WEIGHT = 1e-3  # of a background's pixels that are seen: only in wide gaps are fewer
STATISTICS_PIXELS = 1_000_000  # enough for medians to 0.1 %, and quick on an 8k micrograph
BLOCK_PIXELS = 1 << 20  # are worked on at a time: 4 MB, which no memory and any cache holds


def prepare_micrograph(
    micrograph: Micrograph, box_size_px: int, sampling: Sampling
) -> Float32Array:
    """What the network sees of a micrograph, see `prepare_image`; InputError if no box fits in."""
    height, width = micrograph.shape
    if box_size_px > min(height, width):
        raise InputError(
            f"a box of {box_size_px} px does not fit micrograph {micrograph.name} "
            f"({width} x {height} px): give the box in pixels of the original file, or leave "
            "this micrograph out"
        )
    return prepare_image(micrograph.image, box_size_px, sampling)


def prepare_image(image: NDArray[Any], box_size_px: int, sampling: Sampling) -> Float32Array:
    """What the network sees of an image: hot pixels clipped, sampled, flat and standardised.

    Rows and columns that carry no image (padding, dead and hot lines of the detector, see
    `defects`) count in no mean and no median: narrow ones are interpolated, others become 0, the
    median, like all that lies beyond the border.

    Parameters
    ----------
    image : (height, width) array of any real type
        The micrograph as recorded. Pixels that are not finite count as its median.
    box_size_px : int
        Particle box in original pixels: structures much larger than it are background.
    sampling : Sampling
        How the network's pixels lie on the image's.

    Returns
    -------
    float32 array, as many network pixels as lie wholly on the binned image
        Median 0, robust standard deviation 1; exactly 0 where there is no image.

    Raises
    ------
    InputError
        If the image is constant.
    """
    binned, seen = _clip_and_bin(image, sampling.binning)
    flat = flatten_background(binned, box_size_px / sampling.binning, seen, in_place=True)
    prepared = standardise(flat, seen, in_place=True)
    if sampling.ratio == 1:
        return prepared
    if seen is not None:
        seen = resample(seen.astype(np.float32), sampling.ratio, nearest=True) > 0.0
    resampled = resample(prepared, sampling.ratio, in_place=True)
    return standardise(resampled, seen, in_place=True)


def _clip_and_bin(
    image: NDArray[Any], binning: int
) -> tuple[Float32Array, NDArray[np.bool_] | None]:
    """The binned image, and which of its pixels are seen; None: all."""
    pixels = image if _is_finite(image) else fill_broken_pixels(image)
    blank = find_blank_lines(pixels)
    limits = hot_pixel_limits(pixels, *blank)
    rows, cols = find_missing_lines(pixels, limits, blank)
    if not (rows.any() or cols.any()):
        return _bin(pixels, binning, limits)[0], None
    limits = hot_pixel_limits(pixels, rows, cols)
    gaps, missing = split_narrow_gaps(rows, cols)
    return _bin(pixels, binning, limits, gaps, missing)


def _is_finite(image: NDArray[Any]) -> bool:
    if image.dtype.kind in "iub":
        return True
    height = max(1, BLOCK_PIXELS // image.shape[1])
    blocks = (image[row : row + height] for row in range(0, len(image), height))
    return all(np.isfinite(block).all() for block in blocks)


def _bin(
    image: NDArray[Any],
    binning: int,
    limits: tuple[float, float],
    gaps: Gaps = NO_GAPS,
    missing: tuple[Lines, Lines] | None = None,
) -> tuple[Float32Array, NDArray[np.bool_]]:
    """The binned image, clipped and narrow gaps bridged, and which of its pixels are seen.

    A pixel is the mean of its square on lines that are not missing, and seen if that is half of it
    or more; without missing lines the second array is empty. Some rows at a time: nothing as large
    as the micrograph as it was recorded is copied, and what is clipped is still in the cache when
    it is binned.
    """
    n_rows, n_cols = (side // binning for side in image.shape)
    binned = np.empty((n_rows, n_cols), dtype=np.float32)
    seen = np.ones((n_rows, n_cols) if missing else (0, 0), dtype=bool)
    height = max(1, BLOCK_PIXELS // (binning * image.shape[1]))
    for first in range(0, n_rows, height):
        last = min(first + height, n_rows)
        rows = slice(first * binning, last * binning)
        part = clipped_rows(image, rows, limits, gaps)
        if missing is not None:
            part[missing[0][rows]] = 0.0
            part[:, missing[1]] = 0.0
        binned[first:last] = bin_image(part, binning)
        if missing is not None:
            share = share_seen(missing[0][rows], missing[1], binning)
            seen[first:last] = share >= LEAST_SHARE
            binned[first:last] /= np.maximum(share, LEAST_SHARE)
    return binned, seen


def share_seen(rows: Lines, cols: Lines, binning: int) -> Float32Array:
    """(rows, cols) shares of the binned pixels' squares that lie on lines that are not missing."""
    seen = [
        binning - lines[: len(lines) // binning * binning].reshape(-1, binning).sum(axis=1)
        for lines in (rows, cols)
    ]
    return np.asarray(np.multiply.outer(*seen) / binning**2, dtype=np.float32)


def fill_broken_pixels(image: NDArray[Any]) -> Float32Array:
    """The image as float32, pixels that are not finite being the median of the others."""
    pixels = np.asarray(image, dtype=np.float32)
    finite = np.isfinite(pixels)
    if finite.all() or not finite.any():
        return pixels
    return np.where(finite, pixels, np.float32(np.median(pixels[finite])))


def clip_hot_pixels(image: NDArray[Any]) -> Float32Array:
    """(h, w) float32 image, every pixel within the median +- 8 robust standard deviations."""
    pixels = np.asarray(image, dtype=np.float32)
    return np.clip(pixels, *hot_pixel_limits(pixels))


def hot_pixel_limits(
    image: NDArray[Any], rows: Lines | None = None, cols: Lines | None = None
) -> tuple[float, float]:
    """The median +- 8 robust standard deviations: limits of hot pixels, without missing lines."""
    middle, spread = robust_statistics(image, rows, cols)
    reach = HOT_PIXEL_SIGMAS * spread
    return middle - reach, middle + reach


def flatten_background(
    image: Float32Array,
    box_px: float,
    seen: NDArray[np.bool_] | None = None,
    *,
    in_place: bool = False,
) -> Float32Array:
    """The image without what varies more slowly than a box: ice gradient, vignetting, carbon.

    The background is three passes of a running mean as wide as the box (close to a Gaussian
    of half a box), see `running_means`. Pixels that are not `seen` do not count in it: it is the
    mean of the others, weighted alike.
    """
    flat = image if in_place else image.copy()
    if seen is None:
        for rows, background in blurred_strips(flat, box_px):
            flat[rows] -= background
        return flat
    flat -= np.float32(_statistics_of_seen(flat, seen)[0])
    flat *= seen
    weight_of = _weight_of_seen(seen, box_px)
    for rows, background in blurred_strips(flat, box_px):
        background /= np.maximum(weight_of(rows), LEAST_WEIGHT)
        flat[rows] -= background
    return flat


def _weight_of_seen(seen: NDArray[np.bool_], box_px: float) -> Callable[[slice], Float32Array]:
    """The same running means of what is seen, of the rows that are asked for."""
    lines = _seen_lines(seen)
    if lines is None:
        return blurred(seen.astype(np.float32), box_px).__getitem__
    along, across = (blurred(np.asarray(mask, dtype=np.float32), box_px) for mask in lines)
    return lambda rows: np.multiply.outer(along[rows], across)


def _seen_lines(seen: NDArray[np.bool_]) -> tuple[Lines, Lines] | None:
    """The rows and the columns that are seen, if all pixels where they cross are; else None."""
    rows, cols = np.asarray(seen.any(axis=1)), np.asarray(seen.any(axis=0))
    whole = np.count_nonzero(rows) * np.count_nonzero(cols)
    return (rows, cols) if np.count_nonzero(seen) == whole else None


def _statistics_of_seen(image: Float32Array, seen: NDArray[np.bool_]) -> tuple[float, float]:
    lines = _seen_lines(seen)
    if lines is None:
        return robust_statistics(image[seen])
    return robust_statistics(image, ~lines[0], ~lines[1])


def standardise(
    image: Float32Array, seen: NDArray[np.bool_] | None = None, *, in_place: bool = False
) -> Float32Array:
    """(h, w) float32 image of median 0 and robust standard deviation 1.

    Where `seen` is given, what is not becomes 0 and does not count.
    """
    middle, spread = robust_statistics(image) if seen is None else _statistics_of_seen(image, seen)
    standard = np.subtract(image, np.float32(middle), out=image if in_place else None)
    standard /= np.float32(spread)
    if seen is not None:
        standard *= seen
    return standard


def robust_statistics(
    image: NDArray[Any], rows: Lines | None = None, cols: Lines | None = None
) -> tuple[float, float]:
    """Median and spread (1.4826 x median absolute deviation: sigma of a normal distribution).

    Where over half of the pixels are equal (counts of few electrons), the standard deviation
    stands in for the spread. Missing rows and columns do not count. Raises InputError for a
    constant image.
    """
    sample = _sample(image, rows, cols)
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle)))
    if spread == 0.0:  # so many equal values may hide that there are others
        kept = image if rows is None or cols is None else image[np.ix_(~rows, ~cols)]
        # a constant float32 image may get a standard deviation above 0 by rounding
        spread = float(np.std(np.asarray(kept, dtype=np.float32))) * (kept.min() < kept.max())
    if not 0.0 < spread < np.inf:
        raise InputError("every pixel has the same value: this micrograph holds no image")
    return middle, spread


def _sample(image: NDArray[Any], rows: Lines | None, cols: Lines | None) -> Float32Array:
    """(n,) pixels at equal distances in reading order, missing rows and columns left out."""
    if rows is None or cols is None or not (rows.any() or cols.any()):
        every = max(1, image.size // STATISTICS_PIXELS)
        return np.asarray(image.reshape(-1)[::every], dtype=np.float32)
    kept_rows, kept_cols = np.flatnonzero(~rows), np.flatnonzero(~cols)
    size = len(kept_rows) * len(kept_cols)
    places = np.arange(0, size, max(1, size // STATISTICS_PIXELS))
    along, across = np.divmod(places, len(kept_cols))
    return np.asarray(image[kept_rows[along], kept_cols[across]], dtype=np.float32)
