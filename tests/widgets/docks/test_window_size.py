"""The first dock in a window, and the canvas beside it (E.13)."""

import pytest
from qtpy.QtWidgets import QMainWindow

from napari_deepem.controllers.folder_drop import add_dock
from napari_deepem.controllers.key_bindings import ACTIONS
from napari_deepem.widgets.docks import window_size
from napari_deepem.widgets.docks.annotate import TOOLS
from napari_deepem.widgets.docks.dock_tabs import OURS
from napari_deepem.widgets.docks.window_size import give_room


@pytest.fixture
def window(qtbot, monkeypatch: pytest.MonkeyPatch) -> QMainWindow:
    """A window of 300 x 200 where docks and a canvas are said to need 500 x 400."""
    monkeypatch.setattr(window_size, "WIDTH", 500)
    monkeypatch.setattr(window_size, "HEIGHT", 400)
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(300, 200)
    return window


def test_window_grows_to_what_docks_and_a_canvas_need_and_never_shrinks(
    window: QMainWindow,
) -> None:
    window.show()
    give_room(window)
    assert (window.width(), window.height()) == (500, 400)
    window.resize(300, 450)
    give_room(window)
    assert (window.width(), window.height()) == (500, 450)


def test_window_fills_a_screen_that_is_too_small(
    window: QMainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_size, "WIDTH", 50_000)
    window.show()
    give_room(window)
    assert window.width() >= window.screen().availableGeometry().width()
    assert window.isMaximized()


def test_window_that_is_not_shown_is_left_as_it_is(window: QMainWindow) -> None:
    give_room(window)
    assert (window.width(), window.height()) == (300, 200)


@pytest.mark.usefixtures("_plugins")
def test_only_the_first_dock_enlarges_a_window(
    make_napari_viewer, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarged: list[str] = []

    def note(window: QMainWindow) -> None:
        enlarged.append(window.windowTitle())  # a window that is held is said to leak

    monkeypatch.setattr("napari_deepem.widgets.docks.dock.give_room", note)
    viewer = make_napari_viewer(show=True)
    docks = [add_dock(viewer, name) for name in ("Annotate", "Train")]
    qtbot.waitUntil(lambda: all(dock.native.objectName() == OURS for dock in docks))
    assert len(enlarged) == 1


def test_tools_are_called_the_same_on_buttons_and_among_keys() -> None:
    among_keys = {action.name: action.description for action in ACTIONS}
    for _, text, name, _ in TOOLS[:3]:
        assert text == among_keys[name]
