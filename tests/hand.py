"""A hand on mouse and keys: what a user does in a real window."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_deepem.controllers.viewer_link import link_of

NO_KEY, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton
BETWEEN_MS = 15  # vispy passes over quicker moves


class Hand:
    """Presses, drags and types on the canvas; positions are pixels of the current micrograph."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        self.canvas = viewer.window._qt_viewer.canvas

    def at(self, row: float, col: float) -> QPoint:
        """Where on the canvas a place on the micrograph is drawn."""
        link = link_of(self.viewer)
        world_yx = link.image_of(link.session.current).data_to_world((row, col))
        x, y = self.canvas.view.scene.transform.map([world_yx[1], world_yx[0]])[:2]
        return QPoint(round(x), round(y))

    def drag(self, *places: tuple[float, float], modifier: Any = NO_KEY) -> None:
        """Press at the first place, move over the others, let go at the last."""
        drag_on(self.canvas.native, self.qtbot, *(self.at(*p) for p in places), modifier=modifier)

    def key(self, key: Any, modifier: Any = NO_KEY) -> None:
        """Press a key and let it go."""
        QTest.keyClick(self.canvas.native, key, modifier)
        QApplication.processEvents()

    def undo(self) -> None:
        """Press what takes a step back."""
        self.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def redo(self) -> None:
        """Press what takes it forward again."""
        self.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | SHIFT)


def wait_until_drawn(viewer: Any, qtbot: Any) -> None:
    """Wait until the canvas is drawn anew: until then it knows places by how they were before."""
    drawn: list[Any] = []
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    QApplication.processEvents()  # of windows that are shown, and of sizes
    canvas.events.draw.connect(drawn.append)
    canvas.update()
    qtbot.waitUntil(lambda: len(drawn) > 0)
    canvas.events.draw.disconnect(drawn.append)


def drag_on(widget: QWidget, qtbot: Any, *spots: QPoint, modifier: Any = NO_KEY) -> None:
    """Press at the first spot of a widget, move over the others, let go at the last."""
    QTest.mouseMove(widget, spots[0])
    QTest.mousePress(widget, LEFT, modifier, spots[0])
    for spot in spots[1:]:
        qtbot.wait(BETWEEN_MS)
        _move(widget, spot, modifier)
    QTest.mouseRelease(widget, LEFT, modifier, spots[-1])
    QApplication.processEvents()


def drag_line(plot: Any, qtbot: Any, start: float, end: float) -> None:
    """Drag an upright line of a plot of pyqtgraph from one value to another."""
    view = plot.plotItem.vb
    middle = sum(view.viewRange()[1]) / 2
    x_values = (start, (2 * start + end) / 3, (start + 2 * end) / 3, end)
    spots = [plot.mapFromScene(view.mapViewToScene(QPointF(x, middle))) for x in x_values]
    drag_on(plot.viewport(), qtbot, *spots)


def _move(widget: QWidget, spot: QPoint, modifier: Any) -> None:
    """QTest's own moves tell of no button that is down."""
    position, where = QPointF(spot), QPointF(widget.mapToGlobal(spot))
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, position, where, none, LEFT, modifier)
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()
