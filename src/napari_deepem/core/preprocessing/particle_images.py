"""Particle images: boxes cut out of a micrograph, Fourier-cropped, normalised and inverted.

Each step gives the numbers of RELION's `relion_preprocess --extract`, to the rounding of its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array, FloatArray

BACKGROUND_RADIUS_BOXES = 0.375  # RELION's circle of 75 % of the box: outside is background
_PIXELS_AT_A_TIME = 1 << 21  # of boxes that are worked on: 16 MB in double precision
_FLAT = 1e-9  # of the highest pixel: a standard deviation below this is rounding


@dataclass(frozen=True, slots=True)
class ParticleImaging:
    """How particle images are made: RELION's --extract_size, --scale, --norm, --invert_contrast."""

    box_px: int  # original pixels; even, so that Fourier cropping keeps the middle pixel
    size_px: int  # of an image's side, no more than `box_px`; even
    # in pixels of the images: what lies further out is brought to mean 0 and deviation 1
    background_radius_px: float | None = None
    is_inverted: bool = False

    def images_of(
        self, micrograph: NDArray[Any], centres_yx: FloatArray
    ) -> Iterator[tuple[Float32Array, NDArray[np.bool_]]]:
        """Parts of the particle images, and which of the particles these are.

        Parameters
        ----------
        micrograph : ndarray, (height, width)
            Any real number type.
        centres_yx : ndarray, (n, 2)
            Whole pixels around which the boxes lie inside.

        Yields
        ------
        images : ndarray, (k, size_px, size_px) float32
        is_kept : ndarray, (m,) bool
            For the next m centres, whether they have an image; k of them are True. A box with the
            same number all over its background can't be normalised and has none.
        """
        at_a_time = max(1, _PIXELS_AT_A_TIME // self.box_px**2)
        for first in range(0, len(centres_yx), at_a_time):
            boxes = cut_boxes(micrograph, centres_yx[first : first + at_a_time], self.box_px)
            is_kept = np.ones(len(boxes), dtype=bool)
            if self.size_px != self.box_px:
                boxes = fourier_crop(boxes, self.size_px)
            if self.background_radius_px is not None:
                boxes, is_kept = normalise(boxes, self.background_radius_px)
            if self.is_inverted:
                boxes = -boxes
            yield boxes.astype(np.float32), is_kept


def boxes_inside(centres_yx: FloatArray, box_px: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(n,) bool: whether boxes around (n, 2) pixels lie on an image of (height, width) wholly."""
    corners = centres_yx - box_px // 2
    return np.asarray(((corners >= 0) & (corners + box_px <= shape)).all(axis=1))


def cut_boxes(micrograph: NDArray[Any], centres_yx: FloatArray, box_px: int) -> FloatArray:
    """(n, box_px, box_px) boxes, in which the pixel (n // 2, n // 2) is the centre's."""
    boxes = np.empty((len(centres_yx), box_px, box_px))
    for box, (top, left) in zip(
        boxes, (centres_yx - box_px // 2).astype(int).tolist(), strict=True
    ):
        box[...] = micrograph[top : top + box_px, left : left + box_px]
    return boxes


def fourier_crop(boxes: FloatArray, size_px: int) -> FloatArray:
    """(n, size_px, size_px) images with the low frequencies of (n, m, m) boxes, both sides even.

    The mean stays, and the middle pixel is the middle pixel. Of the highest frequency, which has
    two signs in the box, the positive is taken.
    """
    box_px = boxes.shape[-1]
    half = size_px // 2
    waves = np.fft.rfft2(boxes)[..., : half + 1]
    low = np.concatenate([waves[:, : half + 1], waves[:, box_px - half + 1 :]], axis=1)
    images: FloatArray = np.fft.irfft2(low, s=(size_px, size_px)) * (size_px / box_px) ** 2
    return images


def normalise(boxes: FloatArray, radius_px: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(k, m, m) boxes less the plane that fits their background, whose deviation becomes 1.

    The background lies further than `radius_px` from the middle pixel. Also returned is which of
    the (n, m, m) boxes these are, (n,) bool: those with a flat background are left out.
    """
    rows, cols = np.indices(boxes.shape[1:]) - boxes.shape[-1] // 2
    is_background = rows**2 + cols**2 > radius_px**2
    planes = np.stack([np.ones(boxes.shape[1:]), rows, cols])
    background = boxes[:, is_background]
    highest = np.abs(background).max(axis=1)
    factors = background @ np.linalg.pinv(planes[:, is_background])
    boxes = boxes - np.tensordot(factors, planes, axes=1)
    deviations = boxes[:, is_background].std(axis=1)
    is_kept = deviations > _FLAT * highest
    return boxes[is_kept] / deviations[is_kept, None, None], is_kept
