"""The link between the layers of one viewer and its session.

Inward, images become the session's micrographs (`micrograph_layers`), and the mouse changes its
labels (`mouse_tools`). Outward, the current micrograph of a series is read (`navigation`), and
labels (`label_layers`), scores and picks (`result_layers`) are shown. All docks of a viewer share
one link.
"""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.controllers.autosave import Autosave
from napari_deepem.controllers.exporting import Exporting
from napari_deepem.controllers.filtered_layer import FilteredLayer
from napari_deepem.controllers.hand_picking import HandPicking
from napari_deepem.controllers.hints import Hints
from napari_deepem.controllers.key_bindings import register_keys
from napari_deepem.controllers.label_layers import LabelLayers
from napari_deepem.controllers.micrograph_layers import MicrographLayers
from napari_deepem.controllers.mouse_tools import MouseTools, Tool
from napari_deepem.controllers.navigation import Navigation
from napari_deepem.controllers.progress_bars import ProgressBars
from napari_deepem.controllers.proposing import Proposing
from napari_deepem.controllers.result_layers import ResultLayers
from napari_deepem.controllers.scoring import Scoring
from napari_deepem.controllers.single_file_labels import SingleFileLabels
from napari_deepem.controllers.training import Training
from napari_deepem.controllers.uncollected import Uncollected
from napari_deepem.controllers.window_beat import WindowBeat
from napari_deepem.controllers.window_close import WindowClose, delete_windows
from napari_deepem.controllers.workers import drop_all, report, run
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import LABEL_KINDS, LabelKind
from napari_deepem.layers import micrographs
from napari_deepem.layers.label_points import kind_of
from napari_deepem.layers.layer_order import put_in_order
from napari_deepem.layers.tags import find_layer, micrograph_name_of, role_of
from napari_deepem.layers.visibility import set_visible
from napari_deepem.session import Session
from napari_deepem.session.loading_ahead import loading_ahead

AT_REST_MS = 500  # from the first dock until a window has come to rest
_LINKS: weakref.WeakKeyDictionary[ViewerModel, ViewerLink] = weakref.WeakKeyDictionary()


def link_of(viewer: Any) -> ViewerLink:
    """The one link of a viewer, or of napari's proxy of it; made on first call."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _LINKS:
        _LINKS[viewer] = ViewerLink(viewer)
    return _LINKS[viewer]


def session_of(viewer: Any) -> Session:
    """The one session of a viewer."""
    return link_of(viewer).session


class ViewerLink:
    """The link of one viewer's layers and its session; holds the viewer weakly."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = weakref.ref(viewer)
        self.session = Session()
        self.keys_asked = SignalInstance((), name="keys_asked")  # a window shows all keys
        self.hints = Hints(self.session)
        self.training = Training(self.session)
        self.window_close = WindowClose(self.close, self.training.unfinished)
        self._closed = False
        self.progress_bars = ProgressBars(self.session)
        self.scoring = Scoring(self.session, self._view_centre_yx)
        self.proposing = Proposing(self.session, self.scoring)
        self.exporting = Exporting(self.session)
        self.label_layers = LabelLayers(self.session, self._viewer_of)
        self.hand_picking = HandPicking(
            self.session, self._viewer_of, lambda picks: self.result_layers.show_picks(picks)
        )
        self.mouse_tools = MouseTools(
            self.session, self.label_layers, self.hand_picking, self._viewer_of
        )
        self.micrograph_layers = MicrographLayers(self.session, self.label_layers, self._viewer_of)
        self.single_file_labels = SingleFileLabels(self.session)
        self.autosave = Autosave(self.session, self.single_file_labels)
        weakref.finalize(viewer, self.close).atexit = False
        self.navigation = Navigation(
            self.session,
            self.micrograph_layers,
            self._viewer_of,
            self._on_shown,
            lambda: self.result_layers.wait_a_turn(),
        )
        for layer in list(viewer.layers):
            self._add(layer)
            put_in_order(viewer.layers, layer)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        viewer.layers.events.inserted.connect(self._on_all_know_layer, position="last")
        viewer.layers.events.removed.connect(self._on_layer_removed)
        self.session.events.current.connect(self._on_current)
        self.result_layers = ResultLayers(self.session, self._viewer_of)
        self.filtered_layer = FilteredLayer(self.session, self._viewer_of)
        self.navigation.read_ahead.connect(self.filtered_layer.make_ahead)
        self._next_tool: Tool | None = None  # for the micrograph that is still being read
        self._uncollected = Uncollected(lambda: self.viewer.layers)
        self._beat = WindowBeat()
        self._on_current(self.session.current)
        register_keys(_LINKS.get)

    def load_ahead(self) -> None:
        """Import in another thread what the user will need, as soon as the window is at rest.

        Whoever needs what can't be imported tells so.
        """
        QTimer.singleShot(AT_REST_MS, self._load_ahead)

    def close(self) -> None:
        """Stop all jobs and save what the user did: the window is closed, or the viewer gone."""
        if self._closed:
            return
        self._closed, session = True, self.session
        if self._viewer() is not None:
            self.training.stop_and_wait()
        drop_all(session)
        for activity in session.activities:
            if activity.running:
                activity.end("Stopped: the window was closed.")
        self.progress_bars.close()
        self._beat.end()
        self._uncollected.close()
        try:
            self.autosave.close()
        except InputError as error:
            report(error)

    def _load_ahead(self) -> None:
        """Import, after which what is there now is not collected until the window is closed."""
        if not self._closed:
            self._beat.start()
            run(
                partial(loading_ahead, self._beat.is_late),
                on_progress=self._on_loaded_ahead,
                on_result=lambda _: self._beat.end(),
                on_failed=lambda _: self._beat.end(),
                owner=self.session,
            )

    @property
    def viewer(self) -> ViewerModel:
        """The viewer itself, not napari's proxy of it."""
        return self._viewer_of()

    @property
    def points_changed(self) -> SignalInstance:
        """The signal that layers came, went or became labels, or that napari edited labels."""
        return self.label_layers.points_changed

    def image_of(self, name: str | None) -> Image | None:
        """The image layer of a micrograph; None if it is not in the viewer."""
        return find_layer(self.viewer.layers, "micrograph", name) if name else None

    def start_labelling(self, kind: LabelKind) -> Points | None:
        """The layer in which the user now clicks labels of a kind; see `LabelLayers.start`."""
        return self.label_layers.start(kind)

    def stop_labelling(self) -> Tool | None:
        """The tool that was in use, and is laid down; see `MouseTools.stop`."""
        return self.mouse_tools.stop()

    def count_outside(self) -> int:
        """The number of labels outside of the micrograph; see `LabelLayers.count_outside`."""
        return self.label_layers.count_outside()

    def adopt(self, points: Points, kind: LabelKind) -> None:
        """Turn the user's own points into labels; see `LabelLayers.adopt`."""
        self.label_layers.adopt(points, kind)
        self.mouse_tools.add(points)

    def copy_picks(self) -> Points | None:
        """A new layer of the user's with the picks; None where there are none."""
        return self.result_layers.copy_picks()

    def _view_centre_yx(self) -> tuple[float, float] | None:
        """The (row, col) of the current micrograph in the middle of the canvas, original pixels."""
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

    def _on_all_know_layer(self, event: Any) -> None:
        put_in_order(self.viewer.layers, event.value)

    def _add(self, layer: Layer) -> None:
        if kind_of(layer) is not None:
            self.label_layers.add(layer)
            self.mouse_tools.add(layer)
        elif micrographs.is_micrograph(layer):
            self.micrograph_layers.add(layer)

    def _on_loaded_ahead(self, next_step: Callable[[], object]) -> None:
        next_step()
        self._uncollected.update()

    def _on_layer_removed(self, event: Any) -> None:
        layer = event.value
        self._uncollected.remove(layer)
        self.points_changed.emit()
        if kind_of(layer) is not None:
            self.label_layers.remove(layer)
        elif layer in self.micrograph_layers:
            self.micrograph_layers.remove(layer)

    def _on_current(self, name: str | None) -> None:
        self._next_tool = self.stop_labelling() or self._next_tool
        self.navigation.turn_to(name)
        for layer in self.viewer.layers:
            role, micrograph = role_of(layer), micrograph_name_of(layer)
            if role == "coordinates" and micrograph not in self.session.names:
                continue  # of none of our micrographs
            if role in ("micrograph", "coordinates", *LABEL_KINDS):
                set_visible(layer, micrograph == name)
        self._on_shown()

    def _on_shown(self) -> None:
        """Go on with the tool, and show results, as soon as the current micrograph is there."""
        if self._next_tool is not None and self.mouse_tools.use(self._next_tool):
            self._next_tool = None
        self.result_layers.show()


@atexit.register
def _close_all() -> None:
    """Save what is not saved where a program ends with no window closed, and let windows go."""
    for link in list(_LINKS.values()):
        link.close()
    delete_windows()
