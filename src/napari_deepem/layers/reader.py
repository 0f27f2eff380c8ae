"""The reader of micrographs that are dropped on napari: name and pixel size from the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.utils.notifications import show_error, show_info

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import DATA_SUFFIXES, read_micrograph
from napari_deepem.layers.micrographs import image_layer_data

LayerData = tuple[Any, ...]
Reader = Callable[[str | Sequence[str]], list[LayerData]]


def get_reader(
    path: str | Sequence[str],
) -> Reader | None:
    """`read_micrographs` for files of micrographs, None for anything else (npe2 reader).

    Pictures are left to napari, which shows them as we would.
    """
    paths = [path] if isinstance(path, str) else list(path)
    return read_micrographs if all(p.lower().endswith(DATA_SUFFIXES) for p in paths) else None


def read_micrographs(path: str | Sequence[str]) -> list[LayerData]:
    """One image layer a file; of a file that can't be read one line is shown instead."""
    layers: list[LayerData] = []
    for file in [path] if isinstance(path, str) else path:
        try:
            micrograph = read_micrograph(file)
            layers.append(image_layer_data(micrograph))
            if micrograph.remark:
                show_info(micrograph.remark)
        except InputError as error:
            show_error(str(error))
    return layers or [(None,)]  # (None,): read, but there is no layer to add
