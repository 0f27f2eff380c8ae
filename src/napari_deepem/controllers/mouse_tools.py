"""What the mouse does on the canvas of one viewer: mark, move, erase, cut out with a lasso."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from psygnal import SignalInstance

from napari_deepem.controllers.label_layers import LabelLayers
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.types import FloatArray, LabelKind, Labels, is_inside
from napari_deepem.layers import clicks
from napari_deepem.layers.tags import find_layer, find_layers
from napari_deepem.session import Session
from napari_deepem.session.labels import (
    LabelIndex,
    centres_of,
    label_at,
    without,
    without_inside,
)
from napari_deepem.session.labels import moved as with_moved

Eraser = Literal["erase", "lasso"]
Tool = LabelKind | Eraser
TOOLS: tuple[Tool, ...] = ("positive", "negative", "erase", "lasso")
Steps = Generator[None, None, None]


class MouseTools:
    """At most one tool is in use; the two that mark are napari's add mode of their layers."""

    def __init__(
        self, session: Session, label_layers: LabelLayers, viewer_of: Callable[[], ViewerModel]
    ) -> None:
        self._session = session
        self._label_layers = label_layers
        self._viewer_of = viewer_of
        self._eraser: Eraser | None = None
        self.changed = SignalInstance((), name="changed")  # another tool, or none
        viewer = viewer_of()
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.layers.selection.events.active.connect(self._on_active)

    def add(self, layer: Points) -> None:
        """Take the mouse on a layer of marks that has come into the viewer."""
        clicks.take_presses(layer, self._on_press_marking)
        layer.events.mode.connect(self._on_mode)

    def now(self) -> Tool | None:
        """Return the tool that is in use."""
        active = self._viewer_of().layers.selection.active
        if self._eraser is not None and getattr(active, "mode", "pan_zoom") == "pan_zoom":
            return self._eraser
        return self._label_layers.now()

    def use(self, tool: Tool | None) -> bool:
        """Put a tool into the user's hand, or none; False where there is no micrograph for it."""
        if tool is None:
            self.stop()
            return True
        image = self._image()
        if image is None:
            return False
        if tool == "positive" or tool == "negative":
            self._eraser = None
            self._label_layers.mark(tool)
        else:
            self._label_layers.stop()
            selection = self._viewer_of().layers.selection
            active = selection.active
            selection.active = image if active is None or not active.visible else active
            selection.active.mode = "pan_zoom"
            self._eraser = tool
            selection.active.cursor = "cross"
        self.changed.emit()
        return True

    def toggle(self, tool: Tool) -> None:
        """Take a tool, or lay it down if it is in use."""
        self.use(None if self.now() == tool else tool)

    def stop(self) -> Tool | None:
        """Let the mouse move the camera alone; returns the tool that was in use."""
        tool = self.now()
        self._eraser = None
        self._label_layers.stop()
        active = self._viewer_of().layers.selection.active
        if active is not None and active.mode == "pan_zoom":
            active.cursor = "standard"
        self.changed.emit()
        return tool

    def _on_active(self, event: Any) -> None:
        if self._eraser is not None and getattr(event.value, "mode", None) == "pan_zoom":
            event.value.cursor = "cross"
        self._on_mode()

    def _on_mode(self) -> None:
        if self._label_layers.now() is not None:
            self._eraser = None
        self.changed.emit()

    # the mouse

    def _on_press(self, _viewer: Any, event: Any) -> Steps:
        """A press anywhere on the canvas: the erasers."""
        tool = self.now() if event.button == 1 else None
        if tool == "erase":
            yield from self._erase(event)
        elif tool == "lasso":
            yield from self._cut_out(event)

    def _on_press_marking(self, layer: Layer, event: Any) -> Steps:
        """A press on a layer of marks in add mode: add, move, or erase with Shift."""
        if event.button != 1 or self._image() is None:
            return
        hit = label_at(
            self._labels(), self._position(event), SAME_PARTICLE_BOXES * self._box_size_px
        )
        if "Shift" in event.modifiers:
            yield from self._erase(event)
        elif hit is None:
            yield from self._add(layer, event)
        else:
            yield from self._move(hit, event)

    def _add(self, layer: Layer, event: Any) -> Steps:
        """Mark what was clicked; a mouse that moves farther moves the camera."""
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            event.handled = clicks.screen_distance(event, start) < clicks.CLICK_PX
            yield
        image, position_yx = self._image(), self._position(event)
        if clicks.screen_distance(event, start) >= clicks.CLICK_PX or image is None:
            return
        if is_inside(position_yx[None], image.data.shape).all():
            layer.add(position_yx)

    def _move(self, hit: LabelIndex, event: Any) -> Steps:
        """Drag a mark; the labels change when the mouse is released."""
        name, labels, start = self._session.current or "", self._labels(), np.array(event.pos)
        image = self._image()
        offset_yx = centres_of(labels, hit.kind)[hit.index] - self._position(event)
        highest_yx = np.inf if image is None else np.array(image.data.shape) - 1.0
        moved = None

        def follow() -> Labels | None:
            if moved is None and clicks.screen_distance(event, start) < clicks.CLICK_PX:
                return None
            target_yx = np.clip(self._position(event) + offset_yx, 0.0, highest_yx)
            return with_moved(labels, hit, target_yx)

        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            moved = follow()
            if moved is not None:
                self._label_layers.preview(name, hit.kind, centres_of(moved, hit.kind))
            yield
        moved = follow()
        if moved is not None:
            self._set_labels(moved)

    def _erase(self, event: Any) -> Steps:
        """Take away what is clicked, and what the mouse then passes over."""
        with self._session.edits.one_step():
            while event.type in ("mouse_press", "mouse_move"):
                event.handled = True
                labels = self._labels()
                hit = label_at(labels, self._position(event), self._box_size_px / 2)
                if hit is not None:
                    self._set_labels(without(labels, hit))
                yield

    def _cut_out(self, event: Any) -> Steps:
        """Draw an outline; what lies in it when the mouse is released goes."""
        last, corners = np.array(event.pos), [self._position(event)]
        event.handled = True
        yield
        with self._outline() as draw:
            while event.type == "mouse_move":
                event.handled = True
                if clicks.screen_distance(event, last) >= clicks.CLICK_PX:
                    last = np.array(event.pos)
                    corners.append(self._position(event))
                    draw(np.array(corners))
                yield
        corners.append(self._position(event))
        self._set_labels(without_inside(self._labels(), np.array(corners)))

    @contextmanager
    def _outline(self) -> Iterator[Callable[[FloatArray], None]]:
        """Show the outline that is being drawn for as long as it is."""
        viewer, image = self._viewer_of(), self._image()
        if image is None:
            yield lambda corners_yx: None
            return
        layer = clicks.show_outline(viewer, image, self._session.current or "")
        try:
            yield lambda corners_yx: clicks.draw_outline(viewer, layer, corners_yx)
        finally:
            for left in find_layers(viewer.layers, "outline"):
                viewer.layers.remove(left)

    # the current micrograph

    @property
    def _box_size_px(self) -> int:
        return self._session.box_size_px

    def _image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None

    def _position(self, event: Any) -> FloatArray:
        """(2,) where the mouse is, in pixels of the current micrograph."""
        image = self._image()
        position = event.position if image is None else image.world_to_data(event.position)
        return np.asarray(position, dtype=np.float64)[-2:]

    def _labels(self) -> Labels:
        return self._session.labels_of(self._session.current)

    def _set_labels(self, labels: Labels) -> None:
        name = self._session.current
        if name in self._session.micrographs and labels is not self._labels():
            self._session.labels = {**self._session.labels, name: labels}
