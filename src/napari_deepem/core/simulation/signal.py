"""The strength of particles for a signal-to-noise ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from napari_deepem.core.simulation.exposure import Detector, detector_response
from napari_deepem.core.simulation.optics import Optics, fringe_reach_px, transfer
from napari_deepem.core.simulation.scene import Placed, add_image
from napari_deepem.core.types import Float32Array


@dataclass(frozen=True, slots=True)
class SignalToNoise:
    """The variance of the signal over that of the noise, inside the particles' boxes.

    Signal is a particle's own image as it is recorded, through contrast transfer and detector,
    without noise, neighbours or anything else: its variance over the pixels of the box around
    the particle's centre, averaged over a micrograph's particles. Noise is what is recorded where
    there is nothing but ice of even thickness: its variance over pixels.
    """

    ratio: float
    box_size_px: int

    def strength(
        self,
        particles: list[Placed],
        optics: Optics,
        defocus_angstrom: float | None,
        detector: Detector,
        ice_phase: float,
    ) -> float:
        """Factor from summed density to phase, in radians, that gives these particles the ratio.

        The images' pixels n // 2 are taken as the boxes'; an image without any variance is as
        good as none. `ice_phase` is the standard deviation of the ice's phase per pixel, radians.
        """
        variances = [
            recorded_variance(particle.image, self.box_size_px, optics, defocus_angstrom, detector)
            for particle in particles
        ]
        signal = float(np.mean(variances)) if variances else 0.0
        if signal == 0.0:
            return 0.0
        noise = noise_variance(optics, defocus_angstrom, detector, ice_phase)
        return float(np.sqrt(self.ratio * noise / signal))


def recorded_variance(
    image: Float32Array,
    box_size_px: int,
    optics: Optics,
    defocus_angstrom: float | None,
    detector: Detector,
) -> float:
    """Variance over its box of the intensity that a phase of `image` (n, n; radians) makes."""
    reach = fringe_reach_px(optics, defocus_angstrom)
    side = scipy.fft.next_fast_len(max(box_size_px, image.shape[0]) + 2 * reach + 2, real=True)
    patch = np.zeros((side, side), dtype=np.float32)
    add_image(patch, image, np.array([side // 2, side // 2]))
    response = transfer(patch.shape, optics, defocus_angstrom)
    response *= 2.0 * detector_response(patch.shape, detector)
    recorded = scipy.fft.irfft2(scipy.fft.rfft2(patch) * response, s=patch.shape)
    corner = side // 2 - box_size_px // 2
    box = slice(corner, corner + box_size_px)
    return float(np.var(recorded[box, box], dtype=np.float64))


def noise_variance(
    optics: Optics, defocus_angstrom: float | None, detector: Detector, ice_phase: float
) -> float:
    """Variance of the recorded intensity where there is nothing but ice; 1 is the whole beam.

    Shot noise, or what stands for it, is white before the detector's response; the ice's white
    phase passes the contrast transfer first.
    """
    shape = (256, 256)  # the spectrum is smooth: as good as any size
    response = detector_response(shape, detector).astype(np.float64)
    ctf = transfer(shape, optics, defocus_angstrom).astype(np.float64)
    power = response**2 / detector.electrons_per_px + np.square(2.0 * ice_phase * ctf * response)
    twice = np.full(power.shape[1], 2.0)  # rfft2 leaves out the mirrored half
    twice[[0, -1]] = 1.0
    return float(np.sum(power * twice) / (shape[0] * shape[1]))
