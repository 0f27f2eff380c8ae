"""Ties the layers of one viewer to its session.

Inward, the annotation Points layers and the micrographs flow into the session; outward, the
session's scores and picks are shown. All docks of a viewer share one link.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.core.types import Labels
from napari_deepem.layers import annotation, micrographs, results
from napari_deepem.layers.annotation import MARKS, Mark
from napari_deepem.layers.tags import (
    find_layer,
    find_layers,
    micrograph_name_of,
    role_of,
    tag_of,
    untag,
)
from napari_deepem.session import Session
from napari_deepem.session.marks import read_marks
from napari_deepem.widgets.runs import Runs

_LINKS: weakref.WeakKeyDictionary[ViewerModel, Link] = weakref.WeakKeyDictionary()


def link_of(viewer: Any) -> Link:
    """Return the one link of a viewer, made on first call. napari hands plugins a proxy."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _LINKS:
        _LINKS[viewer] = Link(viewer)
    return _LINKS[viewer]


def session_of(viewer: Any) -> Session:
    """Return the one session of a viewer."""
    return link_of(viewer).session


class Link:
    """One viewer's layers and its session; holds the viewer weakly."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self.points_changed = SignalInstance((), name="points_changed")
        self.session = Session()
        self.runs = Runs(self.session)
        self._images: weakref.WeakSet[Layer] = weakref.WeakSet()  # the micrographs' layers
        for layer in list(viewer.layers):
            self._add(layer)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        events = self.session.events
        events.current.connect(self._on_current)
        events.box_size_px.connect(self._on_box_size)
        events.scored.connect(self._show_scores)
        events.picks.connect(self._show_picks)
        self._on_current(self.session.current)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer itself, not napari's proxy of it."""
        viewer = self._viewer()
        if viewer is None:
            raise ReferenceError("the viewer was closed")
        return viewer

    def image_of(self, name: str | None) -> Image | None:
        """Return the image layer of a micrograph."""
        return find_layer(self.viewer.layers, "micrograph", name) if name else None

    def mark(self, mark: Mark) -> Points | None:
        """Let the user click particles, or non-particles, on the current micrograph."""
        image = self.image_of(self.session.current)
        if image is None:
            return None
        layer = annotation.annotation_layer(self.viewer, image, mark, self.session.box_size_px)
        layer.visible = True
        self.viewer.layers.selection.active = layer
        layer.mode = "add"
        return layer

    def stop_marking(self) -> Mark | None:
        """Let a click on the canvas add no more points; returns what was being marked."""
        marking = self._marking()
        if marking is not None:
            self.viewer.layers.selection.active.mode = "pan_zoom"
        return marking

    def _marking(self) -> Mark | None:
        """Return what a click on the canvas would mark now."""
        active = self.viewer.layers.selection.active
        for mark in MARKS:
            if active is not None and role_of(active) == mark and active.mode == "add":
                return mark
        return None

    def load_marks(self, path: Path) -> tuple[int, int]:
        """Add a file's particles to those of the current micrograph.

        Returns how many there are, and how many more were left out, lying outside of the image.
        """
        image = self.image_of(self.session.current)
        if image is None or self.session.current is None:
            return 0, 0
        centres_yx = read_marks(path, self.session.current)
        inside = annotation.is_on(image, centres_yx)
        if inside.any():
            with _keeping_selection(self.viewer):
                layer = annotation.annotation_layer(
                    self.viewer, image, "positive", self.session.box_size_px
                )
                layer.visible = True
                layer.add(centres_yx[inside])
                layer.selected_data = set()  # or a stray key would delete them all
        return int(inside.sum()), int((~inside).sum())

    def count_outside(self) -> int:
        """How many marks of the current micrograph lie outside of it, and don't count."""
        name = self.session.current
        return annotation.count_outside(self.viewer.layers, name) if name else 0

    def adopt(self, points: Points, mark: Mark) -> None:
        """Make the user's own points the particles, or non-particles, of the current micrograph."""
        image = self.image_of(self.session.current)
        if image is not None:
            annotation.adopt(self.viewer.layers, points, image, mark, self.session.box_size_px)
            points.events.data.connect(self._on_marks)
            self._read_labels(self.session.current)
            self.points_changed.emit()

    def copy_picks(self) -> Points | None:
        """Add the picks as an ordinary layer of the user's."""
        image = self.image_of(self.session.current)
        if image is None or self.session.picks is None:
            return None
        return results.copy_picks(self.viewer, image, self.session.picks)

    # inward

    def _on_layer_inserted(self, event: Any) -> None:
        self._add(event.value)
        self.points_changed.emit()

    def _add(self, layer: Layer) -> None:
        session = self.session
        if role_of(layer) in MARKS:
            layer.events.data.connect(self._on_marks)
            annotation.resize(layer, session.box_size_px)
            self._read_labels(micrograph_name_of(layer))
            layer.visible = micrograph_name_of(layer) == session.current
        elif micrographs.is_micrograph(layer):
            self._add_image(layer)

    def _add_image(self, layer: Image) -> None:
        session = self.session
        if problem := self._unsuitable(layer):
            untag(layer)
            show_warning(problem)
            return
        is_ours = role_of(layer) is not None
        micrograph = micrographs.enrol(layer, session.micrographs)
        self._images.add(layer)
        layer.events.data.connect(self._on_image)
        for event in self._moves_of(layer):
            event.connect(self._on_image_moved)
        box_size_px = tag_of(layer).get("box_size_px")
        if box_size_px and not session.annotated():
            session.box_size_px = box_size_px
        session.micrographs = {**session.micrographs, micrograph.name: micrograph}
        self._read_labels(micrograph.name)
        if is_ours or self._marking() is None:
            session.current = micrograph.name
        else:  # what another plugin made of a micrograph does not end the marking of that one
            layer.visible = False
            self._keep_selected(layer)

    def _unsuitable(self, layer: Image) -> str:
        """Say why an image is no micrograph of its own; empty if it is one. Hides a second view."""
        twin = micrographs.twin_of(layer, self._images)
        if twin is None:
            return micrographs.unsuitable(layer)
        layer.visible = False
        name = micrograph_name_of(twin)
        return f"'{layer.name}' is {name} once more: it is hidden, and no second micrograph."

    @staticmethod
    def _moves_of(layer: Layer) -> tuple[Any, ...]:
        return layer.events.scale, layer.events.translate, layer.events.units

    def _on_layer_removed(self, event: Any) -> None:
        layer, session = event.value, self.session
        self.points_changed.emit()
        name, role = micrograph_name_of(layer), role_of(layer)
        if role in MARKS:
            layer.events.data.disconnect(self._on_marks)
            self._read_labels(name)
        elif layer in self._images:
            self._images.discard(layer)
            layer.events.data.disconnect(self._on_image)
            for event in self._moves_of(layer):
                event.disconnect(self._on_image_moved)
            left = {key: value for key, value in session.micrographs.items() if key != name}
            if session.current == name:
                session.current = next(reversed(left), None)
            session.micrographs = left
            session.labels = {k: v for k, v in session.labels.items() if k in left}

    def _on_marks(self, event: Any) -> None:
        self._read_labels(micrograph_name_of(event.source))

    def _on_image(self, event: Any) -> None:
        layer = event.source
        taken = self.session.micrographs.keys() - {micrograph_name_of(layer)}
        micrograph = micrographs.enrol(layer, taken)
        self.session.micrographs = {**self.session.micrographs, micrograph.name: micrograph}
        self._read_labels(micrograph.name)  # another shape has other marks outside

    def _on_image_moved(self, event: Any) -> None:
        """Let all that belongs to a micrograph follow it through the world."""
        image, session = event.source, self.session
        name: str = tag_of(image)["micrograph"]
        for mark in MARKS:
            for points in find_layers(self.viewer.layers, mark, name):
                micrographs.place(points, image)
        if session.micrographs[name].pixel_size != micrographs.pixel_size_of(image):
            self._on_image(event)
        elif name == session.current and session.current_scored is not None:
            results.move_results(self.viewer, image, session.current_scored.score_map)

    def _keep_selected(self, added: Layer) -> None:
        """Select what is selected now once more, after napari has selected an added layer."""
        layers = self.viewer.layers
        kept = layers.selection.active

        def give_back() -> None:
            if layers.selection.active is added and kept in layers:
                layers.selection.active = kept

        QTimer.singleShot(0, give_back)  # napari selects it when all have heard that it is there

    def _read_labels(self, name: str | None) -> None:
        if name in self.session.micrographs:
            labels: Labels = annotation.labels_on(self.viewer.layers, name)
            self.session.labels = {**self.session.labels, name: labels}

    # outward

    def _on_current(self, name: str | None) -> None:
        marking = self.stop_marking()
        for layer in self.viewer.layers:
            if role_of(layer) in ("micrograph", *MARKS):
                layer.visible = micrograph_name_of(layer) == name
        if marking is not None:
            self.mark(marking)
        self._show_scores()

    def _on_box_size(self, box_size_px: int) -> None:
        for layer in self.viewer.layers:
            if role_of(layer) in MARKS:
                annotation.resize(layer, box_size_px)

    def _show_scores(self) -> None:
        scored, image = self.session.current_scored, self.image_of(self.session.current)
        if scored is None or image is None:
            for role in ("scores", "picks"):
                layer = find_layer(self.viewer.layers, role)
                if layer is not None:
                    layer.visible = False
            return
        with _keeping_selection(self.viewer):
            results.show_score_map(self.viewer, image, scored.score_map)
            if self.session.picks is not None:
                results.show_picks(self.viewer, image, self.session.picks).visible = True

    def _show_picks(self) -> None:
        picks, image = self.session.picks, self.image_of(self.session.current)
        if picks is not None and image is not None:
            with _keeping_selection(self.viewer):
                results.show_picks(self.viewer, image, picks)


@contextmanager
def _keeping_selection(viewer: ViewerModel) -> Iterator[None]:
    """Let a user who is marking go on marking: new layers would take the selection."""
    active = viewer.layers.selection.active
    mode = getattr(active, "mode", None)
    yield
    if active is not None and active is not viewer.layers.selection.active:
        viewer.layers.selection.active = active
        active.mode = mode
