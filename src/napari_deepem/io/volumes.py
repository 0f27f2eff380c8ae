"""Density maps of particles, from MRC files (CCP4 maps are the same format)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Volume
from napari_deepem.io.images.mrc import read_mrc, spacings

_LARGEST_SIDE = 800  # voxels: its transform, padded, would not fit in a common memory
_SPACING_TOLERANCE = 0.01  # of the three voxel sizes, which headers round


def read_volume(path: str | Path) -> Volume:
    """The density map of a file as it is, with its axes in the order z, y, x.

    Parameters
    ----------
    path
        An MRC or CCP4 map of mode 0, 1, 2, 6 or 12, also compressed by gzip or bzip2.

    Returns
    -------
    Volume
        Its voxel size is None where the header says nothing or 0.

    Raises
    ------
    InputError
        The file can't be read, is a single image or larger than 800 voxels a side, is not finite
        everywhere or the same everywhere, or its voxels are no cubes.

    Examples
    --------
    >>> import mrcfile, numpy as np
    >>> from napari_deepem.io.volumes import read_volume
    >>> density = np.random.default_rng(0).random((24, 24, 24), dtype=np.float32)
    >>> mrcfile.write("particle.mrc", density, voxel_size=3.5)
    >>> volume = read_volume("particle.mrc")
    >>> volume.density.shape, volume.voxel_size
    ((24, 24, 24), 3.5)
    """
    path = Path(path)
    numbers, header = read_mrc(path, lambda header: _volume_shape(path, header))
    _require_content(path, numbers)
    density = numbers.astype(np.float32, copy=False).transpose(_order_zyx(header))
    return Volume(density, _voxel_size(path, header))


def _require_content(path: Path, numbers: NDArray[Any]) -> None:
    low, high = numbers.min(), numbers.max()  # NaN if one voxel is
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = numbers.size - np.count_nonzero(np.isfinite(numbers))
        raise InputError(f"{path}: {wrong} of {numbers.size} voxels are NaN or infinite; repair it")
    if low == high:
        raise InputError(f"{path}: every voxel is {low}; choose another map")


def _volume_shape(path: Path, header: Any) -> tuple[int, int, int]:
    width, height, depth = (int(header[side]) for side in ("nx", "ny", "nz"))
    if min(width, height, depth) < 2:
        raise InputError(
            f"{path}: {width} x {height} x {depth} voxels are no density map; "
            "give the volume of a particle"
        )
    if max(width, height, depth) > _LARGEST_SIDE:
        raise InputError(
            f"{path}: {width} x {height} x {depth} voxels are too many; "
            f"bin or crop the map to {_LARGEST_SIDE} a side"
        )
    return depth, height, width


def _order_zyx(header: Any) -> tuple[int, int, int]:
    """The axes of the file, slowest first, that are z, y and x; files mostly have them so."""
    axes = [int(header[axis]) for axis in ("maps", "mapr", "mapc")]  # 1, 2, 3: x, y, z
    if sorted(axes) != [1, 2, 3]:  # old programs leave them at 0
        return 0, 1, 2
    return axes.index(3), axes.index(2), axes.index(1)


def _voxel_size(path: Path, header: Any) -> float | None:
    sizes = [size for size in spacings(header) if size is not None]
    if len(sizes) < len("xyz"):
        return None
    if max(sizes) - min(sizes) > _SPACING_TOLERANCE * min(sizes):
        raise InputError(
            f"{path}: its voxels are no cubes ({', '.join(f'{size:g}' for size in sizes)} A); "
            "resample it"
        )
    return sizes[0]
