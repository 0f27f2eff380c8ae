"""The outline of a box that follows the mouse over the canvas while a tool is in use.

It is a widget above the canvas, and beside it in the tree of widgets: moving one that lies in the
canvas would draw the micrograph anew each time. So it keeps up with the mouse however large that
is, and no screenshot of the canvas has it.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_deepem.layers.label_points import COLORS

LINE, SHADE = 2, 1  # screen pixels: the outline, and what sets it off against bright ice
DARK = QColor(0, 0, 0, 140)
ERASER = "#f8fafc"
OUTLINE = "napari-deepem box cursor"  # the widget's name
NO_BOX = ("lasso",)  # tools that mark no box


class BoxCursor(QObject):
    """The outline on one window's canvas; `link` is that of its viewer."""

    def __init__(self, link: Any, window: QMainWindow) -> None:
        canvas = window.findChild(QOpenGLWidget)
        super().__init__(canvas)
        if canvas is None:
            return
        self._link = link
        self._place: QPointF | None = None  # of the mouse on the canvas; None: elsewhere
        self.outline = _Outline(canvas)
        canvas.installEventFilter(self)
        viewer, events = link.viewer, link.session.events
        for signal in (
            link.mouse_tools.changed,
            events.box_size_px,
            events.current,
            events.micrographs,
            viewer.scene.camera.events.zoom,
            viewer.dims.events.ndisplay,
        ):
            signal.connect(self._show)  # they hold it weakly: it goes with the canvas

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the mouse; never take an event."""
        if isinstance(event, QMouseEvent):
            self._place = event.position()
            self._show()
        elif event is not None and event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            self._place = None
            self._show()
        return False

    def _show(self, *_: object) -> None:
        """Show the box where the mouse is, in its size on the screen, or none."""
        tool, size = self._link.mouse_tools.current_tool(), self._size_on_screen()
        if tool in (None, *NO_BOX) or self._place is None or size is None:
            self.outline.hide()
            return
        width, height = size
        left, top = self._place.x() - width / 2, self._place.y() - height / 2
        box = QRect(round(left), round(top), round(width), round(height))
        self.outline.show_at(box, QColor(COLORS.get(tool, ERASER)))

    def _size_on_screen(self) -> tuple[float, float] | None:
        """The width and height of a box, pixels of the screen; None where there can be none."""
        link, session = self._link, self._link.session
        image = link.image_of(session.current)
        if image is None or link.viewer.dims.ndisplay != 2:
            return None
        height, width = session.box_size_px * image.scale[-2:] * link.viewer.scene.camera.zoom
        return float(width), float(height)


class _Outline(QWidget):
    """The outline of a rectangle; the mouse does not feel it."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas.parentWidget())
        self._canvas = canvas
        self.setObjectName(OUTLINE)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.color = QColor()
        self.hide()

    def show_at(self, box: QRect, color: QColor) -> None:
        """Show the outline of a rectangle on the canvas, and nothing of what lies in it."""
        frame = box.adjusted(-SHADE, -SHADE, SHADE, SHADE)
        whole, thick = QRect(QPoint(), frame.size()), LINE + 2 * SHADE
        inner = QRegion(whole.adjusted(thick, thick, -thick, -thick))
        seen = self._canvas.rect().translated(-frame.topLeft())
        ring = QRegion(whole).subtracted(inner).intersected(seen)
        if ring.isEmpty():
            self.hide()
            return
        if ring != self.mask():
            self.setMask(ring)
        if color != self.color:
            self.color = color
            self.update()
        frame.translate(self._canvas.pos())
        self.setGeometry(frame)
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the line, and its dark edges."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), DARK)
        line = QPen(self.color, LINE)
        line.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(line)
        inset = SHADE + LINE // 2
        painter.drawRect(self.rect().adjusted(inset, inset, -inset, -inset))
        painter.end()
