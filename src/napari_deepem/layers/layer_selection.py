"""The selection of layers, which stays as it is: napari selects every layer that is added."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from napari.components import ViewerModel


@contextmanager
def keeping_selection(viewer: ViewerModel) -> Iterator[None]:
    """A context in which new layers do not take the selection from a user who is labelling."""
    layers: Any = viewer.layers
    active = layers.selection.active
    mode = getattr(active, "mode", None)
    # of napari 0.9.2, for speed alone: to select a layer and then the last one again takes it 50 ms
    selects = getattr(layers, "_activate_on_insert", True)
    layers._activate_on_insert = active is None
    try:
        yield
    finally:
        layers._activate_on_insert = selects
    if active in viewer.layers and active is not viewer.layers.selection.active:
        viewer.layers.selection.active = active
        active.mode = mode
