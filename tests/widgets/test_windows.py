"""The window that the command line opens."""

from pathlib import Path

import napari
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QScrollArea

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.models import save_model
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.windows import DOCKS, open_results, open_series


def drop(viewer: napari.Viewer, path: Path) -> None:
    """Drop a file or folder onto the canvas."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    how = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    canvas = viewer.window._qt_viewer
    QApplication.sendEvent(canvas, QDragEnterEvent(QPoint(5, 5), *how))  # or Qt knows of no drag
    QApplication.sendEvent(canvas, QDropEvent(QPointF(5, 5), *how))


@pytest.mark.usefixtures("_plugins")
def test_results_are_opened_scored_with_the_pick_dock_in_front(
    make_napari_viewer, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / "m1.mrc", tmp_path / "m2.mrc"]
    for path in paths:
        write_image(path, rng.normal(size=(80, 120)).astype(np.float32), 2.0)
    network = Network(Architecture.for_box(24)).eval()
    model = Model(network, "modern", 24, Sampling(1), 2.0, threshold=0.4, std_range=(0.0, 5.0))
    monkeypatch.setattr(
        "napari_deepem.widgets.windows.napari.Viewer",
        lambda **options: make_napari_viewer(show=True, **options),
    )
    viewer = open_results(paths, save_model(model, tmp_path / "model"))
    session = session_of(viewer)
    qtbot.waitUntil(lambda: len(session.scored) == 2)
    assert list(session.scored) == ["m1", "m2"]
    assert session.threshold == pytest.approx(0.4)
    (pick,) = (dock for dock in viewer.window.dock_widgets.values() if isinstance(dock, Pick))
    qtbot.waitUntil(lambda: not pick.native.visibleRegion().isEmpty())


@pytest.mark.usefixtures("_plugins")
def test_folder_is_opened_with_every_dock_and_by_dropping_it(
    make_napari_viewer, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write_image(folder / f"{folder.name}_1.mrc", rng.normal(size=(80, 120)), 2.0)
    monkeypatch.setattr(
        "napari_deepem.widgets.windows.napari.Viewer",
        lambda **options: make_napari_viewer(show=True, **options),
    )
    viewer = open_series(first)
    session = session_of(viewer)
    qtbot.waitUntil(lambda: "first_1" in session.micrographs)
    docks = {type(dock).__name__: dock for dock in viewer.window.dock_widgets.values()}
    assert set(DOCKS) <= set(docks)
    qtbot.waitUntil(lambda: not docks["Micrographs"].native.visibleRegion().isEmpty())
    area = docks["Annotate"].native.findChild(QScrollArea)  # the widest
    docks["Annotate"].native.parent().raise_()
    qtbot.waitUntil(lambda: not area.visibleRegion().isEmpty())
    bar = area.verticalScrollBar().sizeHint().width()
    assert area.widget().minimumSizeHint().width() + bar <= area.width()  # nothing is cut off

    drop(viewer, second)  # napari asks nothing: that would block here
    qtbot.waitUntil(lambda: "second_1" in session.micrographs)
    assert list(session.files) == ["second_1"]
    assert [layer.name for layer in viewer.layers if layer.name != "Filtered"] == ["second_1"]

    viewer.open(str(first), plugin="napari-deepem")  # as where no dock is open yet
    qtbot.waitUntil(lambda: "first_1" in session.micrographs)
    drop(viewer, second / "second_1.mrc")
    assert [layer.name for layer in viewer.layers if layer.name != "Filtered"] == [
        "first_1",
        "second_1",
    ]
    assert list(session.files) == ["first_1"]
    table = second / "first_1.csv"
    write_coordinates(table, Picks(np.array([[10.0, 100.0]]), None, 24))
    drop(viewer, table)  # napari has a reader of tables itself, and would ask
    points = viewer.layers["first_1.csv"]
    image = viewer.layers["first_1"]
    np.testing.assert_array_equal(points.data_to_world((10, 100)), image.data_to_world((10, 100)))
    link_of(viewer).autosave.close()
