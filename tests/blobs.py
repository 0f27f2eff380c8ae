"""Tiny micrographs with round blobs for particles: what a network learns within a second."""

from __future__ import annotations

import numpy as np

from napari_deepem.core.types import FloatArray, Labels, Micrograph

BOX_PX = 24  # the smallest that a network takes
SIGMA_PX = 4.0
SHAPE = (110, 140)  # not square, so that swapped axes show


def blob_image(
    shape: tuple[int, ...], centres_yx: FloatArray, sigma_px: float = SIGMA_PX
) -> FloatArray:
    """(h, w) sum of Gaussians of height 1."""
    rows, cols = (
        np.exp(-((np.arange(size) - centres[:, np.newaxis]) ** 2) / (2 * sigma_px**2))
        for size, centres in zip(shape, np.transpose(centres_yx), strict=True)
    )
    return rows.T @ cols


def blob_centres(
    rng: np.random.Generator, shape: tuple[int, int] = SHAPE, count: int = 9
) -> FloatArray:
    """(count, 2) random centres, a box apart and a few pixels off the border."""
    centres = np.empty((0, 2))
    while len(centres) < count:
        centre = rng.uniform((6.0, 6.0), (shape[0] - 7.0, shape[1] - 7.0))
        if np.all(np.hypot(*(centres - centre).T) >= BOX_PX):
            centres = np.vstack([centres, centre])
    return centres


def blob_micrograph(
    seed: int, *, shape: tuple[int, int] = SHAPE, count: int = 9
) -> tuple[Micrograph, FloatArray]:
    """A noisy micrograph called `blobs_<seed>` of 2 A/px, and its blobs' centres."""
    rng = np.random.default_rng(seed)
    centres = blob_centres(rng, shape, count)
    counts = 100.0 + 5.0 * (3.0 * blob_image(shape, centres) + rng.normal(size=shape))
    return Micrograph(counts.astype(np.float32), f"blobs_{seed}", 2.0), centres


def blob_sample(*seeds: int) -> tuple[list[Micrograph], list[Labels]]:
    """Several micrographs, and all their blobs as labels."""
    pairs = [blob_micrograph(seed) for seed in seeds]
    return [micrograph for micrograph, _ in pairs], [Labels.of(centres) for _, centres in pairs]
