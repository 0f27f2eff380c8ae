"""The microscope: wavelength, contrast transfer, frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import Float32Array, FloatArray


@dataclass(frozen=True, slots=True)
class Optics:
    """The settings of a microscope, but for the defocus, which differs by micrograph."""

    pixel_size: float  # A/px
    voltage_kv: float = 120.0
    spherical_aberration_mm: float = 2.0
    amplitude_contrast: float = 0.08  # fraction, 0 to 1
    b_factor: float = 900.0  # A^2; the envelope is exp(-B k^2 / 4)


def electron_wavelength(voltage_kv: float) -> float:
    """Relativistic wavelength in A of electrons accelerated by `voltage_kv`.

    lambda = h / sqrt(2 m e V (1 + e V / (2 m c^2))), CODATA constants.
    """
    volts = voltage_kv * 1e3
    return float(12.264259 / np.sqrt(volts * (1.0 + 0.978476e-6 * volts)))


def frequency_grid(shape: tuple[int, int], pixel_size: float) -> FloatArray:
    """(height, width // 2 + 1) spatial frequencies in 1/A, laid out as numpy's `rfft2`."""
    height, width = shape
    rows = np.fft.fftfreq(height, pixel_size)
    cols = np.fft.rfftfreq(width, pixel_size)
    grid: FloatArray = np.hypot(rows[:, None], cols[None, :])
    return grid


def contrast_transfer(
    frequency: FloatArray, optics: Optics, defocus_angstrom: float
) -> NDArray[np.float64]:
    """Contrast transfer function with its envelope; same shape as `frequency` (1/A).

    CTF(k) = -sin(pi lambda k^2 (dz - lambda^2 k^2 Cs / 2) + asin(A)) exp(-B k^2 / 4), positive
    dz being underfocus (Rohou & Grigorieff 2015, J. Struct. Biol. 192, 216-221). It is negative
    at low frequency: matter is dark, as in a raw micrograph.
    """
    wavelength = electron_wavelength(optics.voltage_kv)
    cs_angstrom = optics.spherical_aberration_mm * 1e7
    k2 = np.square(frequency)
    phase = np.pi * wavelength * k2 * (defocus_angstrom - 0.5 * wavelength**2 * cs_angstrom * k2)
    ctf: FloatArray = -np.sin(phase + np.arcsin(optics.amplitude_contrast))
    ctf *= np.exp(-0.25 * optics.b_factor * k2)
    return ctf


def transfer(
    shape: tuple[int, int], optics: Optics, defocus_angstrom: float | None
) -> Float32Array:
    """(height, width // 2 + 1) contrast transfer of an image of `shape`, laid out as `rfft2`.

    A defocus of None stands for a microscope without contrast transfer: -1 at every frequency,
    so that matter is dark and as sharp as its projection.
    """
    if defocus_angstrom is None:
        return np.full((shape[0], shape[1] // 2 + 1), -1.0, dtype=np.float32)
    frequency = frequency_grid(shape, optics.pixel_size)
    return contrast_transfer(frequency, optics, defocus_angstrom).astype(np.float32)


def fringe_reach_px(optics: Optics, defocus_angstrom: float | None) -> int:
    """The reach of fringes around matter: where the finest that pass the envelope fall, px.

    A structure of frequency k is displaced by lambda dz k; 5 % of the envelope, or Nyquist, is
    taken for the finest.
    """
    if defocus_angstrom is None:
        return 0
    finest = 0.5 / optics.pixel_size
    if optics.b_factor > 0:
        finest = min(finest, float(np.sqrt(4.0 * np.log(20.0) / optics.b_factor)))
    displaced = electron_wavelength(optics.voltage_kv) * abs(defocus_angstrom) * finest
    return int(np.ceil(displaced / optics.pixel_size))
