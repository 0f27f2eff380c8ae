"""Whether a window can be opened."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from napari_deepem.core.errors import InputError

QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
NO_BINDING = 'no window: pip install "napari-deepem[all]" brings one'


def has_display() -> bool:
    """Whether there is a display to open a window on."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def has_binding() -> bool:
    """Whether a Qt binding is installed."""
    return any(find_spec(binding) for binding in QT_BINDINGS)


def require_window() -> None:
    """Raise InputError where no window can be opened."""
    if not has_binding():
        raise InputError(NO_BINDING)
    if not has_display():
        raise InputError("there is no display to open a window on: log in with one, or use ssh -X")
