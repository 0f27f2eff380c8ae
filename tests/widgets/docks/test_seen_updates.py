"""Updates of docks that nobody sees wait until somebody does."""

from qtpy.QtWidgets import QTabWidget, QWidget

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
