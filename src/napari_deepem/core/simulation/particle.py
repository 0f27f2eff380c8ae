"""A procedural particle after keyhole limpet haemocyanin (KLH).

The didecamer is a hollow cylinder, 35 nm wide and 40 nm long, with D5 symmetry: six tiers of
twenty globular units make the wall, and a collar lies inside near either end (Gatsogiannis &
Markl 2009, J. Mol. Biol. 385, 963-983). Dimensions below are in A.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from napari_deepem.core.types import Float32Array

WIDTH_ANGSTROM = 350.0
LENGTH_ANGSTROM = 400.0
_SOFTNESS = 6.0  # width of a unit's edge: keeps the density band-limited on a 4 A grid


@dataclass(frozen=True, slots=True)
class _Unit:
    """One globular unit: an ellipsoid at cylindrical coordinates (radius, angle, height)."""

    radius: float
    angle: float  # radians
    height: float
    semi_axes: tuple[float, float, float]  # radial, tangential, along the cylinder
    weight: float = 1.0


def _asymmetric_unit() -> Iterator[_Unit]:
    """One tenth of the particle: of the upper half, 72 degrees."""
    wall = (22.0, 25.0, 33.0)
    outermost = WIDTH_ANGSTROM / 2 - wall[0] - 1.5
    end = LENGTH_ANGSTROM / 2 - wall[2] - 4.0
    for tier, height in enumerate((0.2 * end, 0.6 * end, end)):
        for index in range(4):  # two dimers, slightly closer within than between
            side = 1 if index % 2 else -1
            angle = 18.0 * index - 1.5 * side + 7.0 * tier  # tiers are staggered into grooves
            weight = 0.95 + 0.12 * side * (tier - 1)
            radius = outermost + 1.5 * side
            yield _Unit(radius, np.deg2rad(angle), height + 4.0 * side, wall, weight)
    for index in range(2):  # the collar: a ring of ten, and five more towards the axis
        yield _Unit(92.0, np.deg2rad(9.0 + 36.0 * index), 150.0, (24.0, 19.0, 20.0))
    yield _Unit(55.0, np.deg2rad(27.0), 165.0, (17.0, 17.0, 17.0), 0.7)


def _units() -> Iterator[_Unit]:
    """Every unit of the particle, by D5: five-fold along z, two-fold along x."""
    for unit in _asymmetric_unit():
        for turn in 2 * np.pi / 5 * np.arange(5):
            for flip in (1, -1):
                angle = flip * (unit.angle + turn)
                yield _Unit(unit.radius, angle, flip * unit.height, unit.semi_axes, unit.weight)


def klh_volume(pixel_size: float, size_px: int | None = None) -> Float32Array:
    """(n, n, n) density of the particle, axes z, y, x, centred on voxel n // 2; axis along z.

    Parameters
    ----------
    pixel_size : float
        Voxel size in A.
    size_px : int, optional
        Voxels along an edge; by default an even number with room for every orientation.

    Returns
    -------
    (n, n, n) float32 array, about 1 inside the protein and 0 outside.
    """
    if size_px is None:
        size_px = 2 * int(np.ceil(0.52 * np.hypot(WIDTH_ANGSTROM, LENGTH_ANGSTROM) / pixel_size))
    volume = np.zeros((size_px,) * 3, dtype=np.float32)
    middle = size_px // 2
    _add_tube(volume, pixel_size)
    for unit in _units():
        cos, sin = np.cos(unit.angle), np.sin(unit.angle)
        centre = np.array([unit.height, unit.radius * sin, unit.radius * cos])  # z, y, x
        reach = max(unit.semi_axes) + 4 * _SOFTNESS
        low = np.ceil((centre - reach) / pixel_size).astype(int)
        high = np.floor((centre + reach) / pixel_size).astype(int) + 1
        low, high = np.maximum(low, -middle), np.minimum(high, size_px - middle)
        z, y, x = (
            axis * pixel_size - position
            for axis, position in zip(
                np.ogrid[tuple(map(slice, low, high))],
                centre,
                strict=True,
            )
        )
        radial, tangential = x * cos + y * sin, y * cos - x * sin
        a, b, c = unit.semi_axes
        scaled = np.sqrt((radial / a) ** 2 + (tangential / b) ** 2 + (z / c) ** 2)
        depth = (scaled - 1.0) * (a * b * c) ** (1 / 3)  # A outside of the surface, nearly
        volume[tuple(map(slice, low + middle, high + middle))] += (
            0.5 * unit.weight * erfc(depth / (np.sqrt(2) * _SOFTNESS))
        )
    return volume


def _add_tube(volume: Float32Array, pixel_size: float) -> None:
    """Add a thin tube of lower density, which joins the wall's units, in place."""
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in volume.shape)]
    from_wall = np.abs(np.hypot(y, x) * pixel_size - (WIDTH_ANGSTROM / 2 - 23.0)) - 13.0
    from_end = np.abs(z) * pixel_size - (LENGTH_ANGSTROM / 2 - 10.0)
    inside = [erfc(depth / (np.sqrt(2) * _SOFTNESS)) / 2 for depth in (from_wall, from_end)]
    volume += 0.2 * inside[0] * inside[1]
