"""The keyboard's focus, which goes to the canvas where keys act on micrographs and labels."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

KEEPS_FOCUS = "napari-deepem keeps focus"  # property of a widget that has keys of its own
RETURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class CanvasFocus(QObject):
    """An event filter by which the mouse over the canvas, or Return in a field of a dock, moves it.

    A text that is being typed keeps the focus, and so does what is open above the window.
    """

    def __init__(self, dock: QWidget, window: QMainWindow) -> None:
        super().__init__(dock)  # the window itself is not held: it would hold its viewer
        for kind in (QAbstractSpinBox, QLineEdit):
            for field in dock.findChildren(kind):
                field.installEventFilter(self)
        for canvas in window.findChildren(QOpenGLWidget):
            canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Never take an event: the focus moves when what it does is done."""
        if event is None or not isinstance(watched, QWidget):
            return False
        kind = event.type()
        if isinstance(watched, QOpenGLWidget):
            is_asked = kind == QEvent.Type.Enter and _is_free(QApplication.focusWidget())
        else:
            is_asked = kind == QEvent.Type.KeyPress and cast(QKeyEvent, event).key() in RETURN
        if is_asked:
            QTimer.singleShot(0, self._focus_canvas)
        return False

    def _focus_canvas(self) -> None:
        """Give the canvas the focus, from a dock that floats too."""
        widget = self.parent()
        while widget is not None and not isinstance(widget, QMainWindow):
            widget = widget.parent()
        canvas = None if widget is None else widget.findChild(QOpenGLWidget)
        if widget is not None and canvas is not None:
            if isinstance(QApplication.activeWindow(), QDockWidget):
                widget.activateWindow()
            canvas.setFocus()


def _is_free(widget: QWidget | None) -> bool:
    """Whether the widget that has the focus can do without it, and nothing is open above it."""
    if QApplication.activePopupWidget() is not None or QApplication.activeModalWidget() is not None:
        return False
    if widget is None or isinstance(widget, QAbstractSpinBox):
        return True
    is_typed_in = isinstance(widget, QLineEdit | QTextEdit | QPlainTextEdit) or (
        isinstance(widget, QComboBox) and widget.isEditable()
    )
    return not (is_typed_in or widget.property(KEEPS_FOCUS))
