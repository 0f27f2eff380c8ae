"""What surrounds particles on a grid: ice, carbon, dirt.

Phases are in radians, transmissions in fractions of the beam, lengths in pixels; every function
draws from the generator that it is given.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

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


def carbon_thickness(shape: tuple[int, int], area: float, rng: np.random.Generator) -> Float32Array:
    """(height, width) thickness of a carbon film, 1 far from the edge of its hole, 0 inside it.

    The edge is the arc of a hole about 1.2 um wide and has a lip; `area` is the fraction of the
    image that lies on carbon.
    """
    angle = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(1.1, 1.7) * max(shape)
    y, x = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(y + radius * np.sin(angle), x + radius * np.cos(angle))
    ragged = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 24.0)
    distance = distance + 2.0 / ragged.std() * ragged
    distance -= np.quantile(distance[::8, ::8], 1.0 - area)
    film = 0.5 * (1.0 + np.tanh(distance / 2.5))
    lip = 0.45 * np.exp(-np.square((distance - 14.0) / 9.0))
    return np.asarray(film * (1.0 + lip), dtype=np.float32)


def crystal_thickness(
    shape: tuple[int, int], centre_yx: FloatArray, radius: float, rng: np.random.Generator
) -> Float32Array:
    """(height, width) thickness of a faceted ice crystal, up to 1 in its middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    y, x = y - centre_yx[0], x - centre_yx[1]
    faces = int(rng.integers(5, 8))
    angles = 2 * np.pi / faces * (np.arange(faces) + rng.uniform(-0.25, 0.25, faces))
    angles += rng.uniform(0, 2 * np.pi)
    depth = np.full(shape, np.inf)
    for angle, reach in zip(angles, rng.uniform(0.7, 1.0, faces), strict=True):
        np.minimum(depth, reach - (y * np.sin(angle) + x * np.cos(angle)) / radius, out=depth)
    top = rng.uniform(0.2, 0.6)  # crystals are cut off flat
    return np.asarray(np.sqrt(np.clip(depth / top, 0.0, 1.0)), dtype=np.float32)


def speck_thickness(
    shape: tuple[int, int], centre_yx: FloatArray, radius: float, rng: np.random.Generator
) -> Float32Array:
    """(height, width) thickness of a small rounded speck of dirt, 1 in its middle."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    squash = rng.uniform(0.75, 1.0)
    distance = np.hypot((y - centre_yx[0]) / squash, (x - centre_yx[1]) * squash)
    return np.asarray(np.sqrt(np.clip(1.0 - (distance / radius) ** 2, 0.0, 1.0)), dtype=np.float32)


def shred_mask(size_px: int, rng: np.random.Generator) -> Float32Array:
    """(n, n) soft irregular mask, 0 to 1, some 40 px across: leaves a shred of a particle."""
    y, x = np.ogrid[:size_px, :size_px]
    mask = np.zeros((size_px, size_px))
    for centre in size_px // 2 + rng.normal(0, 11.0, (3, 2)):
        squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        np.maximum(mask, np.exp(-squared / (2 * rng.uniform(5.0, 11.0) ** 2)), out=mask)
    return mask.astype(np.float32)
