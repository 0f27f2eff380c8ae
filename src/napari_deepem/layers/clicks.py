"""The mouse on layers of labels: what a press does in napari's add mode, and free outlines."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Points, Shapes

from napari_deepem.core.types import FloatArray
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.micrographs import placement_of
from napari_deepem.layers.tags import tag

Press = Callable[[Any, Any], Generator[None, None, None]]

CLICK_PX = 5  # of the screen: a mouse that moved less has clicked, as in napari
OUTLINE_COLOR = "#facc15"
OUTLINE_WIDTH = 2.0  # screen pixels


def take_presses(layer: Points, press: Press) -> None:
    """Let `press` do what napari's own callback does to a mouse press in a layer's add mode.

    napari puts its callback there whenever that mode begins, and tells of the mode afterwards.
    """

    def exchange() -> None:
        callbacks = layer.mouse_drag_callbacks
        others = [each for each in callbacks if each != press and not _adds_points(each)]
        callbacks[:] = [*others, press] if layer.mode == "add" else [*others]

    layer.events.mode.connect(exchange)
    exchange()


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
