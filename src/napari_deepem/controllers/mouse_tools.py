"""The mouse on the canvas of one viewer: it adds, moves and erases labels, and picks by hand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from psygnal import SignalInstance

from napari_deepem.controllers.hand_picking import HandPicking
from napari_deepem.controllers.label_layers import LabelLayers
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.types import FloatArray, LabelKind, Labels, is_inside
from napari_deepem.layers import clicks
from napari_deepem.layers.tags import find_layer, find_layers
from napari_deepem.session import Session
from napari_deepem.session.history import same
from napari_deepem.session.labels import (
    LabelIndex,
    centres_of,
    label_at,
    moved,
    with_more,
    without,
    without_inside,
)

OwnTool = Literal["erase", "lasso", "picks"]  # which napari has no mode for
Tool = LabelKind | OwnTool
TOOLS: tuple[Tool, ...] = ("positive", "negative", "erase", "lasso", "picks")
FLAT_FIRST = "Labels and picks are set in the 2D view: leave the 3D view first."
Steps = Generator[None, None, None]


class Stroke:
    """A change of the current micrograph's labels from a press of the mouse to its release.

    It is seen at once, and becomes one change of the session in the end. Where the labels are
    changed meanwhile, by a key or a job, or another micrograph becomes the current one, it is
    dropped.
    """

    def __init__(self, session: Session, label_layers: LabelLayers) -> None:
        self._session, self._label_layers = session, label_layers
        self._name = session.current or ""
        self._before = self.labels = session.labels_of(self._name)
        self._is_dropped = False

    def show(self, labels: Labels) -> None:
        """Show the labels that the stroke has made so far."""
        if self._holds():
            self.labels = labels
            self._label_layers.show(self._name, labels)

    def end(self) -> bool:
        """Whether the session has other labels now that the stroke is over."""
        if not self._holds():
            self._label_layers.show(self._name)
            return False
        if same(self._before, self.labels):
            return False
        self._session.labels = {**self._session.labels, self._name: self.labels}
        return True

    def drop(self) -> None:
        """Let it come to nothing, and show the labels that the session has."""
        self._is_dropped = True
        self._label_layers.show(self._name)

    def _holds(self) -> bool:
        return not self._is_dropped and self._session.labels_of(self._name) is self._before


class MouseTools:
    """The tools of the mouse, at most one in use; those that add labels are napari's add modes."""

    def __init__(
        self,
        session: Session,
        label_layers: LabelLayers,
        hand_picking: HandPicking,
        viewer_of: Callable[[], ViewerModel],
    ) -> None:
        self._session = session
        self._label_layers = label_layers
        self._hand_picking = hand_picking
        self._viewer_of = viewer_of
        self._own_tool: OwnTool | None = None
        self._stroke: Stroke | None = None  # the present one, or the last
        self.changed = SignalInstance((), name="changed")  # another tool, or none
        viewer = viewer_of()
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.layers.selection.events.active.connect(self._on_active)
        session.events.current.connect(self._on_current)

    def add(self, layer: Points) -> None:
        """Take the mouse on a layer of labels that has come into the viewer."""
        # the viewer hears of a press and its release, whatever is active
        clicks.add_no_points(layer)
        layer.events.mode.connect(self._on_mode)

    def current_tool(self) -> Tool | None:
        """The tool that is in use; None if there is none."""
        active = self._viewer_of().layers.selection.active
        if self._own_tool is not None and getattr(active, "mode", "pan_zoom") == "pan_zoom":
            return self._own_tool
        return self._label_layers.current_kind()

    def use(self, tool: Tool | None) -> bool:
        """Whether a tool, or none, is in use from now on: a tool needs a micrograph."""
        if tool is None:
            self.stop()
            return True
        image, viewer = self._image(), self._viewer_of()
        if viewer.dims.ndisplay == 3:
            viewer.status = FLAT_FIRST
            self.changed.emit()
            return False
        if image is None:
            return False
        if tool == "positive" or tool == "negative":
            self._own_tool = None
            self._label_layers.start(tool)
        else:
            self._label_layers.stop()
            selection = viewer.layers.selection
            active = selection.active
            selection.active = image if active is None or not active.visible else active
            selection.active.mode = "pan_zoom"
            self._own_tool = tool
            selection.active.cursor = "cross"
        self.changed.emit()
        return True

    def toggle(self, tool: Tool) -> None:
        """Take up a tool, or lay it down if it is in use."""
        self.use(None if self.current_tool() == tool else tool)

    def stop(self) -> Tool | None:
        """The tool that was in use, and is laid down: the mouse now moves the camera alone."""
        tool = self.current_tool()
        self._own_tool = None
        self._label_layers.stop()
        active = self._viewer_of().layers.selection.active
        if active is not None and active.mode == "pan_zoom":
            active.cursor = "standard"
        self.changed.emit()
        return tool

    def _on_active(self, event: Any) -> None:
        if self._own_tool is not None and getattr(event.value, "mode", None) == "pan_zoom":
            event.value.cursor = "cross"
        self._on_mode()

    def _on_current(self) -> None:
        if self._stroke is not None:  # it was of the micrograph before
            self._stroke.drop()
            self._stroke = None

    def _on_mode(self) -> None:
        if self._label_layers.current_kind() is not None:
            self._own_tool = None
        self.changed.emit()

    # the mouse

    def _on_press(self, _viewer: Any, event: Any) -> Steps:
        """A press anywhere on the canvas, with the tool that is in use."""
        tool, image = self.current_tool(), self._image()
        is_flat = self._viewer_of().dims.ndisplay == 2
        if event.button != 1 or tool is None or image is None or not is_flat:
            return
        if tool == "picks":
            yield from self._hand_picking.on_press(image, event)
            return
        stroke = self._stroke = Stroke(self._session, self._label_layers)
        if tool == "lasso":
            yield from self._erase_in_lasso(stroke, event)
        elif tool == "erase" or "Shift" in event.modifiers:
            yield from self._erase(stroke, event)
        else:
            label = label_at(stroke.labels, self._position(event), self._grab_px(image))
            if label is None:
                yield from self._add(stroke, tool, image, event)
            else:
                yield from self._move(stroke, label, image, event)

    def _add(self, stroke: Stroke, kind: LabelKind, image: Image, event: Any) -> Steps:
        """Add a label where the user clicked; a mouse that moves farther moves the camera."""
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            event.handled = clicks.screen_distance(event, start) < clicks.CLICK_PX
            yield
        has_clicked = clicks.screen_distance(event, start) < clicks.CLICK_PX
        clicked_yx = self._position(event)[None]
        is_on_image = is_inside(clicked_yx, image.data.shape).all()
        if has_clicked and is_on_image and self._stroke is stroke:
            stroke = Stroke(self._session, self._label_layers)  # with what has come meanwhile
            stroke.show(with_more(stroke.labels, kind, clicked_yx))
            if stroke.end():
                self._label_layers.select_last(image, kind)

    def _move(self, stroke: Stroke, label: LabelIndex, image: Image, event: Any) -> Steps:
        """Drag a label; one that is hardly moved stays where it is."""
        start = np.array(event.pos)
        offset_yx = centres_of(stroke.labels, label.kind)[label.index] - self._position(event)
        highest_yx = np.array(image.data.shape) - 1.0
        is_moving = False
        event.handled = True
        yield
        while True:
            is_moving = is_moving or clicks.screen_distance(event, start) >= clicks.CLICK_PX
            if is_moving:
                target_yx = np.clip(self._position(event) + offset_yx, 0.0, highest_yx)
                stroke.show(moved(stroke.labels, label, target_yx))
            if event.type != "mouse_move":
                break
            event.handled = True
            yield
        stroke.end()

    def _erase(self, stroke: Stroke, event: Any) -> Steps:
        """Erase the label that is clicked, and those that the mouse then passes over."""
        while event.type in ("mouse_press", "mouse_move"):
            event.handled = True
            label = label_at(stroke.labels, self._position(event), self._session.box_size_px / 2)
            if label is not None:
                stroke.show(without(stroke.labels, label))
            yield
        stroke.end()

    def _erase_in_lasso(self, stroke: Stroke, event: Any) -> Steps:
        """Draw an outline, and erase the labels in it when the mouse is released."""
        last, corners_yx = np.array(event.pos), [self._position(event)]
        event.handled = True
        yield
        with self._outline() as draw:
            while event.type == "mouse_move":
                event.handled = True
                if clicks.screen_distance(event, last) >= clicks.CLICK_PX:
                    last = np.array(event.pos)
                    corners_yx.append(self._position(event))
                    draw(np.array(corners_yx))
                yield
        corners_yx.append(self._position(event))
        stroke.show(without_inside(stroke.labels, np.array(corners_yx)))
        stroke.end()

    @contextmanager
    def _outline(self) -> Iterator[Callable[[FloatArray], None]]:
        """A function that draws (n, 2) corners of an outline, shown for as long as it is drawn."""
        viewer, image = self._viewer_of(), self._image()
        if image is None:
            yield lambda _: None
            return
        layer = clicks.show_outline(viewer, image, self._session.current or "")
        try:
            yield lambda corners_yx: clicks.draw_outline(viewer, layer, corners_yx)
        finally:
            for outline in find_layers(viewer.layers, "outline"):
                viewer.layers.remove(outline)

    def _grab_px(self, image: Image) -> float:
        """How near the middle of a label a press takes hold of it, pixels of the image.

        As near as the hand is sure on the screen: boxes may be far larger than what they hold, and
        a click on the next particle is to label that one.
        """
        reach_px = clicks.GRAB_PX / self._viewer_of().scene.camera.zoom / float(image.scale[-1])
        return min(reach_px, SAME_PARTICLE_BOXES * self._session.box_size_px)

    # the current micrograph

    def _image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None

    def _position(self, event: Any) -> FloatArray:
        """The (2,) position of the mouse, in pixels of the current micrograph."""
        image = self._image()
        position = event.position if image is None else image.world_to_data(event.position)
        return np.asarray(position, dtype=np.float64)[-2:]
