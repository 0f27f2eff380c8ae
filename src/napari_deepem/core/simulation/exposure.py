"""From projected phases to recorded counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from napari_deepem.core.simulation.optics import Optics, contrast_transfer, frequency_grid
from napari_deepem.core.types import Float32Array


@dataclass(frozen=True, slots=True)
class Detector:
    """How electrons become pixel values."""

    electrons_per_px: float = 90.0  # through a hole without specimen
    nyquist_response: float = 0.6  # modulation transfer at Nyquist; 1 = perfect
    hot_pixels: int = 8


def form_image(
    phase: Float32Array,
    transmission: Float32Array,
    optics: Optics,
    defocus_angstrom: float,
) -> Float32Array:
    """Expected intensity, 1 where nothing is: transmission * (1 + 2 CTF * phase).

    `phase` (height, width; radians) is a weak phase object; `transmission` (height, width)
    is what is left of the beam after scattering in ice, carbon and dirt.
    """
    frequency = frequency_grid((phase.shape[0], phase.shape[1]), optics.pixel_size)
    ctf = contrast_transfer(frequency, optics, defocus_angstrom).astype(np.float32)
    contrast = scipy.fft.irfft2(scipy.fft.rfft2(phase) * ctf, s=phase.shape)
    # Thick dirt is no weak object: intensity cannot fall below zero.
    return np.asarray(transmission * np.maximum(1.0 + 2.0 * contrast, 0.02), dtype=np.float32)


def expose(intensity: Float32Array, detector: Detector, rng: np.random.Generator) -> Float32Array:
    """Record `intensity` (height, width; 1 = the whole beam): shot noise, blur, hot pixels."""
    counts = rng.poisson(detector.electrons_per_px * intensity).astype(np.float32)
    frequency = frequency_grid((counts.shape[0], counts.shape[1]), 0.5)  # 1 = Nyquist
    response = 1.0 / (1.0 + (1.0 / detector.nyquist_response - 1.0) * frequency**2)
    spectrum = scipy.fft.rfft2(counts) * response.astype(np.float32)
    image = np.asarray(scipy.fft.irfft2(spectrum, s=counts.shape), dtype=np.float32)
    hot = rng.integers(image.size, size=detector.hot_pixels)
    image.flat[hot] += detector.electrons_per_px * rng.uniform(1.0, 4.0, detector.hot_pixels)
    return image
