"""A stack of particle images as an MRC file, written image by image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import mrcfile
import numpy as np

from napari_deepem.core.types import Float32Array
from napari_deepem.io.atomic import replacing

_HEADER_BYTES = 1024


class ParticleStack:
    """A stack that is being written, see `particle_stack`; a new file is open at `path`."""

    def __init__(self, file: IO[bytes], path: Path, size_px: int, pixel_size: float | None) -> None:
        self._file = file
        self.n_images = 0
        self._n_pixels = 0
        self._sum = self._sum_of_squares = 0.0
        self._lowest, self._highest = np.inf, -np.inf
        image = np.zeros((1, size_px, size_px), dtype=np.float32)
        with mrcfile.new(path, image, overwrite=True) as stack:
            stack.set_image_stack()
            stack.voxel_size = pixel_size or 0
            self._header = stack.header.copy()
        file.seek(_HEADER_BYTES)

    def append(self, images: Float32Array) -> None:
        """Write (n, size_px, size_px) images behind those that are there."""
        if not len(images):
            return
        self._file.write(images.astype("<f4", copy=False).data)
        self.n_images += len(images)
        self._n_pixels += images.size
        self._sum += float(images.sum(dtype=np.float64))
        self._sum_of_squares += float(np.square(images, dtype=np.float64).sum())
        self._lowest = min(self._lowest, float(images.min()))
        self._highest = max(self._highest, float(images.max()))

    def write_header(self) -> None:
        """Write how many images there are, at least one, and how their pixels are distributed."""
        header, mean = self._header, self._sum / self._n_pixels
        header["nz"] = self.n_images
        header["dmin"], header["dmax"], header["dmean"] = self._lowest, self._highest, mean
        header["rms"] = np.sqrt(max(0.0, self._sum_of_squares / self._n_pixels - mean**2))
        self._file.seek(0)
        self._file.write(header.tobytes())


@contextmanager
def particle_stack(path: Path, size_px: int, pixel_size: float | None) -> Iterator[ParticleStack]:
    """A stack to which images are added within the block: MRC mode 2, space group 0.

    It appears at its place when the block ends, and not at all if that fails.

    Parameters
    ----------
    path
    size_px
        Side of the images.
    pixel_size
        A/px of the images; None leaves the header at 0, which stands for unknown.

    Raises
    ------
    InputError
        The file can't be written there.
    """
    with replacing(path) as temporary, temporary.open("r+b") as file:
        stack = ParticleStack(file, temporary, size_px, pixel_size)
        yield stack
        stack.write_header()
