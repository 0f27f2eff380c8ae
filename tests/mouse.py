"""A mouse without a window: what napari's canvas hands to a viewer and its selected layer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from napari_deepem.controllers.viewer_link import link_of

Place = tuple[float, float]


class Mouse:
    """Presses and drags; places are pixels of the current micrograph, and of the screen."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer

    def drag(self, *places: Place, modifiers: tuple[str, ...] = ()) -> None:
        """Press at the first place, move over the others, let go at the last."""
        self.press(places[0], modifiers)
        for place in places[1:]:
            self.move(place, modifiers)
        self.release(places[-1], modifiers)

    def press(self, place: Place, modifiers: tuple[str, ...] = ()) -> None:
        """Press the left button, and hold it."""
        self._send(mouse_press_callbacks, "mouse_press", place, modifiers)

    def move(self, place: Place, modifiers: tuple[str, ...] = ()) -> None:
        """Move while the button is held."""
        self._send(mouse_move_callbacks, "mouse_move", place, modifiers)

    def release(self, place: Place, modifiers: tuple[str, ...] = ()) -> None:
        """Let the button go."""
        self._send(mouse_release_callbacks, "mouse_release", place, modifiers)

    def _send(self, callbacks: Any, kind: str, place: Place, modifiers: tuple[str, ...]) -> None:
        link = link_of(self._viewer)
        event = SimpleNamespace(
            type=kind,
            button=1,
            modifiers=modifiers,
            pos=np.array(place[::-1]),
            position=link.image_of(link.session.current).data_to_world(place),
            is_dragging=kind == "mouse_move",
            handled=False,
            view_direction=None,
            up_direction=None,
            dims_displayed=[0, 1],
        )
        seen = ReadOnlyWrapper(event, exceptions=("handled",))
        for receiver in (self._viewer, self._viewer.layers.selection.active):
            if receiver is not None:
                callbacks(receiver, seen)
