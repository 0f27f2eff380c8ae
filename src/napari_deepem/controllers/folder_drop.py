"""Folders that are dropped onto a window, or named on a command line, opened as series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import napari
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.layers import coordinate_reader
from napari_deepem.session.series import holds_series

PLUGIN = "napari-deepem"
Reader = Callable[[str | Sequence[str]], list[tuple[Any, ...]]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The npe2 reader of a folder of micrographs or of a run; None for anything else."""
    folder = Path(path if isinstance(path, str) else path[0])
    viewer = napari.current_viewer()
    return open_dropped if viewer is not None and holds_series(folder) else None


def open_dropped(path: str | Sequence[str]) -> list[tuple[Any, ...]]:
    """Open a folder in the window that is in use; gives napari no layers to add."""
    viewer = napari.current_viewer()
    if viewer is not None:
        open_folder(viewer, Path(path if isinstance(path, str) else path[0]))
    return [(None,)]


class FolderDrop(QObject):
    """An event filter that opens folders and coordinate files dropped onto a window with our docks.

    napari itself would ask each time which of its readers is to have a folder, or a table. It still
    does where Alt is held, which is its way to choose one.
    """

    def __init__(self, link: ViewerLink, window: QMainWindow) -> None:
        super().__init__(window)
        self._link = link
        canvas = window.centralWidget()
        for widget in [] if canvas is None else canvas.findChildren(QWidget):
            if widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Whether a drop is taken: a folder that opens as a series, or files of coordinates."""
        if event is None or event.type() != QEvent.Type.Drop:
            return False
        if QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.AltModifier:
            return False
        paths = [url.toLocalFile() for url in cast(Any, event).mimeData().urls()]
        viewer = cast(Any, self._link.viewer)
        if not all(paths):
            return False  # what is no file
        if len(paths) == 1 and holds_series(Path(paths[0])):
            open_folder(viewer, Path(paths[0]))
        elif coordinate_reader.get_reader(paths) is not None:
            viewer.open(paths, plugin=PLUGIN)
        else:
            return False
        event.accept()
        return True


def open_folder(viewer: napari.Viewer, folder: Path) -> None:
    """Open a folder as a series in a viewer, with the dock that lists it."""
    add_dock(viewer, "Micrographs")
    link_of(viewer).autosave.open_folder(folder)


def add_dock(viewer: napari.Viewer, name: str) -> Any:
    """The dock of ours with a name, opened, or brought to the front."""
    frame, dock = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    frame.show()
    frame.raise_()
    return dock
