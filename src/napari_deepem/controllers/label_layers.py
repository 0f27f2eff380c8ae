"""The Points layers of one viewer in which its user marks, and the session's labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.core.types import LABEL_KINDS, FloatArray, LabelKind
from napari_deepem.layers import label_points, micrographs
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.tags import find_layer, find_layers, micrograph_name_of, role_of
from napari_deepem.session import Session


class LabelLayers:
    """What is marked flows from the layers into the session."""

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self.points_changed = SignalInstance((), name="points_changed")
        self._busy = False  # showing labels, or reading them
        session.events.box_size_px.connect(self._on_box_size)
        session.events.labels.connect(self._show_changed)

    def mark(self, kind: LabelKind) -> Points | None:
        """Let the user click particles, or non-particles, on the current micrograph."""
        image = self._current_image()
        if image is None:
            return None
        viewer = self._viewer_of()
        layer = label_points.label_layer(viewer, image, kind, self._session.box_size_px)
        layer.visible = True
        viewer.layers.selection.active = layer
        layer.mode = "add"
        return layer

    def stop(self) -> LabelKind | None:
        """Let a click on the canvas add no more points; returns what was being marked."""
        marking = self.now()
        if marking is not None:
            self._viewer_of().layers.selection.active.mode = "pan_zoom"
        return marking

    def now(self) -> LabelKind | None:
        """Return what a click on the canvas would mark now."""
        active = self._viewer_of().layers.selection.active
        for kind in LABEL_KINDS:
            if active is not None and role_of(active) == kind and active.mode == "add":
                return kind
        return None

    def count_outside(self) -> int:
        """How many marks of the current micrograph lie outside of it, and don't count."""
        name = self._session.current
        return label_points.count_outside(self._viewer_of().layers, name) if name else 0

    def adopt(self, points: Points, kind: LabelKind) -> None:
        """Make the user's own points the particles, or non-particles, of the current micrograph."""
        image, session = self._current_image(), self._session
        if image is not None:
            layers = self._viewer_of().layers
            label_points.adopt(layers, points, image, kind, session.box_size_px)
            points.events.data.connect(self._on_marks)
            self._take(session.current)
            self.points_changed.emit()

    # called by the link

    def add(self, layer: Points) -> None:
        """Take a layer of marks that has come into the viewer."""
        layer.events.data.connect(self._on_marks)
        label_points.resize(layer, self._session.box_size_px)
        self.read(micrograph_name_of(layer))
        layer.visible = micrograph_name_of(layer) == self._session.current

    def remove(self, layer: Points) -> None:
        """Forget a layer of marks that has gone.

        Where the image of a series goes with it, as when napari closes a viewer, it was only a
        view that was closed, and what is marked stays.
        """
        layer.events.data.disconnect(self._on_marks)
        name = micrograph_name_of(layer)
        if name in self._session.files:
            QTimer.singleShot(0, partial(self._take, name))
        else:
            self._take(name)

    def place(self, image: Image, name: str) -> None:
        """Lay all marks of a micrograph over its image."""
        for kind in LABEL_KINDS:
            for points in find_layers(self._viewer_of().layers, kind, name):
                micrographs.place(points, image)

    def read(self, name: str | None) -> None:
        """Read what was marked elsewhere: there is nothing to undo."""
        with self._session.edits.no_step():
            self._take(name)

    def _take(self, name: str | None) -> None:
        """Read what is marked on a micrograph from its layers."""
        session = self._session
        if name in session.micrographs and not self._busy:
            known = session.labels_of(name)
            found = label_points.labels_on(self._viewer_of().layers, name, known)
            labels = replace(found, unsure_yx=known.unsure_yx)
            with self._being_busy():
                session.labels = {**session.labels, name: labels}

    def show(self, name: str) -> None:
        """Show the labels of a micrograph that is in the viewer: its layers are a view of them."""
        viewer, labels = self._viewer_of(), self._session.labels_of(name)
        seen = label_points.labels_on(viewer.layers, name, labels)
        for kind in LABEL_KINDS:
            wanted_yx = getattr(labels, f"{kind}_yx")
            if not np.array_equal(wanted_yx, getattr(seen, f"{kind}_yx")):
                self.preview(name, kind, wanted_yx)

    def preview(self, name: str, kind: LabelKind, centres_yx: FloatArray) -> None:
        """Show marks of one kind on a micrograph that is in the viewer, whatever its labels are."""
        viewer = self._viewer_of()
        image = find_layer(viewer.layers, "micrograph", name)
        if image is None or self._busy:
            return
        with self._being_busy(), keeping_selection(viewer):
            layer = label_points.label_layer(viewer, image, kind, self._session.box_size_px)
            layer.data = centres_yx
            layer.selected_data = set()  # or a stray key would delete others
            for copied in find_layers(viewer.layers, kind, name)[1:]:
                viewer.layers.remove(copied)  # it would bring back what is gone

    def turn(self, old: str | None, image: Image, name: str) -> None:
        """Let the layers of one micrograph's marks show those of another, which `image` shows."""
        for kind in LABEL_KINDS:
            for layer in find_layers(self._viewer_of().layers, kind, old):
                label_points.retag(layer, kind, name)
                micrographs.place(layer, image)
                layer.visible = True
        self.show(name)

    def _show_changed(self) -> None:
        for name in self._session.micrographs:
            self.show(name)

    @contextmanager
    def _being_busy(self) -> Iterator[None]:
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _on_marks(self, event: Any) -> None:
        self._take(micrograph_name_of(event.source))

    def _on_box_size(self, box_size_px: int) -> None:
        for layer in self._viewer_of().layers:
            if role_of(layer) in LABEL_KINDS:
                label_points.resize(layer, box_size_px)

    def _current_image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None
