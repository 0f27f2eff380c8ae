"""Verdicts on picks, and what is looked at, as one layer of squares; rebuilt, never read back."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from napari.utils.colormaps.standardize_color import transform_color

from napari_deepem.core.types import Float32Array, FloatArray
from napari_deepem.layers.label_points import COLORS, resize, set_centres, square_style
from napari_deepem.layers.layer_order import add_in_order
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.micrographs import place, placement_of
from napari_deepem.layers.tags import KEY, find_layer, tag
from napari_deepem.layers.visibility import set_visible

NAME = "Review"
ACCEPTED, REJECTED, SELECTED = COLORS["positive"], COLORS["negative"], "#ffffff"
SMALLEST_ON_SCREEN = 48  # screen pixels: a box smaller than that is zoomed in to
ZOOMED = 96  # and then is as large as this


def show_verdicts(
    viewer: ViewerModel,
    image: Image,
    box_size_px: int,
    *,
    accepted_yx: FloatArray,
    rejected_yx: FloatArray,
    selected_yx: FloatArray,
) -> None:
    """Draw squares around (n, 2) positions, original pixels, in the colour of what they are."""
    layer = find_layer(viewer.layers, "verdicts")
    parts = (accepted_yx, rejected_yx, selected_yx)
    data = np.concatenate(parts)
    if layer is None:
        if not len(data):
            return
        with keeping_selection(viewer):
            layer = _added(viewer, image, box_size_px)
    layer.metadata.update(tag("verdicts", image.metadata[KEY]["micrograph"]))
    place(layer, image)
    if layer.current_size != box_size_px:
        resize(layer, box_size_px)
    _exchange(layer, data, np.repeat(_COLORS, [len(part) for part in parts], axis=0))
    set_visible(layer, True)


def hide_verdicts(viewer: ViewerModel) -> None:
    """Hide the squares of a micrograph that is not shown any more."""
    layer = find_layer(viewer.layers, "verdicts")
    if layer is not None:
        set_visible(layer, False)


def go_to(viewer: ViewerModel, image: Image, position_yx: FloatArray, box_size_px: int) -> None:
    """Move a position of an image to the middle of the canvas, and so close that it is seen."""
    camera = viewer.scene.camera
    camera.center = (0.0, *image.data_to_world(position_yx)[-2:])
    box = box_size_px * float(image.scale[-1])
    if camera.zoom * box < SMALLEST_ON_SCREEN:
        camera.zoom = ZOOMED / box


def _exchange(layer: Points, centres_yx: FloatArray, colors: Float32Array) -> None:
    """Let a layer hold other squares, told and drawn once as in `results.exchange`, if at all."""
    events, same_colors = layer.events, np.array_equal(layer.border_color, colors)
    if same_colors and np.array_equal(layer.data, centres_yx):
        return
    with events.data.blocker(), events.features.blocker(), events.set_data.blocker():
        set_centres(layer, centres_yx)
    if same_colors or not len(colors):
        return layer.refresh(thumbnail=False, extent=False)
    with events.border_color.blocker():  # the colours themselves have told already
        layer.border_color = colors


def _added(viewer: ViewerModel, image: Image, box_size_px: int) -> Points:
    style: dict[str, Any] = {**square_style("picks", box_size_px), "border_color": SELECTED}
    layer = Points(
        np.empty((0, 2)),
        ndim=2,
        name=NAME,
        metadata=tag("verdicts", image.metadata[KEY]["micrograph"]),
        **style,
        **placement_of(image),
    )
    layer.editable = False
    return add_in_order(viewer, layer)


_COLORS = transform_color([ACCEPTED, REJECTED, SELECTED])  # (3, 4)
