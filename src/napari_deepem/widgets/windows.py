"""Windows that the command line opens on its results and on folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import napari
from qtpy.QtCore import QTimer

from napari_deepem.controllers.folder_drop import PLUGIN, add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.widgets.docks.dock_tabs import bring_to_front

DOCKS = ("Micrographs", "Annotate", "Train", "Pick", "Review", "Export")


def open_results(micrographs: Sequence[Path], model: Path) -> napari.Viewer:
    """A new viewer of micrographs, with docks, which scores and picks them with a model file."""
    viewer = napari.Viewer(title="napari-deepem")
    viewer.open([str(path) for path in micrographs], plugin=PLUGIN, stack=False)
    for number, dock in enumerate(("Annotate", "Train", "Export", "Pick")):
        viewer.window.add_plugin_dock_widget(PLUGIN, dock, tabify=number > 0)
    link = link_of(viewer)

    def score_all() -> None:
        link.session.events.model.disconnect(score_all)
        link.scoring.score(list(link.session.micrographs))

    link.session.events.model.connect(score_all)
    link.training.load(model)
    return viewer


def show_results(micrographs: Sequence[Path], model: Path) -> None:
    """Open the viewer of `open_results` and stay until its window is closed."""
    open_results(micrographs, model)
    napari.run()


def open_series(folder: Path) -> napari.Viewer:
    """A new viewer of a folder of micrographs, with all docks."""
    viewer = _viewer_with_docks(folder)
    link_of(viewer).autosave.open_folder(folder)
    return viewer


def show_series(folder: Path) -> None:
    """Open the viewer of `open_series` and stay until its window is closed."""
    open_series(folder)
    napari.run()


def open_file(micrograph: Path) -> napari.Viewer:
    """A new viewer of a single micrograph, with all docks."""
    viewer = _viewer_with_docks(micrograph)
    viewer.open(str(micrograph.absolute()), plugin=PLUGIN)
    return viewer


def show_file(micrograph: Path) -> None:
    """Open the viewer of `open_file` and stay until its window is closed."""
    open_file(micrograph)
    napari.run()


def _viewer_with_docks(path: Path) -> napari.Viewer:
    viewer = napari.Viewer(title=f"{path.absolute().name} - {PLUGIN}")
    docks = [add_dock(viewer, name) for name in DOCKS]
    QTimer.singleShot(0, partial(bring_to_front, docks[0].native.parent()))  # when they are tabs
    return viewer
