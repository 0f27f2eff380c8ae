"""Running means of an image, whose cost does not depend on how wide they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy

from napari_deepem.core.types import Float32Array

PASSES = 3  # of a running mean: close to a Gaussian of half its width
STRIP_PIXELS = 1 << 21  # 8 MB, and what reaches into it from the next ones
STRIP_REACHES = 8  # at least: what reaches in is worked on twice


def blurred(image: Float32Array, width_px: float) -> Float32Array:
    """An image or a line of the same shape: three passes of a mean as wide as that, or a bit more.

    An even width would shift it by half a pixel a pass, so the next odd one is taken. What lies
    beyond the border mirrors what lies before.
    """
    means = np.empty_like(image)
    for source in (image, *[means] * (PASSES - 1)):
        scipy.ndimage.uniform_filter(source, _odd(width_px), mode="reflect", output=means)
    return means


def blurred_strips(image: Float32Array, width_px: float) -> Iterator[tuple[slice, Float32Array]]:
    """The same, some rows at a time: which they are, and what `blurred` has there.

    No second array is made that is as large as the image. Rows may be changed once they are given.
    """
    reach = PASSES * (_odd(width_px) // 2)
    height = max(STRIP_PIXELS // image.shape[1], STRIP_REACHES * reach)
    above = image[:0]
    for first in range(0, len(image), height):
        last = min(first + height, len(image))
        window = np.concatenate([above, image[first : last + reach]])
        start, end = len(above), len(above) + last - first
        above = window[max(0, end - reach) : end].copy()
        yield slice(first, last), blurred(window, width_px)[start:end]


def _odd(width_px: float) -> int:
    return round(width_px) | 1
