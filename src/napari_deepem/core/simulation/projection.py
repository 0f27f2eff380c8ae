"""Projections of a density volume by the Fourier slice theorem."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from napari_deepem.core.types import Float32Array, FloatArray

_PADDING = 2  # the volume's transform is sampled this much finer than its own grid


def random_orientations(count: int, rng: np.random.Generator) -> FloatArray:
    """(count, 3, 3) rotation matrices, uniform on SO(3); they act on (x, y, z) vectors."""
    quaternions = rng.standard_normal((count, 4))  # direction uniform on the 3-sphere
    matrices: FloatArray = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix()
    return matrices


class Projector:
    """Projects one volume in any orientation; its transform is computed once.

    Parameters
    ----------
    volume : (n, n, n) array
        Density, axes z, y, x, origin at voxel n // 2.
    """

    def __init__(self, volume: NDArray[np.floating]) -> None:
        if volume.ndim != 3 or len(set(volume.shape)) != 1:
            raise ValueError(f"a cubic volume is needed, not one of shape {volume.shape}")
        self.size_px = volume.shape[0]
        self._padded_px = _PADDING * self.size_px
        n, middle = self._padded_px, self.size_px // 2
        # Linear interpolation between Fourier samples multiplies the volume by sinc^2 along each
        # axis (its kernel is a triangle): divide by that first.
        falloff = np.sinc((np.arange(self.size_px) - middle) / n) ** 2
        corrected = volume / (
            falloff[:, None, None] * falloff[None, :, None] * falloff[None, None, :]
        )
        padded = np.zeros((n, n, n), dtype=np.float32)
        padded[: self.size_px, : self.size_px, : self.size_px] = corrected
        # The origin goes to voxel 0, where transforms have no phase ramp to interpolate.
        padded = np.roll(padded, -middle, axis=(0, 1, 2))
        transform = scipy.fft.fftshift(scipy.fft.rfftn(padded), axes=(0, 1))
        self._real = np.ascontiguousarray(transform.real)  # (n, n, n // 2 + 1)
        self._imag = np.ascontiguousarray(transform.imag)
        rows = scipy.fft.fftfreq(n, 1 / n)[:, None] + np.zeros(n // 2 + 1)
        cols = scipy.fft.rfftfreq(n, 1 / n)[None, :] + np.zeros((n, 1))
        self._inside = rows**2 + cols**2 < (n // 2 - 1) ** 2
        self._rows, self._cols = rows[self._inside], cols[self._inside]  # (k,) each

    def project(
        self, rotation: FloatArray, shift_yx: tuple[float, float] = (0.0, 0.0)
    ) -> Float32Array:
        """Project the rotated volume along z, the beam.

        Parameters
        ----------
        rotation : (3, 3) array
            Takes (x, y, z) of the particle to (x, y, z) of the microscope.
        shift_yx : pair of float
            Moves the particle, pixels; meant for fractions of one.

        Returns
        -------
        (n, n) float32 array, sums of density along z; the volume's origin is at
        pixel n // 2 plus the shift.
        """
        # The rotated volume's transform at k is the volume's own at R^T k.
        along_x, along_y = rotation[0, ::-1], rotation[1, ::-1]  # as z, y, x
        at = along_y[:, None] * self._rows + along_x[:, None] * self._cols  # (3, k)
        mirrored = at[2] < 0  # the half that is not stored: the conjugate of the other
        at[:, mirrored] *= -1
        at[:2] += self._padded_px // 2
        real = map_coordinates(self._real, at, order=1, mode="constant")
        imag = map_coordinates(self._imag, at, order=1, mode="constant")
        imag[mirrored] *= -1
        ramp = self._rows * shift_yx[0] + self._cols * shift_yx[1]
        section = np.zeros(self._inside.shape, dtype=np.complex64)
        section[self._inside] = (real + 1j * imag) * np.exp(-2j * np.pi / self._padded_px * ramp)
        image = scipy.fft.irfft2(section, s=(self._padded_px, self._padded_px))
        middle = self.size_px // 2
        image = np.roll(image, middle, axis=(0, 1))[: self.size_px, : self.size_px]
        return np.asarray(image, dtype=np.float32)
