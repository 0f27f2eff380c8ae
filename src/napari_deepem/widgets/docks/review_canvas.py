"""The gallery on the canvas: what is selected in one is seen in the other."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer

from napari_deepem.core.types import NO_LABELS, FloatArray
from napari_deepem.layers.clicks import CLICK_PX, screen_distance
from napari_deepem.layers.verdict_points import go_to, hide_verdicts, show_verdicts
from napari_deepem.widgets.docks.dock import Dock
from napari_deepem.widgets.pictures.gallery import GalleryPictures, GalleryView

REACH_BOXES = 0.5  # a click within means this candidate


class ReviewCanvas:
    """The squares of one Review dock on the canvas, and clicks there while it is open."""

    def __init__(self, dock: Dock, pictures: GalleryPictures, view: GalleryView) -> None:
        self._native, self._link = dock.native, dock.link
        self._pictures, self._view = pictures, view
        self._destination: tuple[str, FloatArray] | None = None  # shown once it is in memory
        self._keeps_camera = False  # while a click on the canvas selects
        self._timer = QTimer(dock.native)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.show)
        viewer = self._link.viewer
        viewer.mouse_drag_callbacks.append(self._on_press)
        dock.at_end(lambda: _remove(viewer.mouse_drag_callbacks, self._on_press))
        dock.at_end(lambda: hide_verdicts(viewer))
        view.row_chosen.connect(self._on_row)
        dock.follow(dock.session.events.micrographs, self._go)

    def show_soon(self) -> None:
        """Draw once all has changed that changes at once: a verdict moves the selection on, too."""
        self._timer.start()

    def show(self) -> None:
        """Draw the verdicts and the selected candidates of the current micrograph."""
        session, viewer = self._link.session, self._link.viewer
        name, image = session.current, self._link.image_of(session.current)
        model = session.model
        if name is None or image is None or model is None:
            hide_verdicts(viewer)
            return
        verdicts = session.verdicts.get(name, NO_LABELS)
        gallery, rows = self._pictures.gallery, self._view.selected_rows()
        selected_yx = gallery.by_name(rows).get(name, np.empty((0, 2))) if len(rows) else None
        show_verdicts(
            viewer,
            image,
            model.box_size_px,
            accepted_yx=verdicts.positive_yx,
            rejected_yx=verdicts.negative_yx,
            selected_yx=np.empty((0, 2)) if selected_yx is None else selected_yx,
        )

    def _on_row(self, row: int) -> None:
        """Go to the candidate of a row, on another micrograph too."""
        gallery, session = self._pictures.gallery, self._link.session
        if self._keeps_camera or not 0 <= row < len(gallery):
            return
        name = gallery.name_of(row)
        self._destination = name, gallery.centres_yx[row]
        if session.current != name:
            session.current = name
        self._go()

    def _go(self) -> None:
        session = self._link.session
        if self._destination is None or session.model is None:
            return
        name, position_yx = self._destination
        image = self._link.image_of(name)
        if name != session.current:
            self._destination = None  # the user went elsewhere meanwhile
        elif image is not None:
            self._destination = None
            go_to(self._link.viewer, image, position_yx, session.model.box_size_px)

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Select the candidate that is clicked on, unless a click means something else now."""
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        active = viewer.layers.selection.active
        is_free = getattr(active, "mode", "pan_zoom") in ("pan_zoom", "transform")
        if not is_free or self._link.mouse_tools.current_tool() or not self._native.isVisible():
            return
        if len(self._view.selected_rows()):
            self._view.setFocus()  # its keys go on after a look around
        if screen_distance(event, start) > CLICK_PX:
            return
        session = self._link.session
        image = self._link.image_of(session.current)
        if image is None or session.current is None:
            return
        position_yx = np.asarray(image.world_to_data(event.position)[-2:])
        gallery = self._pictures.gallery
        row = gallery.row_at(session.current, position_yx, REACH_BOXES * gallery.box_size_px)
        if row is not None:
            self._keeps_camera = True  # what is clicked on is in sight already
            self._view.select_row(row, adding="Control" in event.modifiers)
            self._view.setFocus()
            self._keeps_camera = False


def _remove(callbacks: list[Any], callback: Any) -> None:
    if callback in callbacks:
        callbacks.remove(callback)
