"""A closer look at the picture under the mouse, with its surroundings: the same in all docks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakMethod

from qtpy.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from qtpy.QtWidgets import QApplication, QWidget

from napari_deepem.session.box_pictures import SURROUNDINGS
from napari_deepem.session.display import PICTURE_RANGE_PX, Display

ENLARGED = 3  # times as large as in the dock
LARGEST = 480  # screen pixels, a side
REST_MS = 120  # until the first picture is enlarged; others then follow the mouse at once
GAP, MARGIN = 18, 6  # screen pixels: from the mouse, and around what is shown
BOX = QColor(34, 211, 238)
STEP = 8  # screen pixels that a notch of the wheel adds to the pictures
HIDE_ON = (
    QEvent.Type.Leave,
    QEvent.Type.Hide,
    QEvent.Type.Wheel,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.WindowDeactivate,
)


@dataclass(frozen=True, eq=False, slots=True)
class Zoomed:
    """A picture to look at closely."""

    image: QImage  # of a box with its surroundings, see `session.box_pictures`
    text: str = ""  # below it


class PictureZoom(QObject):
    """An event filter that enlarges the picture under the mouse, and its box in it.

    Ctrl and the wheel change the size of the pictures in all docks.

    Parameters
    ----------
    widget : QWidget
        What shows pictures: a strip, or the viewport of a list.
    zoomed_at : callable
        The picture at a place on the widget; None where there is none.
    display : Display
        Has the size of the pictures.
    """

    def __init__(
        self, widget: QWidget, zoomed_at: Callable[[QPoint], Zoomed | None], display: Display
    ) -> None:
        super().__init__(widget)
        self._zoomed_at, self._display = zoomed_at, display
        self.popup = _Popup(widget)
        self._place = QPoint()  # of the mouse, on the screen
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._show)
        self._widget = widget
        widget.setMouseTracking(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take a turn of the wheel with Ctrl, and tooltips, which would lie over the picture."""
        if isinstance(event, QWheelEvent) and _has_ctrl(event):
            self.popup.hide()
            notches = event.angleDelta().y() / 120
            self._display.picture_px = _within_bounds(self._display.picture_px + STEP * notches)
            return True
        if isinstance(event, QHelpEvent):
            return self._zoomed_at(event.pos()) is not None
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._place = event.globalPosition().toPoint()
            if self.popup.isVisible():
                self._show()
            else:
                self._timer.start()
        elif event is not None and event.type() in HIDE_ON:
            self._timer.stop()
            self.popup.hide()
        return False

    def _show(self) -> None:
        zoomed = self._zoomed_at(self._widget.mapFromGlobal(self._place))
        if zoomed is None or QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self.popup.hide()
        else:
            whole = 1 + 2 * SURROUNDINGS
            side = min(round(ENLARGED * self._display.picture_px * whole), LARGEST)
            self.popup.show_at(self._place, zoomed, side)


def box_part(image: QImage) -> QRectF:
    """The part of a picture that is the box itself."""
    around = round(image.width() * SURROUNDINGS / (1 + 2 * SURROUNDINGS))
    return QRectF(image.rect().adjusted(around, around, -around, -around))


def follow_picture_size(
    widget: QWidget, display: Display, callback: Callable[[int], object]
) -> None:
    """Call a method with the size of pictures, now and at each change, while a widget lives."""
    alive, reference = [True], WeakMethod(callback)
    widget.destroyed.connect(alive.clear)  # Python may hold what Qt has destroyed

    def follow(picture_px: int) -> None:
        current = reference()
        if alive and current is not None:
            current(picture_px)

    display.events.picture_px.connect(follow)
    callback(display.picture_px)


class _Popup(QWidget):
    """A picture above all windows that never gets in the way of the mouse."""

    def __init__(self, parent: QWidget) -> None:
        flags = Qt.WindowType.ToolTip | Qt.WindowType.WindowTransparentForInput
        super().__init__(parent, flags | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.zoomed: Zoomed | None = None
        self._side = 0

    def show_at(self, place: QPoint, zoomed: Zoomed, side: int) -> None:
        """Show a picture of that side beside a place on the screen, wherever there is room."""
        self.zoomed, self._side = zoomed, side
        text_height = self.fontMetrics().height() * (1 + zoomed.text.count("\n"))
        width = side + 2 * MARGIN
        height = side + 2 * MARGIN + (text_height + MARGIN if zoomed.text else 0)
        frame = QRect(place.x() + GAP, place.y() + GAP, width, height)
        if (screen := QApplication.screenAt(place)) is not None:
            room = screen.availableGeometry()
            if frame.right() > room.right():
                frame.moveRight(place.x() - GAP)
            if frame.bottom() > room.bottom():
                frame.moveBottom(place.y() - GAP)
        self.setGeometry(frame)
        self.update()
        self.show()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the picture, the outline of its box, and what is said of it."""
        if self.zoomed is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), self.palette().window())
        frame = QRectF(MARGIN, MARGIN, self._side, self._side)
        painter.drawImage(frame, self.zoomed.image)
        around = self._side * SURROUNDINGS / (1 + 2 * SURROUNDINGS)
        painter.setPen(QPen(BOX, 1.5))
        painter.drawRect(frame.adjusted(around, around, -around, -around))
        painter.setPen(self.palette().windowText().color())
        below = QRectF(MARGIN, frame.bottom() + MARGIN, self._side, self.height())
        painter.drawText(below, Qt.TextFlag.TextWordWrap, self.zoomed.text)
        painter.end()


def _has_ctrl(event: QWheelEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _within_bounds(picture_px: float) -> int:
    low, high = PICTURE_RANGE_PX
    return round(min(max(picture_px, low), high))
