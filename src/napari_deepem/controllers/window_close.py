"""The moment in which a window is closed: napari tells its plugins nothing of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from napari.settings import get_settings
from napari.utils.task_status import Status
from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow

PLUGIN = "napari-deepem"
QUESTION = (
    "ConfirmCloseDialog"  # of napari 0.9.2, which tells there of tasks for the title bar alone
)
_WATCHED: weakref.WeakSet[QMainWindow] = weakref.WeakSet()


class WindowClose(QObject):
    """An event filter that calls back when a window has closed, before any of it is deleted."""

    def __init__(
        self, on_closed: Callable[[], object], unfinished: Callable[[], str] = lambda: ""
    ) -> None:
        super().__init__()
        self._on_closed = on_closed
        self._unfinished = unfinished
        self._close_asked = False  # in this very moment: napari may let the user think better of it
        self._watching = False  # the window itself is not held: it would hold its viewer

    @property
    def watching(self) -> bool:
        """Whether a window is watched already."""
        return self._watching

    def watch(self, window: QMainWindow) -> None:
        """Call back when a window is closed."""
        self._watching = True
        _WATCHED.add(window)
        window.installEventFilter(self)
        window.destroyed.connect(self._on_destroyed)  # of a window that was never shown

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Call back when the window is hidden in the moment in which it was asked to close."""
        if event is not None and event.type() == QEvent.Type.Close:
            self._close_asked = True
            QTimer.singleShot(0, self._forget)
            if (text := self._unfinished()) and not _asks_always():
                _have_asked(watched, text)
        elif event is not None and event.type() == QEvent.Type.Hide and self._close_asked:
            self._on_closed()
        elif event is not None and event.type() == QEvent.Type.WindowBlocked:
            QTimer.singleShot(0, self._add_to_question)  # as soon as what blocks it is open
        return False

    def _add_to_question(self) -> None:
        """Say what is not finished where napari asks whether to close."""
        text, dialog = self._unfinished(), QApplication.activeModalWidget()
        if dialog is None or type(dialog).__name__ != QUESTION:
            return
        label = dialog.findChild(QLabel)
        if text and label is not None and text not in label.text():
            label.setText(f"{label.text()}\n\n{PLUGIN}: {text}")
            dialog.adjustSize()

    def _forget(self) -> None:
        self._close_asked = False

    def _on_destroyed(self) -> None:
        self._on_closed()


def delete_windows() -> None:
    """Delete the windows that are left where a program ends, those that were closed among them.

    PyQt6 would do so, but while it goes through its table of all objects: what is called as they
    are destroyed, such as event filters, puts others into it, and where the table grows by that,
    the program ends in a segmentation fault (`sip_api_visit_wrappers` of PyQt6-sip 13.13.0).
    """
    if QApplication.instance() is None:
        return
    for widget in QApplication.topLevelWidgets():
        if widget in _WATCHED:
            widget.close()  # stops napari's own thread
            widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _asks_always() -> bool:
    """Whether napari asks before it closes a window; the user may have told it not to."""
    return bool(get_settings().application.confirm_close_window)


def _have_asked(window: Any, text: str) -> None:
    """Have napari ask in this moment whether to close the window, and say what is not finished."""
    window = getattr(window, "_window", None)
    if hasattr(window, "_register_task_status"):  # of napari 0.9.2, which has no public way
        task = window._register_task_status(PLUGIN, Status.BUSY, text)
        done = window._update_task_status
        QTimer.singleShot(0, lambda: done(task, Status.COMPLETED, text))
