"""The placement of particles: how many there are, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_deepem.core.types import FloatArray

_TRIALS = 200  # for each particle that is wanted


@dataclass(frozen=True, slots=True)
class Placement:
    """The number of particles, and how far they keep from what; lengths in pixels."""

    particles: tuple[int, int]  # fewest and most, with their centres on `per_px` of the image
    per_px: int
    # Each particle draws one of these, and keeps so far from the centres that are there already.
    distances_px: tuple[float, ...]
    clearance_px: float  # between centres and carbon or dirt
    shyness_px: float = 0.0  # so near to the image's edge, 7 of 10 places are passed over

    def draw_count(self, shape: tuple[int, int], rng: np.random.Generator) -> int:
        """The number of particles, drawn by chance, that a (height, width) image should have."""
        fewest, most = self.particles
        return round(rng.integers(fewest, most + 1) * shape[0] * shape[1] / self.per_px)


def place_particles(
    occupied: NDArray[np.bool_],
    border_px: int,
    wanted: int,
    placement: Placement,
    rng: np.random.Generator,
) -> FloatArray:
    """(n, 2) centres on the canvas, sub-pixel, `wanted` of them inside the image.

    `occupied` is (height, width) of the canvas; the image is what lies within its border. Centres
    are random and clear of what is occupied. Where the space runs out there are fewer.
    """
    room = distance_transform_edt(~occupied[::4, ::4]) * 4.0 if occupied.any() else None
    height, width = occupied.shape
    wanted = min(wanted, most_apart(height, width, min(placement.distances_px)))
    centres = np.empty((0, 2))
    for _ in range(_TRIALS * wanted):
        if np.count_nonzero(inside(centres, occupied.shape, border_px)) == wanted:
            break
        centre = rng.uniform(0, (height - 1, width - 1))
        elbow_room = rng.choice(placement.distances_px)
        edge = min(*centre, height - 1 - centre[0], width - 1 - centre[1]) - border_px
        if abs(edge) < placement.shyness_px and rng.random() < 0.7:
            continue
        if room is not None and room[tuple((centre / 4).astype(int))] < placement.clearance_px:
            continue
        if np.all(np.hypot(*(centres - centre).T) >= elbow_room):
            centres = np.vstack([centres, centre])
    return centres


def most_apart(height: int, width: int, distance_px: float) -> int:
    """More centres than this do not fit an image, so far apart: discs in the densest packing."""
    area = (height + distance_px) * (width + distance_px)
    return int(area / (sqrt(0.75) * distance_px**2)) + 1


def inside(centres_yx: FloatArray, canvas: tuple[int, ...], border_px: int) -> NDArray[np.bool_]:
    """(n,) bool: which centres lie inside the image, between its outer pixels' middles."""
    last = np.array(canvas) - 1 - border_px
    within: NDArray[np.bool_] = np.all((centres_yx >= border_px) & (centres_yx <= last), axis=1)
    return within
