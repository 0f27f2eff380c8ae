"""Small pictures in docks, and how one is looked at closely (E.4)."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QHelpEvent, QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_deepem.session.display import Display
from napari_deepem.widgets.pictures.picture_strip import PictureStrip
from napari_deepem.widgets.pictures.picture_zoom import box_part
from napari_deepem.widgets.pictures.std_range_boxes import StdRangeBoxes

NO_BUTTON, NO_KEY = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
PICTURE = np.full((60, 60), 120, dtype=np.uint8)  # of a box of 40


@pytest.fixture
def display() -> Display:
    return Display(picture_px=50)


@pytest.fixture
def strip(qtbot, display: Display) -> PictureStrip:
    strip = PictureStrip(["#ffffff", "#000000"], display)
    qtbot.addWidget(strip)
    strip.show_rows([np.stack([PICTURE] * 7), np.stack([PICTURE])])
    strip.resize(320, strip.height())
    strip.show()
    return strip


def move_to(widget: QWidget, x: int, y: int) -> None:
    place, screen = QPointF(x, y), QPointF(widget.mapToGlobal(QPoint(x, y)))
    event = QMouseEvent(QEvent.Type.MouseMove, place, screen, NO_BUTTON, NO_BUTTON, NO_KEY)
    QApplication.sendEvent(widget, event)


def turn_wheel(widget: QWidget, notches: int, modifier: Qt.KeyboardModifier) -> None:
    place, screen = QPointF(20, 20), QPointF(widget.mapToGlobal(QPoint(20, 20)))
    turn = QPoint(0, 120 * notches)
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(place, screen, QPoint(), turn, NO_BUTTON, modifier, phase, False)
    QApplication.sendEvent(widget, event)


def test_row_that_is_too_long_goes_on_below(strip: PictureStrip, display: Display) -> None:
    assert strip.height() == 3 * 53  # six of seven, the seventh, and the other row
    assert strip.picture_at(QPoint(300, 20)) is not None
    assert strip.picture_at(QPoint(20, 70)) is not None
    assert strip.picture_at(QPoint(100, 70)) is None
    assert strip.picture_at(QPoint(20, 120)) is not None
    display.picture_px = 100
    assert strip.height() == (3 + 1) * 103
    assert strip.counts == [7, 1]


def test_strip_that_does_not_wrap_ends_where_it_is_full(qtbot, display: Display) -> None:
    strip = PictureStrip(["#ffffff"], display, wraps=False)
    qtbot.addWidget(strip)
    strip.show_rows([np.stack([PICTURE] * 7)])
    strip.resize(320, 20)
    assert strip.height() == 53
    assert strip.picture_at(QPoint(20, 70)) is None


def test_box_is_the_middle_of_its_picture(strip: PictureStrip) -> None:
    image = strip.picture_at(QPoint(20, 20))
    assert image is not None
    assert box_part(image).getRect() == (10.0, 10.0, 40.0, 40.0)


def test_picture_under_the_mouse_is_shown_enlarged(strip: PictureStrip, qtbot) -> None:
    popup = strip.zoom.popup
    move_to(strip, 20, 20)
    assert not popup.isVisible()  # the mouse has to rest
    qtbot.waitUntil(popup.isVisible)
    assert popup.zoomed is not None
    assert popup.zoomed.image is strip.picture_at(QPoint(20, 20))
    assert popup.width() >= 3 * 50 * 1.5
    move_to(strip, 80, 20)
    assert popup.zoomed.image is strip.picture_at(QPoint(80, 20))  # at once
    move_to(strip, 200, 70)
    assert not popup.isVisible()
    move_to(strip, 20, 20)
    qtbot.waitUntil(popup.isVisible)
    QApplication.sendEvent(strip, QEvent(QEvent.Type.Leave))
    assert not popup.isVisible()


def test_boxes_at_the_ends_of_the_range_are_enlarged_with_what_they_are(qtbot, display) -> None:
    boxes = StdRangeBoxes(display)
    qtbot.addWidget(boxes)
    boxes.show_stds([None, 1.0, 2.0, None])
    boxes.show_pictures([PICTURE, PICTURE])
    boxes.resize(320, boxes.height())
    boxes.show()
    assert boxes.height() == 50 + 16
    move_to(boxes, 80, 20)
    qtbot.waitUntil(boxes.zoom.popup.isVisible)
    assert boxes.zoom.popup.zoomed is not None
    assert boxes.zoom.popup.zoomed.text == "std: kept 1.00"
    display.picture_px = 160
    assert boxes.height() == 74 + 16  # four have to fit


def test_tooltip_does_not_lie_over_the_picture(strip: PictureStrip) -> None:
    def is_taken(x: int) -> bool:
        place = QPoint(x, 70)
        event = QHelpEvent(QEvent.Type.ToolTip, place, strip.mapToGlobal(place))
        return strip.zoom.eventFilter(strip, event)

    assert is_taken(20)
    assert not is_taken(200)


def test_wheel_with_ctrl_changes_the_size_of_all_pictures(
    strip: PictureStrip, display: Display
) -> None:
    turn_wheel(strip, 2, Qt.KeyboardModifier.ControlModifier)
    assert display.picture_px == 66
    turn_wheel(strip, 1, NO_KEY)
    assert display.picture_px == 66
    turn_wheel(strip, -20, Qt.KeyboardModifier.ControlModifier)
    assert display.picture_px == 32


def test_pictures_that_are_gone_ask_for_nothing(qtbot, display: Display) -> None:
    strip = PictureStrip(["#ffffff"], display)
    strip.deleteLater()
    QApplication.sendPostedEvents(strip, QEvent.Type.DeferredDelete)
    display.picture_px = 90
