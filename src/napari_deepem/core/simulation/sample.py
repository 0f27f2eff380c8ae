"""The embedded sample: micrographs of the KLH-like particle, made from a seed in seconds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_deepem.core.simulation.exposure import Detector
from napari_deepem.core.simulation.micrograph import (
    Conditions,
    SimulatedMicrograph,
    simulate_micrograph,
)
from napari_deepem.core.simulation.optics import Optics
from napari_deepem.core.simulation.particle import klh_volume
from napari_deepem.core.simulation.placement import Placement
from napari_deepem.core.simulation.projection import Projector
from napari_deepem.core.simulation.scene import ICE_PHASE, Surroundings

SAMPLE_PIXEL_SIZE = 4.4  # A/px: particles are 80 px wide and 91 px long
SAMPLE_SHAPE = (1024, 1024)
SAMPLE_BOX_PX = 120  # the particle's diagonal is 121 px

_PLACEMENT = Placement(
    particles=(25, 50),
    per_px=1024 * 1024,
    distances_px=(82.0, 98.0, 98.0),  # most keep to themselves, some touch a neighbour
    clearance_px=58.0,
    shyness_px=SAMPLE_BOX_PX / 2,  # few are cut by the image's edge
)


def simulate_sample(count: int = 6, seed: int = 2017) -> list[SimulatedMicrograph]:
    """The sample: `count` micrographs of SAMPLE_SHAPE, float32, SAMPLE_PIXEL_SIZE.

    The k-th micrograph depends on `seed` and k alone. Every second one has a carbon edge.

    Examples
    --------
    >>> from napari_deepem import simulate_sample
    >>> (simulated,) = simulate_sample(count=1)
    >>> simulated.micrograph.name, simulated.micrograph.shape, simulated.micrograph.pixel_size
    ('klh_01', (1024, 1024), 4.4)
    """
    return list(simulating_sample(count, seed))


def simulating_sample(count: int = 6, seed: int = 2017) -> Iterator[SimulatedMicrograph]:
    """The micrographs of `simulate_sample`, each when it is asked for."""
    projector = Projector(klh_volume(SAMPLE_PIXEL_SIZE))
    for index, child in enumerate(np.random.SeedSequence(seed).spawn(count)):
        yield simulate_micrograph(
            projector,
            sample_conditions(carbon=index % 2 == 1),
            np.random.default_rng(child),
            name=name_of(index),
        )


def name_of(index: int) -> str:
    """The name of one of the sample's micrographs, counted from 0."""
    return f"klh_{index + 1:02d}"


def sample_conditions(shape: tuple[int, int] = SAMPLE_SHAPE, *, carbon: bool = False) -> Conditions:
    """Conditions of one of the sample's micrographs: 25 to 50 particles per 1024 x 1024 px."""
    return Conditions(
        shape=shape,
        box_size_px=SAMPLE_BOX_PX,
        border_px=64,
        optics=Optics(pixel_size=SAMPLE_PIXEL_SIZE),
        defocus_range_angstrom=(15_000.0, 30_000.0),
        detector=Detector(),
        surroundings=Surroundings(
            ice_gradient=(0.02, 0.06), ice_phase=ICE_PHASE, contamination=1.0, carbon=carbon
        ),
        placement=_PLACEMENT,
        strength=0.0070,  # matched by eye to a raw film micrograph of KLH
        strength_spread=0.15,
    )
