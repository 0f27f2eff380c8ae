"""Places in a dock that stay as they are while the mouse is over it: nothing moves under the hand.

What has nothing to say any more leaves its place empty, and a place that is not there yet is made,
as soon as the mouse is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QWidget

LARGEST = 16_777_215  # screen pixels, of any widget: Qt's own limit


class SteadyPlaces(QObject):
    """The places of one dock; `on_left` is called when the mouse has left it."""

    # of an object that Python has taken back: its dock is hidden once more as it goes
    _kept: Sequence[QWidget] = ()
    _on_left: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, dock: QWidget, on_left: Callable[[], object]) -> None:
        super().__init__(dock)
        self._dock, self._on_left = dock, on_left
        self._kept = []
        dock.installEventFilter(self)

    @property
    def are_fixed(self) -> bool:
        """Whether nothing may move: the mouse is over the dock."""
        dock = self._dock
        return dock.isVisible() and dock.rect().contains(dock.mapFromGlobal(QCursor.pos()))

    def keep(self, widget: QWidget) -> None:
        """Keep the place of what is seen as it is until the mouse is elsewhere."""
        if widget not in self._kept:
            widget.setFixedHeight(widget.height())
            self._kept = [*self._kept, widget]

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let places follow what they hold when the mouse leaves; never take an event."""
        if event is not None and event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            kept, self._kept = self._kept, []
            for widget in kept:
                release(widget)
            self._on_left()
        return False


def release(widget: QWidget) -> None:
    """Give a place the height of what it holds; of a text that is empty none."""
    widget.setMinimumHeight(0)
    widget.setMaximumHeight(LARGEST)
    widget.setVisible(bool(getattr(widget, "text", str)()))


def show_text(label: Any, is_seen: bool) -> None:
    """Show a label that has a text, or hide it; its place may stay for a while."""
    places = places_around(label)
    if not is_seen and places is not None and places.are_fixed and label.isVisible():
        places.keep(label)
    else:
        label.setMinimumHeight(0)
        label.setMaximumHeight(LARGEST)
        label.setVisible(is_seen)


def keep_room(widget: QWidget) -> None:
    """Keep the place of a widget also where it is hidden, for good."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def places_around(widget: QWidget | None) -> SteadyPlaces | None:
    """The places of the dock that a widget is in, if it is in one."""
    while widget is not None:
        places = widget.findChild(SteadyPlaces, options=Qt.FindChildOption.FindDirectChildrenOnly)
        if places is not None:
            return places
        widget = widget.parentWidget()
    return None
