"""What an empty view says in its middle: the next step."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QWidget

MARGIN = 24  # screen pixels


class EmptyText(QLabel):
    """A text in the middle of a view, through which the mouse acts on the view."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setStyleSheet("background: transparent;")
        view.installEventFilter(self)
        self.hide()

    def say(self, text: str) -> None:
        """Say the next step; nothing where the view is not empty."""
        self.setText(text)
        self.setVisible(bool(text))
        self._fill()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay in the middle; never take an event."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._fill()
        return False

    def _fill(self) -> None:
        view = self.parentWidget()
        if view is not None:
            self.setGeometry(view.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN))
