"""Projections of a density volume by the Fourier slice theorem."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter
from scipy.spatial.transform import Rotation

from napari_deepem.core.types import Float32Array, FloatArray

_PADDING = 2  # the volume's transform is sampled this much finer than its own grid
_MATTER = 0.2  # of the maximal density
_MARGIN = 8  # planes of negative x frequency kept, for the spline to continue across zero


def random_orientations(count: int, rng: np.random.Generator) -> FloatArray:
    """(count, 3, 3) rotation matrices, uniform on SO(3); they act on (x, y, z) vectors."""
    quaternions = rng.standard_normal((count, 4))  # direction uniform on the 3-sphere
    matrices: FloatArray = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix()
    return matrices


class Projector:
    """A projector of one volume in any orientation; the volume's transform is computed once.

    Parameters
    ----------
    volume : (n, n, n) array
        Density, axes z, y, x, origin at voxel n // 2; ValueError for another shape.
    magnification : float
        Voxel size over the projections' pixel size. The transform is read at the frequencies of
        the projection's pixels, so nothing is interpolated in real space; what is finer than
        voxels or pixels can show is left out.

    Attributes
    ----------
    size_px : int
        Side of the projections.
    diameter_px : float
        Of the sphere about the origin that holds the matter, in pixels of the projections.
    """

    def __init__(self, volume: NDArray[np.floating], magnification: float = 1.0) -> None:
        if volume.ndim != 3 or len(set(volume.shape)) != 1:
            raise ValueError(f"a cubic volume is needed, not one of shape {volume.shape}")
        n, middle = volume.shape[0], volume.shape[0] // 2
        self.size_px = int(np.ceil(round(n * magnification, 6)))
        self.diameter_px = magnification * _diameter(volume)
        self._magnification = magnification
        self._padded_px = _PADDING * n
        padded = np.zeros((self._padded_px,) * 3, dtype=np.float32)
        # The origin goes to voxel 0, where transforms have no phase ramp to interpolate.
        along = (np.arange(n) - middle) % self._padded_px
        padded[np.ix_(along, along, along)] = volume
        half = scipy.fft.rfftn(padded, overwrite_x=True)
        del padded  # large volumes make these arrays fill the memory
        # f(-k) is the conjugate of f(k); reversing an axis puts frequency 0 last, so roll it back.
        negative = np.roll(half[::-1, ::-1, _MARGIN:0:-1], 1, axis=(0, 1)).conj()
        # Cubic splines are within 0.1 % over the middle half of the volume, 1.5 % at its faces.
        self._real = _splines(negative.real, half.real)  # z, y, x frequencies
        self._imag = _splines(negative.imag, half.imag)
        # With a period of 1.5 n even the corners of the rotated cube wrap around to places that
        # are cut off.
        self._period_px = 2 * int(np.ceil(0.75 * self.size_px))
        rows = scipy.fft.fftfreq(self._period_px)[:, None]  # cycles per pixel
        cols = scipy.fft.rfftfreq(self._period_px)[None, :]
        finest = (0.5 - 1.0 / self._padded_px) * min(1.0, 1.0 / magnification)
        self._within = np.hypot(rows, cols) < finest
        rows, cols = np.broadcast_arrays(rows, cols)
        self._rows, self._cols = rows[self._within], cols[self._within]  # (k,) each

    def project(
        self, rotation: FloatArray, shift_yx: tuple[float, float] = (0.0, 0.0)
    ) -> Float32Array:
        """The projection of the rotated volume along z, the beam.

        Parameters
        ----------
        rotation : (3, 3) array
            Takes (x, y, z) of the particle to (x, y, z) of the microscope.
        shift_yx : pair of float
            Moves the particle, pixels; meant for fractions of one.

        Returns
        -------
        (size_px, size_px) float32 array, sums of voxels along z; the volume's origin is at
        pixel size_px // 2 plus the shift.
        """
        # The rotated volume's transform at k is the volume's own at R^T k.
        along_x, along_y = rotation[0, ::-1], rotation[1, ::-1]  # as z, y, x
        scale = self._padded_px * self._magnification  # cycles per pixel to transform's samples
        samples = scale * (along_y[:, None] * self._rows + along_x[:, None] * self._cols)
        mirrored = samples[2] < 0  # the half that is not stored: the conjugate of the other
        samples[:, mirrored] *= -1
        samples += np.array([[self._padded_px // 2], [self._padded_px // 2], [_MARGIN]])
        real = map_coordinates(self._real, samples, prefilter=False)
        imag = map_coordinates(self._imag, samples, prefilter=False)
        imag[mirrored] *= -1
        ramp = self._rows * shift_yx[0] + self._cols * shift_yx[1]
        section = np.zeros(self._within.shape, dtype=np.complex64)
        section[self._within] = (real + 1j * imag) * np.exp(-2j * np.pi * ramp)
        section *= self._magnification**2  # as many more pixels as a finer grid has
        image = scipy.fft.irfft2(section, s=(self._period_px, self._period_px))
        image = np.roll(image, self.size_px // 2, axis=(0, 1))
        return np.asarray(image[: self.size_px, : self.size_px], dtype=np.float32)


def _splines(negative: NDArray[np.floating], positive: NDArray[np.floating]) -> Float32Array:
    """Spline coefficients of a transform's part, from below and above x frequency 0."""
    values = np.concatenate([negative, positive], axis=2)
    values = scipy.fft.fftshift(values, axes=(0, 1))
    return np.asarray(spline_filter(values, output=np.float32))


def _diameter(volume: NDArray[np.floating]) -> float:
    """Diameter in voxels of the sphere about voxel n // 2 that holds 99.5 % of the matter.

    Matter is what exceeds a fifth of the maximum: noise and ripples of the solvent do not.
    """
    z, y, x = (np.square(np.arange(n) - n // 2) for n in volume.shape)
    radius = np.sqrt(z[:, None, None] + y[:, None] + x)
    matter = volume > _MATTER * volume.max()
    mass = np.bincount(np.rint(radius[matter]).astype(int), volume[matter])
    return 2.0 * float(np.searchsorted(np.cumsum(mass), 0.995 * mass.sum()) + 0.5)
