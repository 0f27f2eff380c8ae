"""The image layers of one viewer as the session's micrographs."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer

from napari_deepem.controllers.label_layers import LabelLayers
from napari_deepem.core.errors import InputError
from napari_deepem.layers import micrographs, results
from napari_deepem.layers.tags import micrograph_name_of, role_of, tag, tag_of, untag
from napari_deepem.session import Scored, Session
from napari_deepem.session.series import pixel_size_of


class MicrographLayers:
    """The images of the viewer that the session has as its micrographs."""

    def __init__(
        self, session: Session, label_layers: LabelLayers, viewer_of: Callable[[], ViewerModel]
    ) -> None:
        self._session = session
        self._label_layers = label_layers
        self._viewer_of = viewer_of
        self._is_turning = False
        self._layers: weakref.WeakSet[Layer] = weakref.WeakSet()  # the micrographs'
        session.events.given_pixel_size.connect(self._on_pixel_size)

    def __contains__(self, layer: Layer) -> bool:
        return layer in self._layers

    def add(self, layer: Image) -> None:
        """Enrol an image that has come into the viewer as a micrograph, or say why it is none."""
        session = self._session
        if problem := self._why_not_enrol(layer):
            untag(layer)
            show_warning(problem)
            return
        is_ours = role_of(layer) is not None
        in_series = micrographs.name_in(layer, session.files)
        if in_series is not None:  # whoever has opened it
            source, remark = str(session.files[in_series]), tag_of(layer).get("remark", "")
            layer.metadata.update(tag("micrograph", in_series, source=source, remark=remark))
        others = session.micrographs.keys() | session.files.keys() - {in_series}
        micrograph = micrographs.enrol(layer, others)
        self._layers.add(layer)
        layer.events.data.connect(self._on_data)
        for event in _moves_of(layer):
            event.connect(self._on_moved)
        box_size_px = tag_of(layer).get("box_size_px")
        if box_size_px and not session.labelled():
            session.box_size_px = box_size_px
        session.micrographs = {**session.micrographs, micrograph.name: micrograph}
        if in_series is None:
            self._label_layers.read(micrograph.name)
        else:
            self._label_layers.show(micrograph.name)
        if is_ours and not layer.visible and session.current is not None:
            return  # it came to be chosen later
        if is_ours or self._label_layers.current_kind() is None:
            session.current = micrograph.name
        else:  # what another plugin made of a micrograph does not end the labelling of that one
            layer.visible = False
            self._keep_selected(layer)

    def turn(self, layer: Image, page: micrographs.Page, scored: Scored | None) -> None:
        """Let the layer of one micrograph of a series show another, with the labels of that one.

        With its scores, too, if they are known already. Much quicker than another layer: napari
        collects garbage whenever one is removed.
        """
        session, old, new = self._session, micrograph_name_of(layer), page.micrograph
        self._is_turning = True
        micrographs.show_in(layer, page)
        self._is_turning = False
        if scored is not None:
            session.scored = {**session.scored, new.name: scored}
        others = {name: each for name, each in session.micrographs.items() if name != old}
        session.micrographs = {**others, new.name: new}
        self._label_layers.turn(old, layer, new.name)

    def remove(self, layer: Image) -> None:
        """Forget a micrograph whose image has gone."""
        session, name = self._session, micrograph_name_of(layer)
        self._layers.discard(layer)
        layer.events.data.disconnect(self._on_data)
        for event in _moves_of(layer):
            event.disconnect(self._on_moved)
        others = {key: value for key, value in session.micrographs.items() if key != name}
        if session.current == name:
            session.current = next(reversed(others), None)
        session.micrographs = others
        if name not in session.files:
            session.labels = {k: v for k, v in session.labels.items() if k != name}

    def _why_not_enrol(self, layer: Image) -> str:
        """Why an image is no micrograph of its own; empty if it is one. Hides a second view."""
        twin = micrographs.twin_of(layer, self._layers)
        if twin is None:
            return micrographs.why_not_enrol(layer)
        layer.visible = False
        name = micrograph_name_of(twin)
        return f"'{layer.name}' is {name} once more: it is hidden, and no second micrograph."

    def _on_data(self, event: Any) -> None:
        if not self._is_turning:
            self._enrol_again(event.source)

    def _enrol_again(self, layer: Image) -> None:
        """Take the pixels, or the pixel size, that a micrograph's layer has now."""
        session = self._session
        names = session.micrographs.keys() | session.files.keys()
        micrograph = micrographs.enrol(layer, names - {micrograph_name_of(layer)})
        session.micrographs = {**session.micrographs, micrograph.name: micrograph}
        self._label_layers.read(micrograph.name)  # another shape has other labels outside

    def _on_pixel_size(self) -> None:
        """Lay what is open of the series out anew: a pixel size was given, or taken back.

        Headers of other files are asked for again when they are needed.
        """
        session = self._session
        session.headers = {}
        for layer in list(self._layers):
            name = micrograph_name_of(layer)
            if name in session.files and name in session.micrographs:
                with suppress(InputError):  # the file has gone meanwhile
                    pixel_size = pixel_size_of(session, name)
                    self._is_turning = True
                    micrographs.lay_out(layer, pixel_size)
                    self._is_turning = False
                    self._take_place(layer)

    def _on_moved(self, event: Any) -> None:
        if not self._is_turning:
            self._take_place(event.source)

    def _take_place(self, image: Image) -> None:
        """Let all that belongs to a micrograph follow it through the world."""
        session = self._session
        name: str = tag_of(image)["micrograph"]
        self._label_layers.place(image, name)
        if session.micrographs[name].pixel_size != micrographs.pixel_size_of(image):
            self._enrol_again(image)
        elif name == session.current:
            scored = session.current_scored
            score_map = None if scored is None else scored.score_map
            results.move_results(self._viewer_of(), image, score_map)

    def _keep_selected(self, added: Layer) -> None:
        """Select the present layer once more, after napari has selected an added one."""
        layers = self._viewer_of().layers
        selected = layers.selection.active

        def give_back() -> None:
            if layers.selection.active is added and selected in layers:
                layers.selection.active = selected

        QTimer.singleShot(0, give_back)  # napari selects it when all have heard that it is there


def _moves_of(layer: Layer) -> tuple[Any, ...]:
    return layer.events.scale, layer.events.translate, layer.events.units
