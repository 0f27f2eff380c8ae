"""Labels of a file, of a folder or drawn by chance, through the Annotate dock."""

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import FORMATS, SUFFIXES, write_coordinates
from napari_deepem.widgets.docks.annotate import Annotate

pytestmark = pytest.mark.usefixtures("qapp")


def test_labels_are_loaded_from_a_file(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock = Annotate(viewer)
    path = tmp_path / "by_hand.star"
    more_yx = [[20.0, 30.0], [40.0, 30.0]]
    write_coordinates(path, Picks(np.array([[10.0, 80.0], [80.0, 10.0], *more_yx])))
    dialog = "napari_deepem.widgets.docks.label_import.QFileDialog.getOpenFileName"
    asked = []
    monkeypatch.setattr(dialog, lambda *arguments: asked.append(arguments) or (str(path), ""))
    dock.label_import.load.native.click()
    filters = asked[0][-1].split(";;")
    assert filters[0] == f"All coordinates ({' '.join(f'*{suffix}' for suffix in SUFFIXES)})"
    assert len(filters) == 1 + len(FORMATS)
    loaded = "Loaded 3 particles. 1 of 4 labels lies outside of its micrograph and is left out."
    qtbot.waitUntil(lambda: dock.status.value == loaded)
    assert dock.counts.value.startswith("3 particles, ")
    path.write_text("no table")
    dock.label_import.load.native.click()
    qtbot.waitUntil(
        lambda: "by_hand.star" in dock.status.value and "Reading" not in dock.status.value
    )
    dock.micrograph.value = "m1"
    assert dock.status.value == ""
    assert not Annotate(ViewerModel()).label_import.load.enabled


def test_labels_of_a_folder_are_loaded_for_all_micrographs(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    for name in ("m1", "m2"):
        write_coordinates(tmp_path / f"{name}.star", Picks(np.array([[10.0, 80.0], [20.0, 30.0]])))
    dialog = "napari_deepem.widgets.docks.label_import.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(dialog, lambda *_: str(tmp_path))
    dock.label_import.load_folder.native.click()
    qtbot.waitUntil(lambda: dock.status.value == "Loaded 4 particles on 2 micrographs.")
    assert (
        dock.counts.value
        == "2 particles, 0 non-particles here; 4 particles, 0 non-particles on 2 micrographs"
    )
    dock.undo.native.click()
    assert session.labelled() == {}
    assert not dock.undo.enabled
    assert dock.redo.enabled


def test_background_is_drawn_to_be_looked_through(viewer: ViewerModel, qtbot) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    assert not dock.label_import.draw.enabled
    assert "Mark particles here first" in dock.label_import.draw.tooltip
    viewer.layers["m2"].data = np.random.default_rng(0).normal(size=(240, 300))
    session.box_size_px = 24
    link_of(viewer).start_labelling("positive").add([[30.0, 40.0]])
    dock.label_import.draw.native.click()
    qtbot.waitUntil(lambda: dock.status.value.startswith("Drew 10 non-particles"))
    assert len(session.labels_of("m2").negative_yx) == 10
    assert "1 particle, 10 non-particles here" in dock.counts.value
