"""What a dock shows, brought up to date while it is seen, and else as soon as it is.

Of six docks as tabs five are hidden; each label, slider and page had all of them work out their
words.
"""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget


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

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Catch up with what came while the dock was hidden."""
        if event is not None and event.type() == QEvent.Type.Show:
            waiting, self._waiting = self._waiting, {}
            for update in waiting:
                update()
        return False

    def _is_hidden(self) -> bool:
        window = self._dock.window()
        is_in_window = window is not None and window is not self._dock and window.isVisible()
        return is_in_window and not self._dock.isVisible()
