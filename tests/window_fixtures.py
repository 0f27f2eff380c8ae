import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import qtpy
from npe2 import PluginManager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication, QWidget
from superqt.utils import WorkerBase

from patience import PATIENCE_MS


class PatientBot(QtBot):
    """A bot that waits as long as a busy machine may take: what never comes fails."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitExposed(self, widget: QWidget, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitExposed(widget, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> PatientBot:
    return PatientBot(request)


def nothing(_is_busy: object) -> Iterator[None]:
    """A job that does nothing."""
    yield from ()


@pytest.fixture(autouse=True)
def _no_job_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nor is a dock left: Qt crashes where the collector, in another job's thread, finds one."""
    gc.collect()  # what the fixtures of the last test had
    gc.freeze()  # half a million objects of modules, which need not be gone through each time
    # what it imports would be, once a window is closed
    monkeypatch.setattr("napari_deepem.controllers.viewer_link.loading_ahead", nothing)
    yield
    WorkerBase.await_workers(PATIENCE_MS)
    gc.collect()


@pytest.fixture(autouse=True, scope="session")
def _no_dock_outlives_the_tests() -> Iterator[None]:
    """Nor is one left to PyQt6, which may crash as it ends: see `window_close.delete_windows`."""
    yield
    if not qtpy.PYQT6:
        return
    from PyQt6 import sip

    for widget in QApplication.topLevelWidgets():
        if not sip.isdeleted(widget) and sip.ispyowned(widget):  # others belong to one that is
            widget.close()
            widget.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def _plugins() -> None:
    """Let napari know what is installed."""
    PluginManager.instance().discover()
