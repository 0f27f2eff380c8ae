"""Whether a window can be opened: another process tries, for Qt aborts one in which it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from napari_deepem.core.errors import InputError

NO_BINDING = 'no window: pip install "napari-deepem[all]" brings one'
NO_DISPLAY = "there is no display to open a window on: log in with one, or use ssh -X"
UNSEEN = ("offscreen", "minimal", "minimalegl")  # platforms of Qt that show nothing
ANSWERS_WITHIN_S = 60.0  # a display on another host may never answer
TRY = "from napari_deepem.cli.window import try_window; try_window()"
NO_REASON = "Qt does not start"


def has_display() -> bool:
    """Whether there is a display to open a window on, as far as that can be told at once."""
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def window_required() -> Iterator[None]:
    """A block that loads what opens windows, during which another process tries to open one.

    Raises
    ------
    InputError
        No window can be opened, whatever the block may have said of it.
    """
    if not has_display():
        raise InputError(NO_DISPLAY)
    attempt = subprocess.Popen(
        [sys.executable, "-c", TRY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        try:
            yield
        except (ImportError, RuntimeError, ValueError):  # as qtpy raises for what QT_API names
            _check(attempt)
            raise
        _check(attempt)
    finally:
        attempt.kill()
        attempt.communicate()


def _check(attempt: subprocess.Popen[str]) -> None:
    """Raise InputError with the reason why another process has not opened a window."""
    try:
        _, text = attempt.communicate(timeout=ANSWERS_WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise InputError("no window: the display does not answer; check DISPLAY") from error
    if attempt.returncode > 0:
        raise InputError((text.strip() or NO_REASON).splitlines()[-1])
    if attempt.returncode < 0:  # Qt has aborted, and says why first
        reasons = (line.partition(": ")[2] for line in text.splitlines() if "qt.qpa" in line)
        reason = next(reasons, NO_REASON).rstrip(".")
        raise InputError(f"no window: {reason}; check DISPLAY and QT_QPA_PLATFORM")


def try_window() -> None:
    """Do what a window needs, or end with one line on standard error that says what is missing."""
    try:
        from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
    except (ImportError, RuntimeError, ValueError) as error:  # qtpy has errors of each kind
        sys.exit(_no_binding(error))
    app = QGuiApplication(["napari-deepem"])
    platform = app.platformName()
    if platform in UNSEEN:
        sys.exit(f"no window: Qt's platform {platform} shows none; unset QT_QPA_PLATFORM")
    from OpenGL.platform import GetCurrentContext  # by which vispy asks

    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if context.create() and context.makeCurrent(surface) and GetCurrentContext():
        os._exit(0)  # what Qt has to tidy up does not matter
    hint = "set PYOPENGL_PLATFORM to x11 or egl" if platform == "xcb" else "check its driver"
    sys.exit(f"no window: OpenGL does not work on this display; {hint}")


def _no_binding(error: Exception) -> str:
    name = os.environ.get("QT_API")
    text = " ".join(str(error).split())
    return (
        f"no window: QT_API is {name}, but {text}; unset it" if name else f"{NO_BINDING} ({text})"
    )
