"""The size of a window that docks of ours come into: they must leave room for the canvas."""

from __future__ import annotations

from qtpy.QtWidgets import QMainWindow

WIDTH, HEIGHT = 1400, 900  # screen pixels; at the 1089 x 630 of napari a dock leaves a stamp


def give_room(window: QMainWindow) -> None:
    """Enlarge a window that is smaller than docks and a canvas need, as far as its screen goes."""
    screen = window.screen()
    if screen is None or not window.isVisible() or window.isMaximized() or window.isFullScreen():
        return
    available = screen.availableGeometry()
    width, height = min(WIDTH, available.width()), min(HEIGHT, available.height())
    if window.width() >= width and window.height() >= height:
        return
    window.resize(max(window.width(), width), max(window.height(), height))
    if (width, height) != (WIDTH, HEIGHT):
        window.showMaximized()
    elif not available.contains(window.frameGeometry()):
        window.move(available.topLeft())
