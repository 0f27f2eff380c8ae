"""Ties the gallery of a review to the picture: what is selected here is seen there, and back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_deepem.core.types import FloatArray
from napari_deepem.layers.clicks import CLICK_PX, screen_distance
from napari_deepem.layers.verdict_points import go_to, hide_verdicts, show_verdicts
from napari_deepem.session.state import NO_LABELS
from napari_deepem.widgets.docks.dock import Dock
from napari_deepem.widgets.pictures.gallery import GalleryView, Pictures

REACH_BOXES = 0.5  # a click within means this candidate


class ReviewCanvas:
    """The squares of one Review dock on the canvas, and clicks there while it is open."""

    def __init__(self, dock: Dock, pictures: Pictures, view: GalleryView) -> None:
        self._native, self._link = dock.native, dock.link
        self._pictures, self._view = pictures, view
        self._wanted: tuple[str, FloatArray] | None = None  # to be shown when it is in memory
        self._stays = False  # the camera, while a click on the picture selects
        viewer = self._link.viewer
        viewer.mouse_drag_callbacks.append(self._on_press)
        dock.at_end(lambda: _remove(viewer.mouse_drag_callbacks, self._on_press))
        dock.at_end(lambda: hide_verdicts(viewer))
        view.row_chosen.connect(self._on_row)
        dock.follow(dock.session.events.micrographs, self._go)

    def show(self) -> None:
        """Draw verdicts and what is selected on the current micrograph."""
        session, viewer = self._link.session, self._link.viewer
        name, image = session.current, self._link.image_of(session.current)
        model = session.model
        if name is None or image is None or model is None:
            hide_verdicts(viewer)
            return
        said = session.verdicts.get(name, NO_LABELS)
        shown, rows = self._pictures.gallery, self._view.selected_rows()
        selected_yx = shown.by_name(rows).get(name, np.empty((0, 2))) if len(rows) else None
        show_verdicts(
            viewer,
            image,
            model.box_size_px,
            accepted_yx=said.positive_yx,
            rejected_yx=said.negative_yx,
            selected_yx=np.empty((0, 2)) if selected_yx is None else selected_yx,
        )

    def _on_row(self, row: int) -> None:
        """Go to what was chosen, on another micrograph too."""
        shown, session = self._pictures.gallery, self._link.session
        if self._stays or not 0 <= row < len(shown):
            return
        name = shown.name_of(row)
        self._wanted = name, shown.centres_yx[row]
        if session.current != name:
            session.current = name
        self._go()

    def _go(self) -> None:
        session = self._link.session
        if self._wanted is None or session.model is None:
            return
        name, position_yx = self._wanted
        image = self._link.image_of(name)
        if name != session.current:
            self._wanted = None  # the user went elsewhere meanwhile
        elif image is not None:
            self._wanted = None
            go_to(self._link.viewer, image, position_yx, session.model.box_size_px)

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Select what is clicked on, unless a click means something else now."""
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        active = viewer.layers.selection.active
        free = getattr(active, "mode", "pan_zoom") in ("pan_zoom", "transform")
        if not free or screen_distance(event, start) > CLICK_PX:
            return
        session = self._link.session
        image = self._link.image_of(session.current)
        if image is None or session.current is None or not self._native.isVisible():
            return
        position_yx = np.asarray(image.world_to_data(event.position)[-2:])
        shown = self._pictures.gallery
        row = shown.row_at(session.current, position_yx, REACH_BOXES * shown.box_size_px)
        if row is not None:
            self._stays = True  # what is clicked on is in sight already
            self._view.select_row(row)
            self._stays = False


def _remove(callbacks: list[Any], callback: Any) -> None:
    if callback in callbacks:
        callbacks.remove(callback)
