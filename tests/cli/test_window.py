"""Where no window can be opened, one line says so (D.5)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import qtpy

from cli_runs import Refusal
from napari_deepem.cli import window
from napari_deepem.cli.window import window_required
from napari_deepem.core.errors import InputError

if sys.platform != "linux":
    pytest.skip("displays are those of X and Wayland", allow_module_level=True)

VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_API", "QT_QPA_PLATFORM", "PYOPENGL_PLATFORM")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with a display that is not there."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":9977")
    return monkeypatch


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("DISPLAY", ":9977", "could not connect to display :9977; check DISPLAY"),
        ("QT_API", "pyside6", "no window: QT_API is pyside6, but"),
        ("QT_API", "nonsense", "no window: QT_API is nonsense, but"),
        ("QT_QPA_PLATFORM", "nonsense", 'Could not find the Qt platform plugin "nonsense"'),
        ("QT_QPA_PLATFORM", "offscreen", "platform offscreen shows none; unset QT_QPA_PLATFORM"),
        ("WAYLAND_DISPLAY", "wayland-77", "no window: "),
    ],
)
def test_reason_is_told_in_one_line(
    environment: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """D.5: whatever the block has met with."""
    environment.setenv(variable, value)
    with pytest.raises(InputError) as caught, window_required():
        raise ModuleNotFoundError(variable)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [ImportError, qtpy.PythonQtError, qtpy.PythonQtValueError, qtpy.QtModuleNotInOSError]
)
def test_reason_takes_the_place_of_what_loading_qt_raises(
    environment: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """D.5: of a missing package, a binding that is none, a module that this system lacks."""
    environment.setattr(window, "TRY", "raise SystemExit('no window: why')")
    with pytest.raises(InputError, match=r"^no window: why$"), window_required():
        raise error.__new__(error)


def test_no_display_needs_no_try(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DISPLAY")
    with pytest.raises(InputError, match="there is no display"), window_required():
        pytest.fail("nothing is loaded")


def test_display_that_never_answers_is_not_waited_for(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(window, "TRY", "import time; time.sleep(60)")
    environment.setattr(window, "ANSWERS_WITHIN_S", 0.01)
    with pytest.raises(InputError, match="the display does not answer"), window_required():
        pass


def test_display_without_opengl_is_told_of(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(
        window,
        "TRY",
        "from unittest.mock import patch\n"
        "from napari_deepem.cli.window import try_window\n"
        "names = 'QGuiApplication', 'QOffscreenSurface', 'QOpenGLContext'\n"
        "app, _, context = (patch(f'qtpy.QtGui.{name}').start() for name in names)\n"
        "app.return_value.platformName.return_value = 'xcb'\n"
        "context.return_value.create.return_value = False\n"
        "try_window()",
    )
    with pytest.raises(InputError, match="OpenGL does not work on this display"), window_required():
        pass


def test_what_the_block_meets_with_on_a_good_display_is_not_hidden(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setattr(window, "TRY", "")
    with pytest.raises(ZeroDivisionError), window_required():
        raise ZeroDivisionError


def test_try_succeeds_where_tests_open_windows(qapp: object) -> None:
    if not os.environ.get("DISPLAY"):
        pytest.skip("no display here")
    with window_required():
        pass


@pytest.mark.usefixtures("environment")
def test_view_is_refused_before_a_window_opens(refusal: Refusal, data: Path) -> None:
    assert "could not connect to display :9977" in refusal("view", data)
