"""Names in menus."""

from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QComboBox, QToolTip

from napari_deepem.widgets.docks.name_menu import NameMenu, name_in

NAMES = [f"Falcon_2012_06_12-14_33_35_{number}_movie_aligned_{number}" for number in range(3)]


def test_long_names_keep_their_end_and_are_whole_in_tooltips(qtbot) -> None:
    """E.13"""
    menu = QComboBox()
    qtbot.addWidget(menu)
    menu.addItems(NAMES)
    menu.setToolTip("Shows a micrograph.")
    NameMenu(menu)
    menu.setFixedWidth(160)
    menu.show()
    drawn = []
    for number, name in enumerate(NAMES):
        menu.setCurrentIndex(number)
        assert name_in(menu)[-4:] == name[-4:]
        assert len(name_in(menu)) < len(name)
        drawn.append(menu.grab().toImage())
    assert drawn[0] != drawn[1]
    assert menu.view().textElideMode() == Qt.TextElideMode.ElideMiddle

    def tooltip(widget, place: QPoint) -> str:
        event = QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place))
        QApplication.sendEvent(widget, event)
        return QToolTip.text()

    assert tooltip(menu, QPoint(5, 5)) == f"{NAMES[2]}\n\nShows a micrograph."
    menu.showPopup()
    row = menu.view().visualRect(menu.model().index(1, 0)).center()
    assert tooltip(menu.view().viewport(), row) == NAMES[1]
    menu.hidePopup()
    menu.setFixedWidth(900)
    assert name_in(menu) == NAMES[2]
