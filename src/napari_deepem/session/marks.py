"""Marks that were made elsewhere."""

from __future__ import annotations

from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray


def read_marks(path: Path, micrograph: str) -> FloatArray:
    """(n, 2) centres, original pixels, that a coordinate file has for a micrograph; n > 0.

    Raises
    ------
    InputError
        The file can't be read, or has nothing for this micrograph.
    """
    from napari_deepem.io.coordinates import read_coordinate_set

    centres_yx = read_coordinate_set(path, [micrograph])[micrograph].centres_yx
    if not len(centres_yx):
        raise InputError(f"{path}: holds no positions; choose another file")
    return centres_yx
