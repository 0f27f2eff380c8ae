"""The docks as napari's manifest has them."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_deepem.widgets import entrances
from napari_deepem.widgets.docks.dock import Dock
from napari_deepem.widgets.docks.export import Export

MODULE = "import threading, time\nthread = threading.get_ident()\ntime.sleep(0.1)\n"


def test_entrance_makes_the_dock_of_its_name(qtbot) -> None:
    dock = entrances.Export(ViewerModel())
    qtbot.addWidget(dock.native)
    assert type(dock) is Export


def test_every_entrance_has_a_dock() -> None:
    for entrance in entrances.Entrance.__subclasses__():
        module = import_module(f"{entrances.DOCKS}.{entrance.__name__.lower()}")
        assert issubclass(getattr(module, entrance.__name__), Dock)


@pytest.mark.usefixtures("qtbot")
def test_what_a_dock_needs_is_imported_while_the_window_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needed_by_a_dock.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    beats: list[bool] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append("needed_by_a_dock" in sys.modules))
    timer.start(1)
    entrances.load("needed_by_a_dock")
    assert sys.modules["needed_by_a_dock"].thread != threading.get_ident()
    assert True in beats  # it was on its way


@pytest.mark.usefixtures("qtbot")
def test_module_that_can_not_be_imported_is_told_where_it_is_asked_for() -> None:
    entrances.load("no_such_module_of_a_dock")
    assert "no_such_module_of_a_dock" not in sys.modules
