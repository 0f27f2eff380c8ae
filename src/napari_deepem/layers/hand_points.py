"""Picks by hand as one layer of discs: rebuilt, never read back.

The network's are squares: who can't tell their colours can tell their shapes. A layer of their own
keeps what is drawn anew small when one of them is added among thousands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_deepem.core.types import Picks
from napari_deepem.layers.label_points import COLORS, resize, square_style
from napari_deepem.layers.layer_order import add_in_order
from napari_deepem.layers.micrographs import place, placement_of
from napari_deepem.layers.results import exchange, holds, show_again
from napari_deepem.layers.tags import KEY, find_layer, tag

NAME = "Picks by hand"


def show_picks_by_hand(viewer: ViewerModel, image: Image, picks: Picks) -> None:
    """Draw circles, as wide as their boxes, around the picks by hand on a micrograph."""
    name, box_size_px = image.metadata[KEY]["micrograph"], picks.box_size_px or 1
    layer = find_layer(viewer.layers, "hand")
    if layer is None:
        if not len(picks):
            return
        layer = _added(viewer, image, box_size_px)
    layer.metadata[KEY]["micrograph"] = name
    place(layer, image)
    if layer.current_size != box_size_px:
        resize(layer, box_size_px)
    if not holds(layer, picks):
        exchange(layer, picks, lambda _: False)
    show_again(layer)


def _added(viewer: ViewerModel, image: Image, box_size_px: int) -> Points:
    style: dict[str, Any] = {**square_style("picks", box_size_px), "symbol": "disc"}
    layer = Points(
        np.empty((0, 2)),
        ndim=2,
        name=NAME,
        metadata=tag("hand", image.metadata[KEY]["micrograph"]),
        **{**style, "border_color": COLORS["hand"]},
        **placement_of(image),
    )
    layer.editable = False
    return add_in_order(viewer, layer)
