"""The outline of the box that follows the mouse, on a canvas without a window of napari's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPointF, QRect, Qt
from qtpy.QtGui import QColor, QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_deepem.controllers.box_cursor import OUTLINE, SHADE, BoxCursor
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.label_points import COLORS
from napari_deepem.layers.micrographs import image_layer_data

NO_BUTTON, NO_KEY = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


class Canvas:
    """A canvas on which a micrograph of 2.5 A/px is drawn at two screen pixels an Angstrom."""

    def __init__(self, qtbot: Any) -> None:
        self.viewer = ViewerModel()
        data, arguments, _ = image_layer_data(Micrograph(np.zeros((300, 420)), "m1", 2.5))
        self.viewer.add_image(data, **arguments)
        self.link = link_of(self.viewer)
        self.link.session.box_size_px = 40
        self.viewer.scene.camera.zoom = 2.0
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.widget = QOpenGLWidget(self.window)
        self.widget.setMouseTracking(True)  # as vispy does
        self.widget.setGeometry(10, 20, 800, 600)
        BoxCursor(self.link, self.window)
        outline = self.window.findChild(QWidget, OUTLINE)
        assert outline is not None
        self.outline: Any = outline

    def move_to(self, x: float, y: float) -> None:
        place = QPointF(x, y)
        event = QMouseEvent(QEvent.Type.MouseMove, place, place, NO_BUTTON, NO_BUTTON, NO_KEY)
        QApplication.sendEvent(self.widget, event)

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Left, top, width and height of the box on the canvas, if one is drawn."""
        if self.outline.isHidden():
            return None
        place: QRect = self.outline.geometry().translated(-self.widget.pos())
        place.adjust(SHADE, SHADE, -SHADE, -SHADE)
        return place.x(), place.y(), place.width(), place.height()


@pytest.fixture
def canvas(qtbot) -> Iterator[Canvas]:
    canvas = Canvas(qtbot)
    yield canvas
    canvas.link.mouse_tools.stop()


def test_box_follows_the_mouse_in_its_size_on_the_screen(canvas: Canvas) -> None:
    canvas.move_to(300.0, 200.0)
    assert canvas.box is None  # no tool is in use
    canvas.link.mouse_tools.use("positive")
    assert canvas.box == (200, 100, 200, 200)  # 40 px of 2.5 A, two screen pixels each
    assert canvas.outline.color == QColor(COLORS["positive"])
    canvas.move_to(310.0, 190.0)
    assert canvas.box == (210, 90, 200, 200)
    canvas.link.session.box_size_px = 20
    assert canvas.box == (260, 140, 100, 100)
    canvas.viewer.scene.camera.zoom = 0.5
    assert canvas.box == (298, 178, 25, 25)


def test_box_has_the_colour_of_the_tool_and_a_lasso_has_none(canvas: Canvas) -> None:
    canvas.move_to(300.0, 200.0)
    for tool in ("negative", "erase"):
        canvas.link.mouse_tools.use(tool)
        assert canvas.box == (200, 100, 200, 200)
    assert canvas.outline.color != QColor(COLORS["negative"])
    canvas.link.mouse_tools.use("lasso")
    assert canvas.box is None


def test_box_goes_with_the_mouse_the_tool_and_the_micrograph(canvas: Canvas) -> None:
    canvas.link.mouse_tools.use("positive")
    assert canvas.box is None  # the mouse is elsewhere
    canvas.move_to(300.0, 200.0)
    assert canvas.box is not None
    QApplication.sendEvent(canvas.widget, QEvent(QEvent.Type.Leave))
    assert canvas.box is None
    canvas.link.session.box_size_px = 60
    assert canvas.box is None
    canvas.move_to(300.0, 200.0)
    assert canvas.box is not None
    canvas.link.mouse_tools.stop()
    assert canvas.box is None
    canvas.link.mouse_tools.use("positive")
    canvas.viewer.layers.remove(canvas.link.image_of("m1"))
    assert canvas.box is None


def test_mouse_does_not_feel_the_box(canvas: Canvas) -> None:
    assert canvas.outline.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    canvas.link.mouse_tools.use("positive")
    canvas.move_to(300.0, 200.0)
    assert not canvas.outline.mask().contains(canvas.outline.rect().center())  # nor hides it


def test_box_lies_beside_the_canvas_and_ends_where_that_does(canvas: Canvas) -> None:
    """One in the canvas would draw the micrograph anew whenever the mouse moves."""
    assert canvas.outline.parentWidget() is canvas.window
    canvas.link.mouse_tools.use("positive")
    canvas.move_to(0.0, 0.0)
    drawn = canvas.outline.mask().boundingRect().translated(canvas.outline.pos())
    assert canvas.box == (-100, -100, 200, 200)
    assert canvas.widget.geometry().contains(drawn)


def test_box_is_forgotten_with_its_window(canvas: Canvas) -> None:
    canvas.link.mouse_tools.use("positive")
    canvas.move_to(300.0, 200.0)
    canvas.widget.deleteLater()
    QApplication.sendPostedEvents(canvas.widget, QEvent.Type.DeferredDelete)
    canvas.link.session.box_size_px = 60
    canvas.viewer.scene.camera.zoom = 3.0
