"""One simulated micrograph, from its conditions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.simulation.exposure import Detector, expose, form_image
from napari_deepem.core.simulation.optics import Optics
from napari_deepem.core.simulation.placement import Placement, inside, place_particles
from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.scene import (
    Scene,
    Surroundings,
    add_particles,
    add_shreds,
    lay_out_scene,
    project_particles,
)
from napari_deepem.core.simulation.signal import SignalToNoise
from napari_deepem.core.types import FloatArray, Micrograph


@dataclass(frozen=True, eq=False, slots=True)
class SimulatedMicrograph:
    """A micrograph and where its particles truly are."""

    micrograph: Micrograph
    truth_yx: FloatArray  #: (n, 2) centres inside the image; particles lie off carbon and dirt
    defocus_angstrom: float | None = None  # underfocus; None: no contrast transfer


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of one micrograph: what it shows, and how it is taken."""

    shape: tuple[int, int]  # (height, width), pixels
    box_size_px: int
    border_px: int  # simulated around the image and cut off: the CTF's fringes wrap around
    optics: Optics
    defocus_range_angstrom: tuple[float, float] | None  # drawn between; None: see `transfer`
    detector: Detector
    surroundings: Surroundings
    placement: Placement
    strength: float | SignalToNoise  # radians per voxel of density 1, or whatever gives the ratio
    strength_spread: float = 0.0  # particles differ by so much either way, 0 to 1


def simulate_micrograph(
    projector: Projector, conditions: Conditions, rng: np.random.Generator, name: str
) -> SimulatedMicrograph:
    """A simulated micrograph, float32; everything that is left to chance is drawn from `rng`."""
    shape, border, optics = conditions.shape, conditions.border_px, conditions.optics
    canvas = (shape[0] + 2 * border, shape[1] + 2 * border)
    span = conditions.defocus_range_angstrom
    defocus = None if span is None else float(rng.uniform(*span))
    scene = lay_out_scene(
        canvas,
        conditions.surroundings,
        optics.pixel_size,
        conditions.box_size_px,
        projector.size_px,
        rng,
    )
    count = conditions.placement.draw_count(shape, rng)
    centres = place_particles(scene.occupied, border, count, conditions.placement, rng)
    seen = inside(centres, canvas, border)
    _add_particles(scene, projector, conditions, defocus, centres, seen, rng)
    intensity = form_image(scene.phase, scene.transmission, optics, defocus)
    image = expose(intensity, conditions.detector, rng)
    inner = slice(border, -border)
    micrograph = Micrograph(np.ascontiguousarray(image[inner, inner]), name, optics.pixel_size)
    return SimulatedMicrograph(micrograph, centres[seen] - border, defocus)


def _add_particles(
    scene: Scene,
    projector: Projector,
    conditions: Conditions,
    defocus_angstrom: float | None,
    centres_yx: FloatArray,
    seen: NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Add a particle at each centre, and the broken ones, as strong as conditions say; in place.

    Those that are `seen` count for the signal-to-noise ratio.
    """
    spread = conditions.strength_spread
    relative = rng.uniform(1.0 - spread, 1.0 + spread, len(centres_yx))
    rotations = random_orientations(len(centres_yx), rng)
    particles = project_particles(projector, centres_yx, rotations)
    strength = conditions.strength
    if isinstance(strength, SignalToNoise):
        strength = strength.strength(
            list(compress(particles, seen)),
            conditions.optics,
            defocus_angstrom,
            conditions.detector,
            conditions.surroundings.ice_phase,
        )
    add_shreds(scene, projector, strength)
    add_particles(scene.phase, particles, strength * relative)
