"""What a dock shows, brought up to date while it is seen, and else as soon as it is.

Of six docks as tabs five are hidden; each label, slider and page had all of them work out their
words.
"""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_deepem.controllers.in_sight import is_in_sight


class SeenUpdates(QObject):
    """The updates of one dock that wait while it is hidden in a window that is seen."""

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._waiting: dict[Callable[[], object], None] = {}  # in the order in which they came
        dock.installEventFilter(self)

    def when_seen(self, update: Callable[[], object]) -> Callable[..., None]:
        """The update as a callback of any signal: at once, or once when the dock is shown."""

        def ask(*_: object) -> None:
            if self._is_hidden():
                self._waiting[update] = None
            else:
                update()

        return ask

    def follow(self, dock: QDockWidget) -> None:
        """Catch up, too, when the tab comes to the front of which the dock is."""
        dock.visibilityChanged.connect(self._on_visible)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Catch up with what came while the dock was hidden; never take an event."""
        if event is not None and event.type() == QEvent.Type.Show:
            self._catch_up()
        elif event is not None and event.type() == QEvent.Type.Paint and self._waiting:
            QTimer.singleShot(0, self._catch_up)  # it came after its tab, and before its place
        return False

    def _on_visible(self, is_visible: bool) -> None:
        if is_visible:
            self._catch_up()

    def _catch_up(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for update in waiting:
            update()

    def _is_hidden(self) -> bool:
        window = self._dock.window()
        is_in_window = window is not None and window is not self._dock and window.isVisible()
        return is_in_window and not is_in_sight(self._dock)
