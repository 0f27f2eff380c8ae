"""Docks of ours are tabs beside each other, and the one that was opened last is in front."""

from __future__ import annotations

from functools import partial

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_deepem.widgets.docks.dock_tabs import DockTab, bring_to_front


class Window(QMainWindow):
    """A window to which docks are added below each other, as napari's menu does."""

    def __init__(self) -> None:
        super().__init__()
        self.docks: dict[str, QDockWidget] = {}

    def add(self, name: str) -> None:
        widget, dock = QWidget(), QDockWidget(name)
        DockTab(widget, name, lambda window, dock: None)
        dock.setWidget(widget)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        self.docks[name] = dock

    def choose(self, name: str) -> None:
        """Choose the entry of a dock that is open in napari's menu of plugins."""
        self.docks[name].setVisible(not self.docks[name].isVisible())

    def in_front(self) -> list[str]:
        docks = self.docks.items()
        return [name for name, dock in docks if not dock.visibleRegion().isEmpty()]


@pytest.fixture
def window(qtbot) -> Window:
    window = Window()
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def test_dock_that_is_opened_comes_to_the_front(qtbot, window: Window) -> None:
    for name in ("Micrographs", "Annotate", "Pick"):
        window.add(name)
        qtbot.waitUntil(lambda name=name: window.in_front() == [name])


def test_dock_that_is_asked_for_last_stays_in_front(qtbot, window: Window) -> None:
    for name in ("Micrographs", "Annotate", "Pick"):
        window.add(name)
    QTimer.singleShot(0, partial(bring_to_front, window.docks["Micrographs"]))
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(window.docks["Pick"])) == 2)
    qtbot.waitUntil(lambda: window.in_front() == ["Micrographs"])
    qtbot.wait(50)
    assert window.in_front() == ["Micrographs"]


def test_hidden_dock_that_is_asked_for_again_comes_to_the_front(qtbot, window: Window) -> None:
    for name in ("Micrographs", "Annotate"):
        window.add(name)
        qtbot.waitUntil(lambda name=name: window.in_front() == [name])
    window.docks["Micrographs"].hide()
    window.choose("Micrographs")
    qtbot.waitUntil(lambda: window.in_front() == ["Micrographs"])


def test_dock_behind_another_tab_comes_to_the_front_when_it_is_asked_for(
    qtbot, window: Window
) -> None:
    for name in ("Micrographs", "Annotate", "Pick"):
        window.add(name)
        qtbot.waitUntil(lambda name=name: window.in_front() == [name])
    window.choose("Micrographs")
    qtbot.waitUntil(lambda: window.in_front() == ["Micrographs"])
    window.docks["Annotate"].toggleViewAction().trigger()  # as napari's menu of windows does
    qtbot.waitUntil(lambda: window.in_front() == ["Annotate"])
    qtbot.wait(50)
    assert window.in_front() == ["Annotate"]
    window.choose("Annotate")  # it is seen: the entry's mark goes
    qtbot.wait(50)
    assert not window.docks["Annotate"].isVisible()
    window.choose("Annotate")
    qtbot.waitUntil(lambda: window.in_front() == ["Annotate"])


def test_dock_behind_another_tab_can_be_closed(qtbot, window: Window) -> None:
    for name in ("Micrographs", "Annotate"):
        window.add(name)
        qtbot.waitUntil(lambda name=name: window.in_front() == [name])
    dock = window.docks.pop("Micrographs")
    dock.widget().setParent(None)  # as napari removes one
    window.removeDockWidget(dock)
    qtbot.wait(50)
    assert not dock.isVisible()
    assert window.in_front() == ["Annotate"]
