"""Simulated micrographs: the embedded sample, and the pieces it is made of.

Image formation follows the order of nature: projected phases of particles, ice, carbon and
dirt; the contrast transfer function; shot noise; the detector.
"""

from napari_deepem.core.simulation.exposure import Detector, expose
from napari_deepem.core.simulation.micrograph import (
    Conditions,
    SimulatedMicrograph,
    simulate_micrograph,
)
from napari_deepem.core.simulation.optics import (
    Optics,
    contrast_transfer,
    electron_wavelength,
    frequency_grid,
)
from napari_deepem.core.simulation.particle import klh_volume
from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.sample import (
    SAMPLE_BOX_PX,
    SAMPLE_PIXEL_SIZE,
    SAMPLE_SHAPE,
    sample_conditions,
    simulate_sample,
)
from napari_deepem.core.simulation.simulated_set import (
    SimulationSettings,
    box_around,
    micrograph_names,
    simulate_set,
)
from napari_deepem.core.simulation.volume import projector_of

__all__ = [
    "SAMPLE_BOX_PX",
    "SAMPLE_PIXEL_SIZE",
    "SAMPLE_SHAPE",
    "Conditions",
    "Detector",
    "Optics",
    "Projector",
    "SimulatedMicrograph",
    "SimulationSettings",
    "box_around",
    "contrast_transfer",
    "electron_wavelength",
    "expose",
    "frequency_grid",
    "klh_volume",
    "micrograph_names",
    "projector_of",
    "random_orientations",
    "sample_conditions",
    "simulate_micrograph",
    "simulate_sample",
    "simulate_set",
]
