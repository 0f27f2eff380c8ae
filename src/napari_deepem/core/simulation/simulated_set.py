"""Sets of micrographs of any particle, at a given signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.simulation.exposure import Detector
from napari_deepem.core.simulation.micrograph import (
    Conditions,
    SimulatedMicrograph,
    simulate_micrograph,
)
from napari_deepem.core.simulation.optics import Optics, fringe_reach_px
from napari_deepem.core.simulation.placement import Placement
from napari_deepem.core.simulation.projection import Projector
from napari_deepem.core.simulation.scene import ICE_PHASE, Surroundings
from napari_deepem.core.simulation.signal import SignalToNoise

MICROSCOPE = Optics(
    pixel_size=3.0,
    voltage_kv=300.0,
    spherical_aberration_mm=2.7,
    amplitude_contrast=0.1,
    b_factor=100.0,
)

SMALLEST_PX, LARGEST_PX = 64, 16_384  # sides of a micrograph
SMALLEST_BOX_PX = 8
LARGEST_GRADIENT = 0.5
MOST_FRINGES_PX = 2048  # around a micrograph, which is simulated with them
MOST_CONTAMINATION = 20.0
LARGEST_DEFOCUS = 100_000.0  # A
MOST_MICROGRAPHS, MOST_PARTICLES = 100_000, 10_000
PIXEL_SIZES, RATIOS = (0.01, 1000.0), (1e-4, 1e6)  # A, and of signal to noise
VOLTAGES, ABERRATIONS, B_FACTORS = (1.0, 10_000.0), (0.0, 1000.0), (0.0, 100_000.0)  # kV, mm, A^2

# Distances between centres, as fractions of the box, which has a margin around the particle.
_APART = 0.8
_OVERLAPPING = 0.45
_CLEARANCE = 0.48  # from carbon and dirt


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """The settings of a set of simulated micrographs; InputError if it can't be made.

    Without more being said, particles lie on a clean background under white Gaussian noise. For
    what the signal-to-noise ratio means, see `SignalToNoise`; it is kept in every micrograph.
    """

    optics: Optics = MICROSCOPE  # its pixel size is that of the projector's images
    count: int = 20
    shape: tuple[int, int] = (1024, 1024)  # (height, width), pixels
    particles: int = 60  # in each micrograph; fewer where they find no place
    snr: float = 0.1
    box_size_px: int | None = None  # where the signal is measured; None: `box_around` the particle
    seed: int = 0
    # Underfocus, drawn for each micrograph; None leaves contrast transfer out: see `transfer`.
    defocus_range_angstrom: tuple[float, float] | None = (10_000.0, 25_000.0)
    overlaps: float = 0.0  # share of the particles that may touch and overlap others
    ice_gradient: float = 0.0  # of the beam, between the thinnest and the thickest side
    contamination: float = 0.0  # 1: as much as on the embedded sample
    carbon: float = 0.0  # share of the micrographs with the edge of a carbon film
    # "detector": ice seen through the contrast transfer, shot noise, blur and hot pixels.
    noise: Literal["gaussian", "detector"] = "gaussian"

    def __post_init__(self) -> None:
        for quantity, value, (low, high) in (
            ("micrographs", self.count, (1, MOST_MICROGRAPHS)),
            ("particles", self.particles, (0, MOST_PARTICLES)),
        ):
            _require(low <= value <= high, f"{value} {quantity}: give {low} to {high}")
        _require(self.seed >= 0, f"a seed of {self.seed}: give a whole number, 0 or more")
        _require(
            all(SMALLEST_PX <= side <= LARGEST_PX for side in self.shape),
            f"micrographs of {self.shape[0]} x {self.shape[1]} px: "
            f"give {SMALLEST_PX} to {LARGEST_PX} px a side",
        )
        _require(
            self.box_size_px is None or self.box_size_px >= SMALLEST_BOX_PX,
            f"a box of {self.box_size_px} px: give at least {SMALLEST_BOX_PX}",
        )
        _require_within(RATIOS, self.snr, "a signal-to-noise ratio of")
        self._check_microscope()
        for quantity, share in (("overlaps", self.overlaps), ("carbon", self.carbon)):
            _require(0 <= share <= 1, f"{quantity} of {share:g}: give a share, 0 to 1")
        _require(
            0 <= self.ice_gradient <= LARGEST_GRADIENT,
            f"an ice gradient of {self.ice_gradient:g}: give 0 to {LARGEST_GRADIENT:g} of the beam",
        )
        _require(
            0 <= self.contamination <= MOST_CONTAMINATION,
            f"contamination of {self.contamination:g}: give 0 to {MOST_CONTAMINATION:g}, "
            "where 1 is as much as on the embedded sample",
        )

    def _check_microscope(self) -> None:
        optics, span = self.optics, self.defocus_range_angstrom
        _require_within(PIXEL_SIZES, optics.pixel_size, "a pixel size of", "A")
        _require_within(VOLTAGES, optics.voltage_kv, "a voltage of", "kV")
        aberration = optics.spherical_aberration_mm
        _require_within(ABERRATIONS, aberration, "a spherical aberration of", "mm")
        _require_within(B_FACTORS, optics.b_factor, "a B factor of", "A^2")
        _require(
            0 <= optics.amplitude_contrast <= 1,
            f"an amplitude contrast of {optics.amplitude_contrast:g}: give a fraction, 0 to 1",
        )
        _require(
            span is None or 0 <= span[0] <= span[1] <= LARGEST_DEFOCUS,
            "a defocus that does not rise from 0 or more to at most "
            f"{LARGEST_DEFOCUS / 1e4:g} um: give the lowest and the highest underfocus",
        )
        reach_px = fringe_reach_px(optics, None if span is None else span[1])
        _require(
            reach_px <= MOST_FRINGES_PX,
            f"at {optics.pixel_size:g} A/px and this defocus a particle's fringes reach {reach_px} "
            f"px, more than {MOST_FRINGES_PX}: give larger pixels or less defocus",
        )


def _require(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise InputError(otherwise)


def _require_within(span: tuple[float, float], value: float, quantity: str, unit: str = "") -> None:
    low, high = span
    _require(
        low <= value <= high,
        f"{quantity} {value:g} {unit}".rstrip() + f": give {low:g} to {high:g}",
    )


def box_around(projector: Projector) -> int:
    """Side of a box with a margin of a fifth of the diameter on either side; even, pixels."""
    return 2 * round(0.7 * projector.diameter_px)


def simulate_set(
    projector: Projector, settings: SimulationSettings
) -> Generator[SimulatedMicrograph, None, None]:
    """A stream of simulated micrographs: the k-th depends on settings and k, not on their count.

    Parameters
    ----------
    projector : Projector
        The particle: `Projector(volume, voxel_size / pixel_size)`.
    settings : SimulationSettings

    Yields
    ------
    SimulatedMicrograph
        float32, named `simulated_001` and on. Truth is where the volumes' origins lie, row and
        column. Particles are cut by the border as anywhere; those with their centres outside are
        not in the truth.

    Raises
    ------
    InputError
        If the box does not fit the micrographs.
    """
    box_size_px = settings.box_size_px or box_around(projector)
    if box_size_px > min(settings.shape):
        height, width = settings.shape
        raise InputError(
            f"a box of {box_size_px} px does not fit micrographs of {height} x {width} px: "
            "make them larger, or the pixels"
        )
    children = np.random.SeedSequence(settings.seed).spawn(settings.count)
    for name, child in zip(micrograph_names(settings.count), children, strict=True):
        rng = np.random.default_rng(child)
        conditions = _conditions(settings, box_size_px, carbon=rng.random() < settings.carbon)
        yield simulate_micrograph(projector, conditions, rng, name)


def micrograph_names(count: int) -> list[str]:
    """The names of the micrographs of a set."""
    return [f"simulated_{number:03d}" for number in range(1, count + 1)]


def _conditions(settings: SimulationSettings, box_size_px: int, *, carbon: bool) -> Conditions:
    span, area = settings.defocus_range_angstrom, settings.shape[0] * settings.shape[1]
    gaussian = settings.noise == "gaussian"
    electrons = 90.0 * max(1.0, settings.snr)  # particles stay weak phase objects
    overlapping = round(100 * settings.overlaps)
    reach_px = fringe_reach_px(settings.optics, None if span is None else span[1])
    border_px = box_size_px // 2 + reach_px
    return Conditions(
        shape=settings.shape,
        box_size_px=box_size_px,
        border_px=border_px,
        optics=settings.optics,
        defocus_range_angstrom=span,
        detector=Detector(electrons, 1.0, 0, gaussian=True) if gaussian else Detector(electrons),
        surroundings=Surroundings(
            ice_gradient=(settings.ice_gradient, settings.ice_gradient),
            ice_phase=0.0 if gaussian else ICE_PHASE,
            contamination=settings.contamination * area / 1024**2,
            carbon=carbon,
            carbon_border_px=border_px,
        ),
        placement=Placement(
            particles=(settings.particles, settings.particles),
            per_px=area,
            distances_px=(_OVERLAPPING * box_size_px,) * overlapping
            + (_APART * box_size_px,) * (100 - overlapping),
            clearance_px=_CLEARANCE * box_size_px,
        ),
        strength=SignalToNoise(settings.snr, box_size_px),
    )
