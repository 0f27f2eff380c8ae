"""The filtered view of the current micrograph: a picture over it, never taken for a micrograph.

There is one such layer in a viewer; it is gone where nothing filtered is to be shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_deepem.layers.layer_order import add_in_order
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.micrographs import grid_placement
from napari_deepem.layers.tags import KEY, find_layer, find_layers, tag
from napari_deepem.layers.visibility import set_visible

NAME = "Filtered"
NOTHING = np.zeros((1, 1), dtype=np.float32)


def show_filtered(
    viewer: ViewerModel,
    image: Image,
    pixels: NDArray[np.float32],
    binning: int,
    contrast_limits: tuple[float, float],
) -> Image:
    """The layer of a filtered picture, binned by `binning`, laid over the micrograph's image."""
    metadata = tag("display", image.metadata[KEY]["micrograph"])
    layer = find_layer(viewer.layers, "display")
    if layer is None:
        with keeping_selection(viewer):
            layer = Image(
                pixels,
                name=NAME,
                metadata=metadata,
                contrast_limits=contrast_limits,
                interpolation2d="linear",
                **_where(image, binning),
            )
            return add_in_order(viewer, layer)
    set_visible(layer, True)  # first: napari 0.9.2 keeps the extent of a hidden layer's old data
    if layer.data is not pixels:
        layer.data = pixels
    layer.metadata.update(metadata)
    place_filtered(viewer, image, binning)
    if tuple(layer.contrast_limits) != contrast_limits:
        low, high = contrast_limits
        layer.contrast_limits_range = 2 * low - high, 2 * high - low  # of the slider in napari
        layer.contrast_limits = contrast_limits
    return layer


def place_filtered(viewer: ViewerModel, image: Image, binning: int) -> None:
    """Lay the filtered picture over its micrograph once more, after that was moved."""
    for layer in find_layers(viewer.layers, "display", image.metadata[KEY]["micrograph"]):
        for key, value in _where(image, binning).items():
            if not np.array_equal(getattr(layer, key), value):  # setting it draws the layer anew
                setattr(layer, key, value)


def hide_filtered(viewer: ViewerModel) -> None:
    """Hide the picture of a micrograph that is not shown any more, until there is another."""
    for layer in find_layers(viewer.layers, "display"):
        if layer.visible:
            layer.data = NOTHING  # first: what is hidden would count in how large all is
        set_visible(layer, False)
        layer.metadata.update(tag("display", ""))


def remove_filtered(viewer: ViewerModel) -> None:
    """Remove the filtered picture; hide it while it is selected.

    napari 0.9.2 deletes selected layers one by one, and stops where one is gone already.
    """
    for layer in find_layers(viewer.layers, "display"):
        if layer in viewer.layers.selection:
            layer.visible = False
        else:
            viewer.layers.remove(layer)


def _where(image: Image, binning: int) -> dict[str, Any]:
    return grid_placement(image, (binning - 1) / 2, binning)
