"""What surrounds particles on a grid: ice, carbon, dirt.

Phases are in radians, transmissions in fractions of the beam, lengths in pixels; every function
draws from the generator that it is given.
"""

from __future__ import annotations

import numpy as np

from napari_deepem.core.types import Float32Array, FloatArray


def ice_transmission(
    shape: tuple[int, int], strength: float, rng: np.random.Generator
) -> Float32Array:
    """(height, width) transmission of ice that thickens towards one side, and bulges a little.

    `strength` is the difference between the thinnest and the thickest side, about.
    """
    y, x = np.ogrid[-0.5 : 0.5 : shape[0] * 1j, -0.5 : 0.5 : shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    centre_y, centre_x = rng.uniform(-0.3, 0.3, size=2)
    slope = y * np.sin(angle) + x * np.cos(angle)
    bulge = (y - centre_y) ** 2 + (x - centre_x) ** 2
    return np.asarray(1.0 - strength * (slope + 0.5 * bulge), dtype=np.float32)


def carbon_thickness(
    shape: tuple[int, int], area: float, rng: np.random.Generator, border_px: int = 0
) -> Float32Array:
    """(height, width) thickness of a carbon film, 1 far from the edge of its hole, 0 inside it.

    The edge is the arc of a hole about 1.2 um wide and has a lip; `area` is the fraction of what
    lies within the border that is on carbon.
    """
    angle = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.8, 1.3) * max(shape)
    y, x = np.ogrid[: shape[0], : shape[1]]
    y, x = y + radius * np.sin(angle), x + radius * np.cos(angle)
    distance, around = np.hypot(y, x), np.arctan2(y, x)
    for wavelength in (400.0, 170.0, 75.0, 40.0):  # the edge is ragged
        bend = np.sin(around * np.rint(2 * np.pi * radius / wavelength) + rng.uniform(0, 2 * np.pi))
        distance += 0.006 * wavelength * rng.uniform(0.3, 1.0) * bend
    rows, cols = (slice(border_px, side - border_px, 8) for side in shape)
    distance -= np.quantile(distance[rows, cols], 1.0 - area)
    film = 0.5 * (1.0 + np.tanh(distance / 2.5))
    lip = 0.45 * np.exp(-np.square((distance - 14.0) / 9.0))
    return np.asarray(film * (1.0 + lip), dtype=np.float32)


def crystal_thickness(radius: float, rng: np.random.Generator) -> Float32Array:
    """(n, n) thickness of a faceted ice crystal, up to 1 about its middle; n fits `radius`."""
    y, x = _patch(1.5 * radius)
    faces = int(rng.integers(5, 8))
    angles = 2 * np.pi / faces * (np.arange(faces) + rng.uniform(-0.25, 0.25, faces))
    angles += rng.uniform(0, 2 * np.pi)
    depth = np.full((y.size, x.size), np.inf)
    for angle, reach in zip(angles, rng.uniform(0.8, 1.1, faces), strict=True):
        face = reach - (y * np.sin(angle) + x * np.cos(angle)) / radius
        depth = (
            -np.logaddexp(-8.0 * depth, -8.0 * face) / 8.0
        )  # the lesser, rounded where they meet
    top = rng.uniform(0.25, 0.7)  # crystals are cut off flat
    thickness = np.sqrt(np.clip(depth / top, 0.0, 1.0))
    for _ in range(3):  # and uneven within
        wave_y, wave_x = rng.normal(0, 3.0 / radius, 2)
        thickness *= 0.9 + 0.1 * np.cos(wave_y * y + wave_x * x + rng.uniform(0, 2 * np.pi))
    return thickness.astype(np.float32)


def speck_thickness(radius: float, rng: np.random.Generator) -> Float32Array:
    """(n, n) thickness of a small rounded speck of dirt, 1 in its middle; n fits `radius`."""
    y, x = _patch(1.5 * radius)
    squash = rng.uniform(0.75, 1.0)
    distance = np.hypot(y / squash, x * squash)
    return np.asarray(np.sqrt(np.clip(1.0 - (distance / radius) ** 2, 0.0, 1.0)), dtype=np.float32)


def shred_mask(size_px: int, rng: np.random.Generator, scale: float = 1.0) -> Float32Array:
    """(n, n) soft irregular mask, 0 to 1, some 40 `scale` px across: leaves a particle's shred."""
    y, x = np.ogrid[:size_px, :size_px]
    mask = np.zeros((size_px, size_px))
    for centre in size_px // 2 + rng.normal(0, 11.0 * scale, (3, 2)):
        squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        np.maximum(mask, np.exp(-squared / (2 * (scale * rng.uniform(5.0, 11.0)) ** 2)), out=mask)
    return mask.astype(np.float32)


def _patch(reach: float) -> tuple[FloatArray, FloatArray]:
    """(n, 1) rows and (1, n) columns from -reach to reach, pixels."""
    half = int(np.ceil(reach))
    along = np.arange(-half, half + 1, dtype=np.float64)
    return along[:, None], along[None, :]
