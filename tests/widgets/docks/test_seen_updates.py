"""Updates of docks that nobody sees wait until somebody does."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabWidget, QWidget

from napari_deepem.controllers.in_sight import is_in_sight
from napari_deepem.widgets.docks.seen_updates import SeenUpdates


def test_updates_wait_behind_another_tab_and_come_once_in_their_order(qtbot) -> None:
    window, dock, told = QTabWidget(), QWidget(), []
    qtbot.addWidget(window)
    updates = SeenUpdates(dock)
    first = updates.when_seen(lambda: told.append("first"))
    second = updates.when_seen(lambda: told.append("second"))
    window.addTab(dock, "dock")
    window.addTab(QWidget(), "other")
    first(1)
    assert told == ["first"]  # no window is seen yet: what is made ready is right from the start
    window.show()
    window.setCurrentIndex(1)
    second("a new value")
    first()
    second()
    assert told == ["first"]
    window.setCurrentIndex(0)
    assert told == ["first", "second", "first"]
    second()
    assert told[3:] == ["second"]


def test_dock_behind_the_tab_of_another_is_not_seen(qtbot) -> None:
    """Qt calls it visible."""
    window, told = QMainWindow(), []
    qtbot.addWidget(window)
    docks = [QDockWidget(str(number), window) for number in range(2)]
    inside = [QWidget() for _ in docks]
    for dock, widget in zip(docks, inside, strict=True):
        dock.setWidget(widget)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.tabifyDockWidget(*docks)
    updates = SeenUpdates(inside[0])
    updates.follow(docks[0])
    update = updates.when_seen(lambda: told.append("told"))
    window.show()
    docks[1].raise_()
    qtbot.waitUntil(lambda: is_in_sight(inside[1]) and not is_in_sight(inside[0]))
    update()
    update()
    assert told == []
    docks[0].raise_()
    assert told == ["told"]
    qtbot.waitUntil(lambda: is_in_sight(inside[0]))
    update()
    assert told == ["told", "told"]
