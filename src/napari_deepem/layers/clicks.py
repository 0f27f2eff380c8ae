"""The mouse on layers of labels: napari's add mode without its points, and free outlines."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Points, Shapes

from napari_deepem.core.types import FloatArray
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.micrographs import placement_of
from napari_deepem.layers.tags import tag

CLICK_PX = 5  # of the screen: a mouse that moved less has clicked, as in napari
GRAB_PX = 8  # of the screen: so near the middle of a label a press takes hold of it
OUTLINE_COLOR = "#facc15"
OUTLINE_WIDTH = 2.0  # screen pixels


def add_no_points(layer: Points) -> None:
    """Keep a press of the mouse in a layer's add mode from adding a point to it.

    napari puts the callback that does there whenever that mode begins, and tells of the mode
    afterwards.
    """

    def remove() -> None:
        callbacks = layer.mouse_drag_callbacks
        callbacks[:] = [each for each in callbacks if not _adds_points(each)]

    layer.events.mode.connect(remove)
    remove()


def _adds_points(callback: Any) -> bool:
    return callback.__name__ == "add" and callback.__module__.startswith("napari.layers.points")


def screen_distance(event: Any, start: FloatArray) -> float:
    """The distance of the mouse from where it was, in screen pixels."""
    return float(np.linalg.norm(np.asarray(event.pos) - start))


def show_outline(viewer: ViewerModel, image: Any, name: str) -> Shapes:
    """A new empty layer, in which an outline on a micrograph is drawn."""
    with keeping_selection(viewer):
        return viewer.add_shapes(
            ndim=2,
            name="Outline",
            metadata=tag("outline", name),
            edge_color=OUTLINE_COLOR,
            face_color="transparent",
            **placement_of(image),
        )


def draw_outline(viewer: ViewerModel, layer: Shapes, corners_yx: FloatArray) -> None:
    """Draw an open line through (n, 2) positions, as wide as a pen on the screen."""
    width = OUTLINE_WIDTH / viewer.scene.camera.zoom / float(layer.scale[0])
    layer.data = []
    if len(corners_yx) > 1:
        layer.add_paths(corners_yx, edge_width=width, edge_color=OUTLINE_COLOR)
