"""The keyboard's focus, which goes to the canvas where keys act on micrographs and labels."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
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


class CanvasFocus(QObject):
    """An event filter by which the mouse over the canvas, or Return in a field of a dock, moves it.

    A text that is being typed keeps the focus, and so does what is open above the window.
    """

    def __init__(self, dock: QWidget, window: QMainWindow) -> None:
        super().__init__(dock)  # the window itself is not held: it would hold its viewer
        for field in dock.findChildren(QLineEdit):  # those within boxes of numbers, too
            # at once: what is clicked and typed while the window is busy must not lose the focus
            field.returnPressed.connect(self._focus_canvas)
        for canvas in window.findChildren(QOpenGLWidget):
            canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Never take an event."""
        is_entered = event is not None and event.type() == QEvent.Type.Enter
        if is_entered and _is_free(QApplication.focusWidget()):
            self._focus_canvas()
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
