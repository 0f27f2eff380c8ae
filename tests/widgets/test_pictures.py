"""Small pictures in docks, and how one is looked at closely (E.4)."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip

from napari_deepem.widgets.pictures.picture_strip import PictureStrip
from napari_deepem.widgets.pictures.std_range_boxes import HELP, StdRangeBoxes

PICTURE = np.full((40, 40), 120, dtype=np.uint8)


def rest_on(widget, x: int, y: int) -> str:
    """What is shown where the mouse rests on a place of a widget."""
    place = QPoint(x, y)
    QApplication.sendEvent(
        widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place))
    )
    return QToolTip.text()


@pytest.mark.usefixtures("qapp")
def test_picture_under_the_mouse_is_shown_enlarged(qtbot) -> None:
    strip = PictureStrip(4, ["#ffffff", "#000000"])
    strip.show_rows([np.stack([PICTURE] * 3), np.stack([PICTURE])])
    boxes = StdRangeBoxes()
    boxes.show_stds([None, 1.0, 2.0, None])
    boxes.show_pictures([PICTURE, PICTURE])
    for widget in (strip, boxes):
        qtbot.addWidget(widget)
        widget.resize(320, widget.height())
        widget.show()
    assert "<img" in rest_on(strip, 20, 20)
    assert strip.picture_at(QPoint(300, 20)) is None  # there are three
    assert "<img" in rest_on(boxes, 100, 20)
    assert rest_on(boxes, 20, 20) == HELP
