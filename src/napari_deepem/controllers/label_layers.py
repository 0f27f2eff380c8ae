"""The Points layers of one viewer that show the session's labels."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from napari.layers.base import ActionType
from napari.utils.notifications import show_info
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.core.types import LABEL_KINDS, FloatArray, LabelKind, Labels
from napari_deepem.core.wording import counted
from napari_deepem.layers import label_points, micrographs
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.tags import find_layer, find_layers, micrograph_name_of, untag
from napari_deepem.layers.visibility import set_visible
from napari_deepem.session import Session
from napari_deepem.session.history import same
from napari_deepem.session.labels import centres_of, with_centres


class LabelLayers:
    """The layers that are built from the session's labels, and again whenever these change.

    What napari itself, a script or another plugin changes in a layer is read back: all data that
    are not those that were shown, or read, last.
    """

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self.points_changed = SignalInstance((), name="points_changed")
        # by layer, (n, 2): what was shown in it, or read from it, last
        self._known_yx: weakref.WeakKeyDictionary[Points, FloatArray] = weakref.WeakKeyDictionary()
        self._is_making = False  # a layer of what the session has: nothing in it is to be read
        session.events.box_size_px.connect(self._on_box_size)
        session.events.labels.connect(self._show_all)

    def start(self, kind: LabelKind) -> Points | None:
        """The layer in which the user now clicks labels of a kind on the current micrograph.

        None where there is no micrograph.
        """
        image = self._current_image()
        if image is None:
            return None
        layer = self._layer_on(image, kind, self._session.labels_of(self._session.current))
        set_visible(layer, True)
        self._viewer_of().layers.selection.active = layer
        layer.mode = "add"
        return layer

    def stop(self) -> LabelKind | None:
        """The kind of label that a click on the canvas added, and adds no more; None if none."""
        kind = self.current_kind()
        if kind is not None:
            self._viewer_of().layers.selection.active.mode = "pan_zoom"
        return kind

    def current_kind(self) -> LabelKind | None:
        """The kind of label that a click on the canvas adds now; None if it adds none."""
        active = self._viewer_of().layers.selection.active
        if active is None or getattr(active, "mode", "") != "add":
            return None
        return label_points.kind_of(active)

    def count_outside(self) -> int:
        """The number of points that lie outside of the current micrograph, and are no labels."""
        name = self._session.current
        return label_points.count_outside(self._viewer_of().layers, name) if name else 0

    def adopt(self, points: Points, kind: LabelKind) -> None:
        """Turn the user's own points into labels of a kind on the current micrograph."""
        image, session = self._current_image(), self._session
        if image is not None:
            layers = self._viewer_of().layers
            label_points.adopt(layers, points, image, kind, session.box_size_px)
            self._follow(points)
            self._read_layer(points)
            self.points_changed.emit()

    # called by the link, and by what brings micrographs

    def add(self, layer: Points) -> None:
        """Take a layer of labels that has come into the viewer: there is nothing to undo."""
        label_points.resize(layer, self._session.box_size_px)
        self._follow(layer)
        if not self._is_making:
            with self._session.edits.no_step():
                self._read_layer(layer)
        set_visible(layer, micrograph_name_of(layer) == self._session.current)

    def remove(self, layer: Points) -> None:
        """Show the labels of a layer that was deleted in another one: they are the session's.

        Not where their micrograph goes with it.
        """
        self._known_yx.pop(layer, None)
        name, kind = micrograph_name_of(layer), label_points.kind_of(layer)
        if name is not None and kind is not None:
            QTimer.singleShot(0, partial(self._show_again, name, kind))

    def place(self, image: Image, name: str) -> None:
        """Lay all labels of a micrograph over its image."""
        for kind in LABEL_KINDS:
            for points in find_layers(self._viewer_of().layers, kind, name):
                micrographs.place(points, image)

    def read(self, name: str) -> None:
        """Read the labels of a micrograph that has come into the viewer: nothing to undo."""
        with self._session.edits.no_step():
            self._read(name, *LABEL_KINDS)

    def show(self, name: str, labels: Labels | None = None) -> None:
        """Show the labels of a micrograph that is in the viewer, or those that they may become."""
        layers = self._viewer_of().layers
        image = find_layer(layers, "micrograph", name)
        if image is None:
            return
        labels = self._session.labels_of(name) if labels is None else labels
        drawn = label_points.labels_on(layers, name, labels)
        for kind in LABEL_KINDS:
            if not np.array_equal(centres_of(labels, kind), centres_of(drawn, kind)):
                self._show_kind(image, kind, labels)

    def select_last(self, image: Image, kind: LabelKind) -> None:
        """Select the last label of a kind on a micrograph, as napari does with what was clicked."""
        for layer in find_layers(self._viewer_of().layers, kind, micrograph_name_of(image)):
            layer.selected_data = {len(layer.data) - 1}

    def turn(self, old: str | None, image: Image, name: str) -> None:
        """Let the layers of one micrograph's labels show those of another, that of `image`."""
        for kind in LABEL_KINDS:
            for layer in find_layers(self._viewer_of().layers, kind, old):
                label_points.retag(layer, kind, name)
                micrographs.place(layer, image)
                set_visible(layer, True)
        self.show(name)

    def _show_again(self, name: str, kind: LabelKind) -> None:
        """Show labels whose layer was deleted, and say why they are back."""
        count = len(centres_of(self._session.labels_of(name), kind))
        if name not in self._session.micrographs or not count:
            return
        was_shown = find_layer(self._viewer_of().layers, kind, name) is not None  # in a copy
        self.show(name)
        if not was_shown:
            word = label_points.WORDS[kind].removesuffix("s")
            show_info(
                f"Labels stay where their layer is deleted ({counted(count, word)} on {name}): "
                "hide it with its eye, or erase them with the lasso."
            )

    # from the session

    def _show_all(self) -> None:
        for name in self._session.micrographs:
            self.show(name)

    def _show_kind(self, image: Image, kind: LabelKind, labels: Labels) -> None:
        viewer, centres_yx = self._viewer_of(), centres_of(labels, kind)
        with keeping_selection(viewer):
            layer = self._layer_on(image, kind, labels)
            for copy in find_layers(viewer.layers, kind, micrograph_name_of(image)):
                if copy is not layer:
                    untag(copy)  # or what it holds would be read
                    viewer.layers.remove(copy)
        layer.selected_data = set()  # or a stray key would delete others
        if not np.array_equal(layer.data, centres_yx):
            self._known_yx[layer] = centres_yx
            label_points.set_centres(layer, centres_yx.copy())  # napari moves points in place

    def _layer_on(self, image: Image, kind: LabelKind, labels: Labels) -> Points:
        """The layer of a kind of label on a micrograph, made of `labels` if need be."""
        centres_yx = centres_of(labels, kind).copy()
        box_size_px = self._session.box_size_px
        self._is_making = True
        try:
            return label_points.label_layer(self._viewer_of(), image, kind, box_size_px, centres_yx)
        finally:
            self._is_making = False

    def _on_box_size(self, box_size_px: int) -> None:
        for layer in self._viewer_of().layers:
            if label_points.kind_of(layer) is not None:
                label_points.resize(layer, box_size_px)

    # from the layers

    def _follow(self, layer: Points) -> None:
        self._known_yx[layer] = layer.data.copy()
        layer.events.data.connect(self._on_data)
        # of points that are pasted, napari 0.9.2 tells by selecting them alone
        layer.selected_data.events.items_changed.connect(partial(self._on_edit, layer))

    def _on_data(self, event: Any) -> None:
        if event.action not in (ActionType.ADDING, ActionType.CHANGING, ActionType.REMOVING):
            self._on_edit(event.source)

    def _on_edit(self, layer: Points, *_: object) -> None:
        """Read a layer whose data are not those that were shown or read last."""
        known_yx = self._known_yx.get(layer)
        if known_yx is not None and not np.array_equal(layer.data, known_yx):
            self._read_layer(layer)
            self.points_changed.emit()

    def _read_layer(self, layer: Points) -> None:
        """Read the labels of a layer's kind and micrograph from all layers that show them."""
        name, kind = micrograph_name_of(layer), label_points.kind_of(layer)
        if name in self._session.micrographs and kind is not None:
            self._read(name, kind)

    def _read(self, name: str, *kinds: LabelKind) -> None:
        """Give the session the labels of some kinds from a micrograph's layers, if they changed."""
        session, layers = self._session, self._viewer_of().layers
        labels = known_labels = session.labels_of(name)
        drawn = label_points.labels_on(layers, name, known_labels)
        for kind in kinds:
            labels = with_centres(labels, kind, centres_of(drawn, kind))
            for layer in find_layers(layers, kind, name):
                self._known_yx[layer] = layer.data.copy()
        if not same(labels, known_labels):
            session.labels = {**session.labels, name: labels}

    def _current_image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None
