"""Who has the keyboard in a real window."""

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QEnterEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLineEdit, QWidget

from napari_deepem.controllers.folder_drop import add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.micrographs import image_layer_data

pytestmark = pytest.mark.usefixtures("_plugins")


def enter(canvas: QWidget) -> None:
    """Move the mouse onto the canvas."""
    place = QPointF(50, 50)
    QApplication.sendEvent(canvas, QEnterEvent(place, place, QPointF(canvas.mapToGlobal(place))))
    QApplication.processEvents()


def test_keys_reach_the_canvas_unless_a_text_is_being_typed(make_napari_viewer, qtbot) -> None:
    """E.3: Return, and the mouse over the canvas, give it the focus."""
    viewer: Any = make_napari_viewer(show=True)
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((600, 600)), "m1", 2.0))
    viewer.add_image(data, **arguments)
    docks = {name: add_dock(viewer, name) for name in ("Review", "Micrographs", "Annotate")}
    window, canvas = viewer.window._qt_window, viewer.window._qt_viewer.canvas.native
    window.activateWindow()
    session, tools = link_of(viewer).session, link_of(viewer).mouse_tools
    box = docks["Annotate"].box_size.native
    qtbot.waitUntil(box.isVisible)

    def has_focus(widget: QWidget) -> bool:
        return window.focusWidget() is widget

    box.setFocus()
    box.lineEdit().setText("88")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: has_focus(canvas))
    assert session.box_size_px == 88
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_G)
    assert tools.current_tool() == "positive"

    box.setFocus()
    box.lineEdit().setText("89")
    QTest.keyClick(box, Qt.Key.Key_Return)
    box.setFocus()  # clicked again, before the window has done anything else
    QApplication.processEvents()
    assert has_focus(box)

    box.lineEdit().setText("90")
    enter(canvas)
    assert has_focus(canvas)
    assert session.box_size_px == 90

    for widget in (docks["Annotate"].undo.native, docks["Annotate"].micrograph.native):
        widget.setFocus()
        enter(canvas)
        assert has_focus(canvas)

    text = QLineEdit(docks["Annotate"].native)
    text.show()
    for widget in (text, docks["Review"].view):
        widget.setFocus()
        kept = window.focusWidget()
        enter(canvas)
        assert has_focus(kept)

    menu = docks["Annotate"].micrograph.native
    menu.setFocus()
    menu.showPopup()
    enter(canvas)
    assert not has_focus(canvas)
    menu.hidePopup()
