"""The selection of layers, which stays as it is: napari selects every layer that is added."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.components import ViewerModel


@contextmanager
def keeping_selection(viewer: ViewerModel) -> Iterator[None]:
    """A context in which new layers do not take the selection from a user who is labelling."""
    active = viewer.layers.selection.active
    mode = getattr(active, "mode", None)
    yield
    if active in viewer.layers and active is not viewer.layers.selection.active:
        viewer.layers.selection.active = active
        active.mode = mode
