"""Shows the current micrograph filtered, over the picture of the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.components import ViewerModel

from napari_deepem.controllers.workers import report, run
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.filtered import place_filtered, remove_filtered, show_filtered
from napari_deepem.layers.tags import find_layer
from napari_deepem.session import Session
from napari_deepem.session.display import FilteredImage, filtering

Wanted = tuple[Micrograph, float, float]


class FilteredLayer:
    """The filtered picture follows the current micrograph and the session's display settings.

    One is made at a time, in another thread; what was asked for meanwhile is made next.
    """

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self._making: Wanted | None = None
        self._made: tuple[Wanted, FilteredImage] | None = None
        events = session.display.events
        for signal in (events.filtered, events.low_pass_angstrom, events.high_pass_angstrom):
            signal.connect(self._update)
        events.contrast_sigmas.connect(self._update)
        session.events.current.connect(self._update)
        session.events.micrographs.connect(self._update)

    def toggle(self) -> None:
        """Show the filtered picture, or the file's."""
        self._session.display.filtered = not self._session.display.filtered

    def _wanted(self) -> Wanted | None:
        session, display = self._session, self._session.display
        micrograph = session.micrographs.get(session.current or "")
        if not display.filtered or micrograph is None:
            return None
        return micrograph, display.low_pass_angstrom, display.high_pass_angstrom

    def _update(self) -> None:
        wanted = self._wanted()
        if wanted is None:
            self._made = None
            remove_filtered(self._viewer_of())
        elif self._made is not None and _same(self._made[0], wanted):
            self._show(self._made[1])
        else:
            if self._made is not None and self._made[0][0] is not wanted[0]:
                self._made = None  # of another micrograph: nothing of it stays behind
                remove_filtered(self._viewer_of())
            self._make(wanted)

    def _make(self, wanted: Wanted) -> None:
        if self._making is None:
            self._making = wanted
            run(
                partial(filtering, *wanted),
                on_progress=lambda _: None,
                on_result=self._on_made,
                on_failed=self._on_failed,
                owner=self._session,
            )

    def _on_made(self, made: FilteredImage) -> None:
        of, self._making = self._making, None
        wanted = self._wanted()
        if of is not None and wanted is not None and of[0] is wanted[0]:
            self._made = of, made
            if not _same(of, wanted):
                self._show(made)  # while a slider moves, nearly right is better than nothing
        self._update()

    def _on_failed(self, error: Exception) -> None:
        self._making = None
        report(error)
        self._session.display.filtered = False

    def _show(self, made: FilteredImage) -> None:
        viewer, name = self._viewer_of(), self._session.current
        image: Any = find_layer(viewer.layers, "micrograph", name) if name else None
        if image is not None:
            reach = self._session.display.contrast_sigmas * made.spread
            limits = made.middle - reach, made.middle + reach
            show_filtered(viewer, image, made.pixels, made.binning, limits)
            for moved in (image.events.scale, image.events.translate, image.events.units):
                moved.connect(self._on_moved)

    def _on_moved(self, event: Any) -> None:
        if self._made is not None:
            place_filtered(self._viewer_of(), event.source, self._made[1].binning)


def _same(one: Wanted, other: Wanted) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
