"""Micrographs of any particle at a given signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import scipy.fft

from napari_deepem.core.simulation.optics import Optics, contrast_transfer, frequency_grid
from napari_deepem.core.simulation.projection import Projector, random_orientations
from napari_deepem.core.simulation.sample import SimulatedMicrograph, add_image
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph

MICROSCOPE = Optics(
    pixel_size=3.0, voltage_kv=300.0, spherical_aberration_mm=2.7, amplitude_contrast=0.1,
    b_factor=100.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What a set of simulated micrographs is like; the same settings make the same pixels.

    The signal-to-noise ratio is the variance of the signal over that of the noise inside the
    boxes. Signal: a particle's own image, through the contrast transfer, without noise,
    neighbours or anything else; its variance over the pixels of its box, averaged over the
    particles of a micrograph. Noise: white and Gaussian, of one variance everywhere.
    """

    optics: Optics = field(default=MICROSCOPE)  # its pixel size is that of the projections
    count: int = 20
    shape: tuple[int, int] = (1024, 1024)  # (height, width), pixels
    particles: int = 60  # a micrograph, centres inside the image
    snr: float = 0.1
    box_size_px: int | None = None  # where signal is measured; None: `box_around` the particle
    seed: int = 0
    # Drawn for each micrograph; None leaves the contrast transfer out: particles are merely dark.
    defocus_range_angstrom: tuple[float, float] | None = (10_000.0, 25_000.0)
    overlaps: float = 0.0  # share of the particles that may touch or overlap others


def box_around(projector: Projector) -> int:
    """Side of a box with a margin of a sixth of the diameter on either side; even, pixels."""
    return 2 * round(projector.diameter_px * 2 / 3)


def simulate_set(
    projector: Projector, settings: SimulationSettings
) -> Generator[SimulatedMicrograph, None, None]:
    """Simulate micrographs one by one: the k-th depends on the settings' seed and k alone.

    Parameters
    ----------
    projector : Projector
        The particle: `Projector(volume, voxel_size / pixel_size)`.
    settings : SimulationSettings

    Yields
    ------
    SimulatedMicrograph
        float32, named `simulated_001` and on. Where a particle's volume has its origin, truth
        has its row and column. Some particles are cut by the border; those with their centres
        outside are not in the truth.
    """
    children = np.random.SeedSequence(settings.seed).spawn(settings.count)
    for index, child in enumerate(children):
        name = f"simulated_{index + 1:03d}"
        yield _simulate(projector, settings, np.random.default_rng(child), name)


def _simulate(
    projector: Projector, settings: SimulationSettings, rng: np.random.Generator, name: str
) -> SimulatedMicrograph:
    box_size_px = settings.box_size_px or box_around(projector)
    border_px = max(box_size_px, 64)
    height, width = settings.shape
    canvas = (height + 2 * border_px, width + 2 * border_px)
    span = settings.defocus_range_angstrom
    defocus = None if span is None else float(rng.uniform(*span))
    apart_px = np.where(rng.random(100 * settings.particles) < settings.overlaps, 0.6, 1.05)
    centres = _place(canvas, border_px, settings.particles, apart_px * projector.diameter_px, rng)
    phase = np.zeros(canvas, dtype=np.float32)
    variances = []
    for centre, rotation in zip(centres, random_orientations(len(centres), rng), strict=True):
        pixel = np.rint(centre).astype(int)
        image = projector.project(rotation, tuple(centre - pixel))
        variances.append(_variance_in_box(image, settings.optics, defocus, box_size_px))
        add_image(phase, image, pixel)
    if defocus is None:
        clean = -phase
    else:
        frequency = frequency_grid(canvas, settings.optics.pixel_size)
        ctf = contrast_transfer(frequency, settings.optics, defocus).astype(np.float32)
        clean = scipy.fft.irfft2(scipy.fft.rfft2(phase) * ctf, s=canvas)
    noise = rng.standard_normal(canvas, dtype=np.float32)
    image = clean * np.sqrt(settings.snr / np.mean(variances)) + noise
    inner = slice(border_px, -border_px)
    pixels = np.ascontiguousarray(image[inner, inner], dtype=np.float32)
    truth = centres - border_px
    truth = truth[np.all((truth >= 0) & (truth <= np.array(settings.shape) - 1), axis=1)]
    return SimulatedMicrograph(Micrograph(pixels, name, settings.optics.pixel_size), truth)


def _variance_in_box(
    image: Float32Array, optics: Optics, defocus: float | None, box_size_px: int
) -> float:
    side = scipy.fft.next_fast_len(2 * max(box_size_px, image.shape[0]), real=True)
    patch = np.zeros((side, side), dtype=np.float32)
    add_image(patch, image, np.array([side // 2, side // 2]))
    if defocus is not None:
        ctf = contrast_transfer(frequency_grid((side, side), optics.pixel_size), optics, defocus)
        patch = scipy.fft.irfft2(scipy.fft.rfft2(patch) * ctf.astype(np.float32), s=patch.shape)
    corner = side // 2 - box_size_px // 2
    inner = slice(corner, corner + box_size_px)
    return float(np.var(patch[inner, inner], dtype=np.float64))


def _place(
    canvas: tuple[int, int],
    border_px: int,
    wanted: int,
    apart_px: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    centres = np.empty((0, 2))
    last = np.array(canvas) - 1 - border_px
    for distance in apart_px:
        inside = np.all((centres >= border_px) & (centres <= last), axis=1)
        if np.count_nonzero(inside) == wanted:
            break
        centre = rng.uniform(0, np.array(canvas) - 1)
        if np.all(np.hypot(*(centres - centre).T) >= distance):
            centres = np.vstack([centres, centre])
    return centres
