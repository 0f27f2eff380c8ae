"""The current micrograph filtered, as a layer over the picture of the file."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import lru_cache, partial
from typing import Any, TypeGuard

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_deepem.controllers.display_memory import remember
from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.filtered import (
    hide_filtered,
    place_filtered,
    remove_filtered,
    show_filtered,
)
from napari_deepem.layers.tags import find_layer, micrograph_name_of
from napari_deepem.session import Session
from napari_deepem.session.display import FilteredImage, contrast_limits, filtering

FilterInput = tuple[Micrograph, float, float]  # with low and high pass, angstrom
Made = tuple[FilterInput, FilteredImage]


class FilteredLayer:
    """The filtered picture that follows the current micrograph and the session's display settings.

    One is made at a time, in another thread; what was asked for meanwhile is made next, and then
    that of the micrograph that is read ahead.
    """

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self._input_in_work: FilterInput | None = None
        self._made: Made | None = None
        self._next: Micrograph | None = None  # that is read ahead
        self._ahead: Made | None = None  # its picture
        self._hopeless: FilterInput | None = None
        self._is_showing = False  # what changes in the layer is no wish of the user's
        remember(session.display)
        events = session.display.events
        for signal in (events.filtered, events.low_pass_angstrom, events.high_pass_angstrom):
            signal.connect(self._update)
        events.contrast_percent.connect(self.forget_contrast)
        for signal in (events.contrast_percent, events.contrast):
            signal.connect(self._update)
        for name in ("current", "micrographs", "box_size_px"):
            session.events[name].connect(self._update)
        self._update()

    def toggle(self) -> None:
        """Show the filtered picture, or the file's."""
        self._session.display.filtered = not self._session.display.filtered

    def take_contrast_of_seen(self) -> None:
        """Give the current micrograph the contrast of the part that is seen; its layer keeps it."""
        viewer, session = self._viewer_of(), self._session
        name = session.current or ""
        layer: Any = find_layer(viewer.layers, "display", name)
        if layer is None or not layer.visible:
            layer = find_layer(viewer.layers, "micrograph", name)
        if layer is not None:
            percent = session.display.contrast_percent
            layer.contrast_limits = contrast_limits(_seen(layer), percent)

    def forget_contrast(self) -> None:
        """Give the current micrograph the contrast of its whole again."""
        display, name = self._session.display, self._session.current
        display.contrast = {k: v for k, v in display.contrast.items() if k != name}

    def make_ahead(self, micrograph: Micrograph) -> None:
        """Make the picture of a micrograph that may become the current one."""
        self._next = micrograph
        self._make_next()

    def _current(self) -> FilterInput | None:
        """What is to be shown filtered; None while it is still being read, or if nothing is."""
        session = self._session
        micrograph = session.micrographs.get(session.current or "")
        if micrograph is None or not session.display.filtered:
            return None
        return self._input_of(micrograph)

    def _input_of(self, micrograph: Micrograph) -> FilterInput:
        session, display = self._session, self._session.display
        low_pass = display.low_pass.in_angstrom(session.box_size_px, micrograph.pixel_size)
        return micrograph, low_pass, display.high_pass_angstrom

    def _update(self) -> None:
        if not self._session.display.filtered or self._session.current is None:
            self._made = self._next = self._ahead = self._hopeless = None
            _limits_of.cache_clear()  # or it would hold the pictures of what was closed
            remove_filtered(self._viewer_of())
            return
        current = self._current()
        if _is_of(self._ahead, current):
            self._made, self._ahead = self._ahead, None
        if current is None or (self._made is not None and self._made[0][0] is not current[0]):
            self._leave()
        if current is None:
            self._next = self._ahead = None
        elif _is_of(self._made, current):
            self._show(self._made[1])
            self._make_next()
        elif self._hopeless is None or not _same(self._hopeless, current):
            self._make(current)

    def _make_next(self) -> None:
        """Make the picture of what is read ahead, where there is nothing else to make."""
        if self._next is None or self._input_in_work is not None:
            return
        following = self._input_of(self._next)
        is_made = _is_of(self._ahead, following) or _is_of(self._made, following)
        is_hopeless = self._hopeless is not None and _same(self._hopeless, following)
        if _is_of(self._made, self._current()) and not is_made and not is_hopeless:
            self._make(following)

    def _leave(self) -> None:
        """Show nothing of another micrograph; the layer stays: to remove one takes napari long."""
        self._made = None
        hide_filtered(self._viewer_of())

    def _make(self, filter_input: FilterInput) -> None:
        if self._input_in_work is None:
            self._input_in_work = filter_input
            run(
                partial(_making, filter_input, self._session.display.contrast_percent),
                on_progress=lambda _: None,
                on_result=self._on_made,
                on_failed=self._on_failed,
                owner=self._session,
            )

    def _on_made(self, image: FilteredImage) -> None:
        made_from, self._input_in_work = self._input_in_work, None
        assert made_from is not None
        current = self._current()
        if current is not None and made_from[0] is current[0]:
            self._made = made_from, image
            if not _same(made_from, current):
                self._show(image)  # while a slider moves, nearly right is better than nothing
        elif made_from[0] is self._next:
            self._ahead = made_from, image
        self._update()

    def _on_failed(self, error: Exception) -> None:
        """Leave a micrograph as it is that can't be filtered, because it holds no image."""
        self._hopeless, self._input_in_work = self._input_in_work, None
        if not isinstance(error, InputError):
            report(error)
        current = self._current()
        if current is not None and self._hopeless is not None and _same(self._hopeless, current):
            self._leave()
        self._update()

    def _show(self, filtered: FilteredImage) -> None:
        viewer, name = self._viewer_of(), self._session.current
        image: Any = find_layer(viewer.layers, "micrograph", name) if name else None
        if image is not None:
            limits = self._contrast_limits(filtered, str(name))
            self._is_showing = True
            layer = show_filtered(viewer, image, filtered.pixels, filtered.binning, limits)
            self._is_showing = False
            layer.events.contrast_limits.connect(self._on_contrast)
            for signal in (image.events.scale, image.events.translate, image.events.units):
                signal.connect(self._on_moved)

    def _contrast_limits(self, filtered: FilteredImage, name: str) -> tuple[float, float]:
        """The grey values of black and white: those that were set on this micrograph, if any."""
        display = self._session.display
        black, white = (
            filtered.middle + each * filtered.spread for each in display.contrast.get(name, (0, 0))
        )
        if black < white:
            return black, white
        return _limits_of(filtered, display.contrast_percent)

    def _on_contrast(self, event: Any) -> None:
        """Keep the contrast that the user has set on this micrograph, in napari or by a key."""
        name, display = micrograph_name_of(event.source), self._session.display
        if self._made is None or self._is_showing or name != self._session.current or not name:
            return
        filtered = self._made[1]
        black, white = (
            (each - filtered.middle) / filtered.spread for each in event.source.contrast_limits
        )
        display.contrast = {**display.contrast, name: (black, white)}

    def _on_moved(self, event: Any) -> None:
        if self._made is not None:
            place_filtered(self._viewer_of(), event.source, self._made[1].binning)


def _making(
    filter_input: FilterInput, contrast_percent: float
) -> Generator[None, None, FilteredImage]:
    """The job that filters a micrograph, and finds out the grey values that it is shown with."""
    filtered = yield from filtering(*filter_input)
    _limits_of(filtered, contrast_percent)
    return filtered


@lru_cache(maxsize=2)  # of the current micrograph and the next one: they are asked for often
def _limits_of(filtered: FilteredImage, contrast_percent: float) -> tuple[float, float]:
    return contrast_limits(filtered.pixels, contrast_percent)


def _seen(layer: Image) -> NDArray[np.generic]:
    """The part of a layer's picture that is on the canvas; all of it while that is not known."""
    (top, left), (bottom, right) = layer.corner_pixels
    part = np.asarray(layer.data)[top : bottom + 1, left : right + 1]
    return part if min(part.shape) > 1 else np.asarray(layer.data)


def _is_of(made: Made | None, filter_input: FilterInput | None) -> TypeGuard[Made]:
    """Whether a picture was made from an input."""
    return made is not None and filter_input is not None and _same(made[0], filter_input)


def _same(one: FilterInput, other: FilterInput) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
