"""The line over the canvas that says what to do first."""

from __future__ import annotations

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QPushButton, QWidget

from napari_deepem.controllers.viewer_link import ViewerLink

MARGIN, MOST_WIDTH = 12, 620  # screen pixels
DISMISS = "Show no hints any more."


def show_hints_in(window: QMainWindow, link: ViewerLink) -> None:
    """Show the hints of a session over the canvas of its window."""
    canvas = window.centralWidget()
    if canvas is None or link.hints.is_over:
        return
    line = HintLine(canvas, link)
    theme = link.viewer.events.theme
    link.hints.changed.connect(line.show_hint)
    theme.connect(line.show_theme)

    def leave() -> None:
        link.hints.changed.disconnect(line.show_hint, missing_ok=True)
        theme.disconnect(line.show_theme)

    line.destroyed.connect(leave)
    line.show_theme()
    line.show_hint()


class HintLine(QFrame):
    """A line at the upper edge of a widget, and a cross that takes it away for good."""

    def __init__(self, covered: QWidget, link: ViewerLink) -> None:
        super().__init__(covered)
        self._link = link
        self.setObjectName("HintLine")
        self.text, self.cross = QLabel(), QPushButton("✕")
        self.text.setWordWrap(True)
        self.cross.setToolTip(DISMISS)
        self.cross.setFlat(True)
        self.cross.setFixedSize(22, 22)
        self.cross.setCursor(Qt.CursorShape.PointingHandCursor)
        self.cross.clicked.connect(link.hints.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.cross, 0, Qt.AlignmentFlag.AlignTop)
        covered.installEventFilter(self)

    def show_hint(self) -> None:
        """Show what to do next, or nothing."""
        line = self._link.hints.line
        self.text.setText(f"<b>Next:</b> {line}")
        self.setVisible(bool(line))
        self._place()

    def show_theme(self, _event: object = None) -> None:
        """Take the colours of the viewer's theme."""
        colors = get_theme(self._link.viewer.theme)
        self.setStyleSheet(
            f"#HintLine {{ background: {colors.foreground.as_hex()}; border-radius: 6px; "
            f"border: 1px solid {colors.current.as_hex()}; }}"
            f" QLabel {{ color: {colors.text.as_hex()}; background: transparent; }}"
            f" QPushButton {{ color: {colors.text.as_hex()}; background: transparent; }}"
        )

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay at the edge, whatever the size of what is covered; never take an event."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        covered = self.parentWidget()
        if covered is None:
            return
        width = min(MOST_WIDTH, covered.width() - 2 * MARGIN)
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        self.setGeometry((covered.width() - width) // 2, MARGIN, width, height)
        self.raise_()
