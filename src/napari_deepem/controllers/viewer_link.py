"""Ties the layers of one viewer to its session.

Inward, the annotation Points layers (`marking`) and the micrographs (`images`) flow into the
session; outward, the current micrograph of a series is read (`browsing`), and the session's scores
and picks are shown (`shown`). All docks of a viewer share one link.
"""

from __future__ import annotations

import atexit
import weakref
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from psygnal import SignalInstance

from napari_deepem.controllers.autosave import Keeping
from napari_deepem.controllers.exporting import Exporting
from napari_deepem.controllers.filtered_layer import Filtering
from napari_deepem.controllers.key_bindings import register_keys
from napari_deepem.controllers.label_layers import Marking
from napari_deepem.controllers.micrograph_layers import Images
from napari_deepem.controllers.mouse_tools import Tool, Tools
from napari_deepem.controllers.navigation import Browsing
from napari_deepem.controllers.progress_bars import Bars
from napari_deepem.controllers.result_layers import Shown
from napari_deepem.controllers.scoring import Scoring
from napari_deepem.controllers.training import Training
from napari_deepem.controllers.window_close import Closing
from napari_deepem.controllers.workers import drop_all, report
from napari_deepem.core.errors import InputError
from napari_deepem.layers import micrographs
from napari_deepem.layers.label_points import MARKS, Mark
from napari_deepem.layers.tags import find_layer, micrograph_name_of, role_of
from napari_deepem.session import Session

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
        self.closing = Closing(self.close)
        self._closed = False
        self.session = Session()
        self.bars = Bars(self.session)
        self.scoring = Scoring(self.session, self._looked_at)
        self.training = Training(self.session)
        self.exporting = Exporting(self.session)
        self.marking = Marking(self.session, self._viewer_of)
        self.tools = Tools(self.session, self.marking, self._viewer_of)
        self.images = Images(self.session, self.marking, self._viewer_of)
        self.keeping = Keeping(self.session)
        weakref.finalize(viewer, self.close).atexit = False
        self.browsing = Browsing(self.session, self.images, self._viewer_of, self._on_shown)
        for layer in list(viewer.layers):
            self._add(layer)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        self.session.events.current.connect(self._on_current)
        self.shown = Shown(self.session, self._viewer_of)
        self.filtered = Filtering(self.session, self._viewer_of)
        self._next_tool: Tool | None = None  # for the micrograph that is still being read
        self._on_current(self.session.current)
        register_keys(_LINKS.get)

    def close(self) -> None:
        """Stop all jobs and save what the user did: the window is closed, or the viewer gone."""
        if self._closed:
            return
        self._closed, session = True, self.session
        drop_all(session)
        for activity in (session.training, session.scoring, session.opening, session.exporting):
            if activity.running:
                activity.end("Stopped: the window was closed.")
        self.bars.close()
        try:
            self.keeping.close()
        except InputError as error:
            report(error)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer itself, not napari's proxy of it."""
        return self._viewer_of()

    @property
    def points_changed(self) -> SignalInstance:
        """Tells that layers came, went, or became marks."""
        return self.marking.points_changed

    def image_of(self, name: str | None) -> Image | None:
        """Return the image layer of a micrograph."""
        return find_layer(self.viewer.layers, "micrograph", name) if name else None

    def mark(self, mark: Mark) -> Points | None:
        """Let the user click particles, or non-particles; see `Marking.mark`."""
        return self.marking.mark(mark)

    def stop_marking(self) -> Tool | None:
        """Let a click on the canvas change no more marks; see `Tools.stop`."""
        return self.tools.stop()

    def count_outside(self) -> int:
        """How many marks lie outside of the current micrograph; see `Marking.count_outside`."""
        return self.marking.count_outside()

    def adopt(self, points: Points, mark: Mark) -> None:
        """Make the user's own points marks; see `Marking.adopt`."""
        self.marking.adopt(points, mark)
        self.tools.add(points)

    def copy_picks(self) -> Points | None:
        """Add the picks as an ordinary layer of the user's."""
        return self.shown.copy_picks()

    def _looked_at(self) -> tuple[float, float] | None:
        """Where on the current micrograph the middle of the canvas is, original pixels."""
        image = self.image_of(self.session.current)
        if image is None:
            return None
        row, col = image.world_to_data(self.viewer.scene.camera.center[-2:])
        return float(row), float(col)

    def _viewer_of(self) -> ViewerModel:
        viewer = self._viewer()
        if viewer is None:
            raise ReferenceError("the viewer was closed")
        return viewer

    def _on_layer_inserted(self, event: Any) -> None:
        self._add(event.value)
        self.points_changed.emit()

    def _add(self, layer: Layer) -> None:
        if role_of(layer) in MARKS:
            self.marking.add(layer)
            self.tools.add(layer)
        elif micrographs.is_micrograph(layer):
            self.images.add(layer)

    def _on_layer_removed(self, event: Any) -> None:
        layer = event.value
        self.points_changed.emit()
        if role_of(layer) in MARKS:
            self.marking.remove(layer)
        elif layer in self.images:
            self.images.remove(layer)

    def _on_current(self, name: str | None) -> None:
        self._next_tool = self.stop_marking() or self._next_tool
        self.browsing.turn_to(name)
        for layer in self.viewer.layers:
            if role_of(layer) in ("micrograph", *MARKS):
                layer.visible = micrograph_name_of(layer) == name
        self._on_shown()

    def _on_shown(self) -> None:
        """Go on marking, and show results, on the current micrograph as soon as it is there."""
        if self._next_tool is not None and self.tools.use(self._next_tool):
            self._next_tool = None
        self.shown.show()


@atexit.register
def _close_all() -> None:
    """Save what is not saved where a program ends with no window closed."""
    for link in list(_LINKS.values()):
        link.close()
