"""Opens a window on what the command line has made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import napari

from napari_deepem.widgets.link import link_of

PLUGIN = "napari-deepem"


def open_results(micrographs: Sequence[Path], model: Path) -> napari.Viewer:
    """Open micrographs with all docks, and score and pick them with a model file."""
    viewer = napari.Viewer(title="napari-deepem")
    viewer.open([str(path) for path in micrographs], plugin=PLUGIN, stack=False)
    for number, dock in enumerate(("Annotate", "Train", "Export", "Pick")):
        viewer.window.add_plugin_dock_widget(PLUGIN, dock, tabify=number > 0)
    link = link_of(viewer)

    def score_all() -> None:
        link.session.events.model.disconnect(score_all)
        link.runs.score(list(link.session.micrographs))

    link.session.events.model.connect(score_all)
    link.runs.trainings.load(model)
    return viewer


def show_results(micrographs: Sequence[Path], model: Path) -> None:
    """Do as `open_results` and stay until the window is closed."""
    open_results(micrographs, model)
    napari.run()
