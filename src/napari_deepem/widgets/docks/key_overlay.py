"""All keys at a glance: a translucent sheet over the canvas, which any key or click takes away."""

from __future__ import annotations

import weakref

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMainWindow, QSizePolicy, QVBoxLayout, QWidget

from napari_deepem.controllers.viewer_link import ViewerLink
from napari_deepem.widgets.docks.dock_help import EVERYWHERE, HELP
from napari_deepem.widgets.docks.key_table import key_table

OPACITY = 240  # of 255: the micrograph shines through, and the text can be read
COLUMNS, MARGIN = 2, 24
HOW_TO_CLOSE = (
    "Any key or click closes this. Keys can be changed in File > Preferences > Shortcuts."
)


def show_keys_in(window: QMainWindow, link: ViewerLink) -> None:
    """Show all keys in a window whenever they are asked for, as they are bound then."""
    reference = weakref.ref(window)  # the link lives as long as the window's viewer does

    def show() -> None:
        its_window = reference()
        canvas = None if its_window is None else its_window.centralWidget()
        if canvas is not None:
            KeyOverlay(canvas, link.viewer.theme).show()

    link.keys_asked.connect(show)
    window.destroyed.connect(lambda: link.keys_asked.disconnect(show, missing_ok=True))


class KeyOverlay(QWidget):
    """A sheet over a widget, with all keys grouped by dock in two columns."""

    def __init__(self, covered: QWidget, theme: str) -> None:
        super().__init__(covered)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        colors = get_theme(theme)
        self._background = QColor(colors.background.as_hex())
        self._background.setAlpha(OPACITY)
        self._text = colors.text.as_hex()
        sheet = QVBoxLayout(self)
        sheet.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        sheet.addLayout(self._columns(theme))
        sheet.addStretch()
        sheet.addWidget(self._label(HOW_TO_CLOSE))
        covered.installEventFilter(self)
        self.setGeometry(covered.rect())

    def _columns(self, theme: str) -> QHBoxLayout:
        columns, heights = QHBoxLayout(), [0] * COLUMNS
        columns.setSpacing(MARGIN)
        stacks = [QVBoxLayout() for _ in range(COLUMNS)]
        for stack in stacks:
            stack.setSpacing(4)
            columns.addLayout(stack, 1)
        for title, dock_help in {**HELP, "Everywhere": EVERYWHERE}.items():
            count = len(dock_help.key_lines) + len(dock_help.gestures)
            if count:
                shortest = heights.index(min(heights))
                heights[shortest] += count + 2
                stacks[shortest].addWidget(self._label(f"<b>{title}</b>"))
                stacks[shortest].addWidget(key_table(dock_help, theme))
                stacks[shortest].addSpacing(8)
        for stack in stacks:
            stack.addStretch()
        return columns

    def _label(self, html: str) -> QLabel:
        label = QLabel(html)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        label.setStyleSheet(f"color: {self._text}; background: transparent;")
        return label

    def show(self) -> None:
        """Show the sheet above all else, and take the keyboard."""
        super().show()
        self.raise_()
        self.setFocus()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Cover the widget below, whatever its size; never take an event."""
        covered = self.parentWidget()
        if event is not None and event.type() == QEvent.Type.Resize and covered is not None:
            self.setGeometry(covered.rect())
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Dim what is below."""
        QPainter(self).fillRect(self.rect(), self._background)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go away."""
        self.close()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go away."""
        self.close()
