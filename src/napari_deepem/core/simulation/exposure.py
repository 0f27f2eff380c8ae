"""The exposure of an image: from projected phases to recorded counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from napari_deepem.core.simulation.optics import Optics, frequency_grid, transfer
from napari_deepem.core.types import Float32Array


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector: how electrons become pixel values."""

    electrons_per_px: float = 90.0  # through a hole without specimen
    nyquist_response: float = 0.6  # modulation transfer at Nyquist; 1 = perfect
    hot_pixels: int = 8
    # White Gaussian noise, of the variance of the whole beam's shot noise, instead of that noise.
    gaussian: bool = False


def form_image(
    phase: Float32Array,
    transmission: Float32Array,
    optics: Optics,
    defocus_angstrom: float | None,
) -> Float32Array:
    """Expected intensity, 1 where nothing is: transmission * (1 + 2 CTF * phase).

    `phase` (height, width; radians) is a weak phase object; `transmission` (height, width)
    is what is left of the beam after scattering in ice, carbon and dirt. See `transfer` for a
    defocus of None.
    """
    ctf = transfer((phase.shape[0], phase.shape[1]), optics, defocus_angstrom)
    contrast = scipy.fft.irfft2(scipy.fft.rfft2(phase) * ctf, s=phase.shape)
    # Thick dirt is no weak object: intensity cannot fall below zero.
    return np.asarray(transmission * np.maximum(1.0 + 2.0 * contrast, 0.02), dtype=np.float32)


def expose(intensity: Float32Array, detector: Detector, rng: np.random.Generator) -> Float32Array:
    """The image recorded of `intensity` (height, width; 1: whole beam): noise, blur, hot pixels."""
    electrons = detector.electrons_per_px
    if detector.gaussian:
        noise = rng.standard_normal(intensity.shape, dtype=np.float32)
        counts = electrons * intensity + float(np.sqrt(electrons)) * noise
    else:
        counts = rng.poisson(electrons * intensity).astype(np.float32)
    spectrum = scipy.fft.rfft2(counts)
    spectrum *= detector_response((counts.shape[0], counts.shape[1]), detector)
    image = np.asarray(scipy.fft.irfft2(spectrum, s=counts.shape), dtype=np.float32)
    hot = rng.integers(image.size, size=detector.hot_pixels)
    image.flat[hot] += electrons * rng.uniform(1.0, 4.0, detector.hot_pixels)
    return image


def detector_response(shape: tuple[int, int], detector: Detector) -> Float32Array:
    """(height, width // 2 + 1) modulation transfer of the detector, laid out as `rfft2`."""
    frequency = frequency_grid(shape, 0.5)  # 1 = Nyquist
    response = 1.0 / (1.0 + (1.0 / detector.nyquist_response - 1.0) * frequency**2)
    return response.astype(np.float32)
