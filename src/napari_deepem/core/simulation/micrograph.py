"""One simulated micrograph, from its conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_deepem.core.simulation.exposure import Detector, expose, form_image
from napari_deepem.core.simulation.optics import Optics
from napari_deepem.core.simulation.placement import Placement, inside, place_particles
from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.scene import (
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
    truth_yx: FloatArray  # (n, 2) centres inside the image; particles lie off carbon and dirt
    defocus_angstrom: float | None = None  # underfocus; None: no contrast transfer


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one micrograph shows, and how it is taken."""

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
    """Simulate one micrograph, float32; everything that is left to chance is drawn from `rng`."""
    shape, border = conditions.shape, conditions.border_px
    optics, detector = conditions.optics, conditions.detector
    canvas = (shape[0] + 2 * border, shape[1] + 2 * border)
    defocus = _draw_defocus(conditions.defocus_range_angstrom, rng)
    scene = lay_out_scene(
        canvas,
        conditions.surroundings,
        optics.pixel_size,
        conditions.box_size_px,
        projector.size_px,
        rng,
    )
    wanted = conditions.placement.draw_count(shape, rng)
    centres = place_particles(scene.occupied, border, wanted, conditions.placement, rng)
    spread = conditions.strength_spread
    strengths = rng.uniform(1.0 - spread, 1.0 + spread, len(centres))
    rotations = random_orientations(len(centres), rng)
    particles = project_particles(projector, centres, rotations)
    strength = conditions.strength
    if isinstance(strength, SignalToNoise):
        ice_phase = conditions.surroundings.ice_phase
        strength = strength.strength(particles, optics, defocus, detector, ice_phase)
    add_shreds(scene, projector, strength)
    add_particles(scene.phase, particles, strength * strengths)
    intensity = form_image(scene.phase, scene.transmission, optics, defocus)
    image = expose(intensity, detector, rng)
    inner = slice(border, -border)
    micrograph = Micrograph(np.ascontiguousarray(image[inner, inner]), name, optics.pixel_size)
    truth_yx = centres[inside(centres, canvas, border)] - border
    return SimulatedMicrograph(micrograph, truth_yx, defocus)


def _draw_defocus(span: tuple[float, float] | None, rng: np.random.Generator) -> float | None:
    return None if span is None else float(rng.uniform(*span))
