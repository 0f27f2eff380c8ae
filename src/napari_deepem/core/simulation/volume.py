"""Density maps as they come, made cubes that can be projected at any pixel size."""

from __future__ import annotations

import numpy as np
import scipy.fft

from napari_deepem.core.simulation.projection import Projector
from napari_deepem.core.types import Float32Array


def projector_of(density: Float32Array, voxel_size: float, pixel_size: float) -> Projector:
    """Projector of a density map for images of `pixel_size`, both sizes in A.

    Parameters
    ----------
    density : (depth, height, width) array
        Axes z, y, x. The particle's origin, where truth says that it lies, is voxel n // 2 of
        each axis, as in RELION and EMAN.
    voxel_size, pixel_size : float
        A; they may differ, see `Projector`.
    """
    cube = as_cube(density)
    size = int(np.ceil(cube.shape[0] * voxel_size / pixel_size))
    if size < cube.shape[0]:
        size += size % 2
        fine, cube = cube.shape[0], crop_in_fourier(cube, size)
        voxel_size *= fine / size
    return Projector(cube, voxel_size / pixel_size)


def as_cube(density: Float32Array) -> Float32Array:
    """The map padded to (n, n, n), voxel n // 2 of each axis still its middle, without the solvent.

    The solvent's density is the median over the faces; what is padded has that, which is 0 then.
    """
    faces = [density.take((0, -1), axis=axis).ravel() for axis in range(density.ndim)]
    level = np.median(np.concatenate(faces))
    size = max(density.shape)
    leading = [size // 2 - n // 2 for n in density.shape]
    margins = [(low, size - n - low) for low, n in zip(leading, density.shape, strict=True)]
    return np.asarray(np.pad(density - level, margins), dtype=np.float32)


def crop_in_fourier(cube: Float32Array, size: int) -> Float32Array:
    """An (n, n, n) cube made a coarser (size, size, size), `size` even, by leaving out frequencies.

    Voxel n // 2 goes to voxel size // 2, and densities keep their scale.
    """
    fine = scipy.fft.rfftn(scipy.fft.ifftshift(cube))
    half = size // 2
    coarse = np.zeros((size, size, half + 1), dtype=fine.dtype)
    parts = (slice(0, half), slice(1 - half, None))  # frequencies 0 and above, and below
    for z in parts:
        for y in parts:
            coarse[z, y, :half] = fine[z, y, :half]
    resampled = scipy.fft.fftshift(scipy.fft.irfftn(coarse, s=(size,) * 3))
    return np.asarray(resampled * (size / cube.shape[0]) ** 3, dtype=np.float32)
