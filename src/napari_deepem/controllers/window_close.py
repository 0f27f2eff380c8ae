"""The moment in which a window is closed: napari tells its plugins nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow


class WindowClose(QObject):
    """An event filter that calls back when a window has closed, before any of it is deleted."""

    def __init__(self, on_closed: Callable[[], object]) -> None:
        super().__init__()
        self._on_closed = on_closed
        self._close_asked = False  # in this very moment: napari may let the user think better of it
        self._watching = False  # the window itself is not held: it would hold its viewer

    @property
    def watching(self) -> bool:
        """Whether a window is watched already."""
        return self._watching

    def watch(self, window: QMainWindow) -> None:
        """Call back when a window is closed."""
        self._watching = True
        window.installEventFilter(self)
        window.destroyed.connect(self._on_destroyed)  # of a window that was never shown

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Call back when the window is hidden in the moment in which it was asked to close."""
        if event is not None and event.type() == QEvent.Type.Close:
            self._close_asked = True
            QTimer.singleShot(0, self._forget)
        elif event is not None and event.type() == QEvent.Type.Hide and self._close_asked:
            self._on_closed()
        return False

    def _forget(self) -> None:
        self._close_asked = False

    def _on_destroyed(self) -> None:
        self._on_closed()
