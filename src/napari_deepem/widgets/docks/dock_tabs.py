"""The places of our docks as tabs beside each other: four are too high for one column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QTabBar, QWidget

OURS = "napari-deepem dock"


class DockTab(QObject):
    """The place of one dock among the tabs of ours, which it takes as soon as it has a window.

    napari's menus hide a dock that is open, also where another tab covers it: whoever asks for such
    a one wants to see it.
    """

    def __init__(
        self,
        widget: QWidget,
        title: str,
        on_window: Callable[[QMainWindow, QDockWidget], object],
    ) -> None:
        super().__init__(widget)
        self._widget, self._title, self._on_window = widget, title, on_window
        self._is_in_sight, self._was_covered = True, False  # was: when it was hidden last
        QTimer.singleShot(0, self._join)

    def _join(self) -> None:
        dock = dock_of(self._widget)
        window = None if dock is None else dock.parent()
        if dock is None or not isinstance(window, QMainWindow):
            return
        self._on_window(window, dock)
        _align_labels(self._widget)
        # napari destroys the dock that is closed, but not what is in it
        dock.destroyed.connect(self._widget.deleteLater)
        dock.setWindowTitle(self._title)  # what its tab says; napari's own has the plugin's name
        for other in window.findChildren(QDockWidget):
            if other.findChild(QWidget, OURS) is not None and not other.isFloating():
                if dock not in window.tabifiedDockWidgets(other):  # for each, napari writes a file
                    window.tabifyDockWidget(other, dock)
                bring_to_front(dock)
                _show_whole_titles(window, self._title)
                break
        self._widget.setObjectName(OURS)  # from now on others may join this one
        dock.installEventFilter(self)
        dock.visibilityChanged.connect(self._on_sight)

    def _on_sight(self, is_in_sight: bool) -> None:
        """Note whether the dock is seen: it is open and not behind another tab."""
        self._is_in_sight = is_in_sight

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Bring a dock to the front that was not seen and is asked for; never take an event."""
        kind = QEvent.Type.None_ if event is None else event.type()
        if kind == QEvent.Type.Hide:  # comes first, while it is still known how it was
            self._was_covered = not self._is_in_sight
        is_asked_for = kind == QEvent.Type.ShowToParent or (
            kind == QEvent.Type.HideToParent and self._was_covered
        )
        if is_asked_for and isinstance(watched, QDockWidget) and watched.widget() is not None:
            bring_to_front(watched)
        return False


class _FrontTab(QObject):
    """The dock of a window that comes to the front of its tabs: of several the last one asked."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._dock: QDockWidget | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)  # a dock that is a tab since this event can't be raised yet
        self._timer.timeout.connect(self._raise)

    def ask(self, dock: QDockWidget) -> None:
        """Let a dock come to the front; a closed one is shown."""
        self._dock = dock
        dock.destroyed.connect(self._forget)
        self._timer.start()

    def _forget(self) -> None:
        self._dock = None

    def _raise(self) -> None:
        if self._dock is not None:
            self._dock.show()
            self._dock.raise_()


def bring_to_front(dock: QDockWidget) -> None:
    """Bring a dock to the front of its tabs, in a moment; the last one of several stays there."""
    window = dock.parent()
    if isinstance(window, QMainWindow):
        front = window.findChild(_FrontTab, options=Qt.FindChildOption.FindDirectChildrenOnly)
        (front or _FrontTab(window)).ask(dock)


def dock_of(widget: QObject | None) -> QDockWidget | None:
    """The dock that a widget is in, if it is in one."""
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parent()
    return widget


def _align_labels(widget: QWidget) -> None:
    """Make the labels of each form equally wide; magicgui measures them before they are styled."""
    forms: dict[Any, list[QLabel]] = {}
    for label in widget.findChildren(QLabel):
        line: Any = label.parentWidget()
        layout = line.layout()
        if layout is not None and layout.count() == 2 and layout.itemAt(0).widget() is label:
            forms.setdefault(line.parentWidget(), []).append(label)
    for labels in forms.values():
        width = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setFixedWidth(width)


def _show_whole_titles(window: QMainWindow, title: str) -> None:
    """Leave the titles of our tabs as they are: Qt would cut them off, as many as there are."""
    for bar in window.findChildren(QTabBar):
        if title in (bar.tabText(number) for number in range(bar.count())):
            bar.setElideMode(Qt.TextElideMode.ElideNone)
            bar.setStyleSheet("QTabBar::tab { padding: 3px 4px; margin: 0px; min-width: 0px; }")
