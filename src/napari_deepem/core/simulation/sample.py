"""The embedded sample: micrographs of the KLH-like particle, made from a seed in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_deepem.core.simulation.exposure import Detector, expose, form_image
from napari_deepem.core.simulation.optics import Optics
from napari_deepem.core.simulation.particle import klh_volume
from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.scenery import (
    carbon_thickness,
    crystal_thickness,
    ice_transmission,
    shred_mask,
    speck_thickness,
)
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph

SAMPLE_PIXEL_SIZE = 4.4  # A/px: particles are 80 px wide and 91 px long
SAMPLE_SHAPE = (1024, 1024)
SAMPLE_BOX_PX = 120  # the particle's diagonal is 121 px

_BORDER_PX = 64  # simulated around the image and cut off: the CTF's fringes wrap around
_CLEARANCE_PX = 58  # between a particle's centre and carbon or dirt
# Strengths are matched by eye and by standard deviations to a raw film micrograph of KLH.
_PARTICLE_PHASE = 0.0070  # radians per voxel of density 1
_ICE_PHASE = 0.055  # standard deviation per pixel of amorphous ice
_CARBON_PHASE = 0.12
_CARBON_STEP_PHASE = 0.40  # mean phase of the film: makes the fringe along its edge


@dataclass(frozen=True, eq=False, slots=True)
class SimulatedMicrograph:
    """A micrograph and where its particles truly are."""

    micrograph: Micrograph
    truth_yx: FloatArray  # (n, 2) centres inside the image; particles lie off carbon and dirt


def simulate_sample(count: int = 6, seed: int = 2017) -> list[SimulatedMicrograph]:
    """Simulate the sample: `count` micrographs of SAMPLE_SHAPE, float32, SAMPLE_PIXEL_SIZE.

    The k-th micrograph depends on `seed` and k alone. Every second one has a carbon edge.

    Examples
    --------
    >>> from napari_deepem import simulate_sample
    >>> (simulated,) = simulate_sample(count=1)
    >>> simulated.micrograph.name, simulated.micrograph.shape, simulated.micrograph.pixel_size
    ('klh_01', (1024, 1024), 4.4)
    """
    projector = Projector(klh_volume(SAMPLE_PIXEL_SIZE))
    optics = Optics(pixel_size=SAMPLE_PIXEL_SIZE)
    return [
        simulate_micrograph(
            projector,
            optics,
            np.random.default_rng(child),
            name=f"klh_{index + 1:02d}",
            carbon=index % 2 == 1,
        )
        for index, child in enumerate(np.random.SeedSequence(seed).spawn(count))
    ]


def simulate_micrograph(
    projector: Projector,
    optics: Optics,
    rng: np.random.Generator,
    *,
    name: str,
    shape: tuple[int, int] = SAMPLE_SHAPE,
    carbon: bool = False,
    detector: Detector = Detector(),  # noqa: B008  frozen
) -> SimulatedMicrograph:
    """Simulate one micrograph of `shape` (height, width): 25 to 50 particles per 1024 x 1024 px."""
    canvas = (shape[0] + 2 * _BORDER_PX, shape[1] + 2 * _BORDER_PX)
    defocus_angstrom = rng.uniform(15_000.0, 30_000.0)
    transmission = ice_transmission(canvas, rng.uniform(0.02, 0.06), rng)
    texture = rng.standard_normal(canvas, dtype=np.float32)
    phase = _ICE_PHASE * texture
    occupied = np.zeros(canvas, dtype=bool)
    if carbon:
        film = carbon_thickness(canvas, rng.uniform(0.08, 0.22), rng)
        phase += film * (_CARBON_STEP_PHASE + (_CARBON_PHASE - _ICE_PHASE) * texture)
        transmission *= np.exp(-0.015 * film)
        occupied |= film > 0.05
    occupied |= add_dirt(phase, transmission, projector, rng)
    wanted = round(rng.integers(25, 51) * shape[0] * shape[1] / 1024**2)
    centres = place_particles(occupied, wanted, rng)
    strengths = _PARTICLE_PHASE * rng.uniform(0.85, 1.15, len(centres))
    rotations = random_orientations(len(centres), rng)
    add_particles(phase, projector, centres, rotations, strengths)
    image = expose(form_image(phase, transmission, optics, defocus_angstrom), detector, rng)
    inner = slice(_BORDER_PX, -_BORDER_PX)
    truth_yx = centres[_inside(centres, canvas)] - _BORDER_PX
    micrograph = Micrograph(np.ascontiguousarray(image[inner, inner]), name, optics.pixel_size)
    return SimulatedMicrograph(micrograph, truth_yx)


def add_particles(
    phase: Float32Array,
    projector: Projector,
    centres_yx: FloatArray,
    rotations: FloatArray,
    strengths: FloatArray,
) -> None:
    """Add projections to `phase` (height, width) in place, sub-pixel exact, cut off at its edge.

    Parameters
    ----------
    phase : (height, width) array
        Changed in place.
    projector : Projector
        The particle.
    centres_yx : (n, 2) array
        Where the volumes' origins go, pixels of `phase`.
    rotations : (n, 3, 3) array
        See `Projector.project`.
    strengths : (n,) array
        Factors from summed density to phase.
    """
    for centre, rotation, strength in zip(centres_yx, rotations, strengths, strict=True):
        pixel = np.rint(centre).astype(int)
        shift_y, shift_x = centre - pixel
        add_image(phase, strength * projector.project(rotation, (shift_y, shift_x)), pixel)


def add_image(canvas: NDArray[Any], image: NDArray[Any], pixel_yx: NDArray[np.int_]) -> None:
    """Add an (n, n) image to the canvas in place, its pixel n // 2 at `pixel_yx`, cut to fit."""
    corner = pixel_yx - image.shape[0] // 2
    low = np.maximum(corner, 0)
    high = np.minimum(corner + image.shape, canvas.shape)
    if np.all(low < high):
        within = tuple(map(slice, low - corner, high - corner))
        canvas[tuple(map(slice, low, high))] += image[within]


def place_particles(
    occupied: NDArray[np.bool_], wanted: int, rng: np.random.Generator
) -> FloatArray:
    """(n, 2) centres on the canvas, sub-pixel, `wanted` of them inside the image.

    They are random and clear of what is occupied. Most keep to themselves, some touch a
    neighbour, and few are cut by the image's edge. Where the space runs out there are fewer
    than `wanted`.
    """
    room = distance_transform_edt(~occupied[::4, ::4]) * 4.0 if occupied.any() else None
    height, width = occupied.shape
    centres = np.empty((0, 2))
    for _ in range(200 * wanted):
        if np.count_nonzero(_inside(centres, occupied.shape)) == wanted:
            break
        centre = rng.uniform(0, (height - 1, width - 1))
        elbow_room = rng.choice([82.0, 98.0, 98.0])
        edge = min(*centre, height - 1 - centre[0], width - 1 - centre[1]) - _BORDER_PX
        if abs(edge) < SAMPLE_BOX_PX / 2 and rng.random() < 0.7:
            continue
        if room is not None and room[tuple((centre / 4).astype(int))] < _CLEARANCE_PX:
            continue
        if np.all(np.hypot(*(centres - centre).T) >= elbow_room):
            centres = np.vstack([centres, centre])
    return centres


def _inside(centres_yx: FloatArray, canvas: tuple[int, ...]) -> NDArray[np.bool_]:
    """(n,) which centres on the canvas lie inside the image, between its outer pixels' middles."""
    last = np.array(canvas) - 1 - _BORDER_PX
    inside: NDArray[np.bool_] = np.all((centres_yx >= _BORDER_PX) & (centres_yx <= last), axis=1)
    return inside


def add_dirt(
    phase: Float32Array,
    transmission: Float32Array,
    projector: Projector,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Add ice crystals, specks and broken particles, in place; returns where they lie.

    Parameters
    ----------
    phase, transmission : (height, width) arrays
        Changed in place.
    projector : Projector
        The particle that is broken.
    rng : numpy.random.Generator
        Draws what there is and where.

    Returns
    -------
    (height, width) bool array.
    """
    shape = (phase.shape[0], phase.shape[1])
    occupied = np.zeros(shape, dtype=bool)
    pieces = [crystal_thickness(rng.uniform(15.0, 60.0), rng) for _ in range(rng.poisson(1.5))]
    pieces += [speck_thickness(rng.uniform(4.0, 11.0), rng) for _ in range(rng.integers(2, 7))]
    for thickness in pieces:
        pixel = rng.integers(0, shape)
        add_image(phase, rng.uniform(0.15, 0.35) * thickness, pixel)
        add_image(transmission, -rng.uniform(0.08, 0.3) * thickness, pixel)
        add_image(occupied, thickness > 0, pixel)
    for rotation in random_orientations(int(rng.integers(2, 6)), rng):
        pixel = rng.integers(0, shape)
        mask = shred_mask(projector.size_px, rng)
        add_image(phase, 0.8 * _PARTICLE_PHASE * mask * projector.project(rotation), pixel)
        add_image(occupied, mask > 0.2, pixel)
    return occupied
