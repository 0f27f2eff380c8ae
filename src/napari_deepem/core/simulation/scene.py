"""The scene that the beam meets: ice, carbon, dirt and particles, on a canvas beyond the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.scenery import (
    carbon_thickness,
    crystal_thickness,
    ice_transmission,
    shred_mask,
    speck_thickness,
)
from napari_deepem.core.types import Float32Array, FloatArray

# Strengths are matched by eye and by standard deviations to a raw film micrograph of KLH.
ICE_PHASE = 0.055  # standard deviation per pixel of amorphous ice
_CARBON_PHASE = 0.12
_CARBON_STEP_PHASE = 0.40  # mean phase of the film: makes the fringe along its edge
_CARBON_ABSORPTION = 0.015
_CARBON_AREA = (0.08, 0.22)  # share of the canvas
_SHRED_STRENGTH = 0.8  # of a particle's

# Lengths of dirt below are pixels at these sizes, the embedded sample's.
DIRT_PIXEL_SIZE = 4.4
SHRED_BOX_PX = 120


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings of particles; nothing unless said."""

    ice_gradient: tuple[float, float] = (0.0, 0.0)  # drawn between these: see `ice_transmission`
    ice_phase: float = 0.0  # standard deviation per pixel, radians
    contamination: float = 0.0  # 1: a crystal or two, some specks, some broken particles
    carbon: bool = False  # the edge of a film, on a tenth or two of the canvas
    carbon_border_px: int = 0  # of the canvas, where that share is not counted


@dataclass(frozen=True, eq=False, slots=True)
class Placed:
    """An (n, n) image whose pixel n // 2 belongs at `pixel_yx` of the canvas."""

    image: Float32Array
    pixel_yx: NDArray[np.int_]


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """A canvas of (height, width); its arrays are added to in place."""

    phase: Float32Array  # radians
    transmission: Float32Array  # of the beam
    occupied: NDArray[np.bool_]  # by carbon and dirt
    shreds: list[tuple[Placed, FloatArray]]  # masks, and rotations of what they leave of a particle


def lay_out_scene(
    canvas: tuple[int, int],
    surroundings: Surroundings,
    pixel_size: float,
    box_size_px: int,
    shred_size_px: int,
    rng: np.random.Generator,
) -> Scene:
    """The scene without particles, whole or broken, whose strength may not be known yet.

    Parameters
    ----------
    canvas : (height, width)
        Pixels.
    surroundings : Surroundings
        What there is.
    pixel_size : float
        A/px; crystals and specks have their sizes in A.
    box_size_px : int
        The particle's box; broken particles are in proportion.
    shred_size_px : int
        Side of the masks that leave something of a broken particle: that of its projections.
    rng : numpy.random.Generator
        Draws how strong it is and where.
    """
    gradient = rng.uniform(*surroundings.ice_gradient)
    transmission = ice_transmission(canvas, gradient, rng)
    texture = rng.standard_normal(canvas, dtype=np.float32)
    scene = Scene(surroundings.ice_phase * texture, transmission, np.zeros(canvas, dtype=bool), [])
    if surroundings.carbon:
        film = carbon_thickness(
            canvas, rng.uniform(*_CARBON_AREA), rng, surroundings.carbon_border_px
        )
        grain = (_CARBON_PHASE - surroundings.ice_phase) * texture
        scene.phase[:] += film * (_CARBON_STEP_PHASE + grain)
        scene.transmission[:] *= np.exp(-_CARBON_ABSORPTION * film)
        scene.occupied[:] |= film > 0.05
    _add_dirt(scene, surroundings.contamination, DIRT_PIXEL_SIZE / pixel_size, rng)
    shreds = round(surroundings.contamination * int(rng.integers(2, 6)))
    _add_shred_masks(scene, shreds, shred_size_px, box_size_px / SHRED_BOX_PX, rng)
    return scene


def project_particles(
    projector: Projector, centres_yx: FloatArray, rotations: FloatArray
) -> list[Placed]:
    """A projection of the particle for each centre, sub-pixel exact.

    Parameters
    ----------
    projector : Projector
        The particle.
    centres_yx : (n, 2) array
        Where the volumes' origins go, pixels of the canvas.
    rotations : (n, 3, 3) array
        See `Projector.project`.
    """
    placed = []
    for centre, rotation in zip(centres_yx, rotations, strict=True):
        pixel = np.rint(centre).astype(int)
        shift_y, shift_x = centre - pixel
        placed.append(Placed(projector.project(rotation, (shift_y, shift_x)), pixel))
    return placed


def add_particles(phase: Float32Array, particles: list[Placed], strengths: FloatArray) -> None:
    """Add projections to `phase` (height, width; in place), cut off at its edge.

    `strengths` (n,) are factors from summed density to phase.
    """
    for particle, strength in zip(particles, strengths, strict=True):
        add_image(phase, strength * particle.image, particle.pixel_yx)


def add_shreds(scene: Scene, projector: Projector, strength: float) -> None:
    """Add what is left of broken particles, in place; `strength` is that of whole ones."""
    for mask, rotation in scene.shreds:
        shred = _SHRED_STRENGTH * strength * mask.image * projector.project(rotation)
        add_image(scene.phase, shred, mask.pixel_yx)


def add_image(canvas: NDArray[Any], image: NDArray[Any], pixel_yx: NDArray[np.int_]) -> None:
    """Add an (n, n) image to the canvas in place, its pixel n // 2 at `pixel_yx`, cut to fit."""
    corner = pixel_yx - image.shape[0] // 2
    low = np.maximum(corner, 0)
    high = np.minimum(corner + image.shape, canvas.shape)
    if np.all(low < high):
        within = tuple(map(slice, low - corner, high - corner))
        canvas[tuple(map(slice, low, high))] += image[within]


def _add_dirt(scene: Scene, amount: float, scale: float, rng: np.random.Generator) -> None:
    """Add ice crystals and specks, in place; `scale` times the sample's size in pixels."""
    crystals = rng.poisson(1.5 * amount)
    pieces = [crystal_thickness(scale * rng.uniform(15.0, 60.0), rng) for _ in range(crystals)]
    specks = round(amount * int(rng.integers(2, 7)))
    pieces += [speck_thickness(scale * rng.uniform(4.0, 11.0), rng) for _ in range(specks)]
    for thickness in pieces:
        pixel = rng.integers(0, scene.phase.shape)
        add_image(scene.phase, rng.uniform(0.15, 0.35) * thickness, pixel)
        add_image(scene.transmission, -rng.uniform(0.08, 0.3) * thickness, pixel)
        add_image(scene.occupied, thickness > 0, pixel)


def _add_shred_masks(
    scene: Scene, count: int, size_px: int, scale: float, rng: np.random.Generator
) -> None:
    """Add masks of what is left of broken particles, and of which view, in place."""
    for rotation in random_orientations(count, rng):
        pixel = rng.integers(0, scene.phase.shape)
        mask = shred_mask(size_px, rng, scale)
        scene.shreds.append((Placed(mask, pixel), rotation))
        add_image(scene.occupied, mask > 0.2, pixel)
