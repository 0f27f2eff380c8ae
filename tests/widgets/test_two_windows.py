"""Docks in real windows: jobs in napari's activity area, docks that come and go, two windows."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils import progress
from qtpy.QtWidgets import QDockWidget

from napari_deepem.controllers.folder_drop import add_dock, open_folder
from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.core.jobs import EpochDone, TilesDone
from napari_deepem.core.network.model import Model
from napari_deepem.core.types import Candidates, Labels, ScoreMap
from napari_deepem.io.images import write_image
from napari_deepem.widgets.windows import DOCKS
from patience import PATIENCE_S
from pretended_scores import pretend_to_score
from series import some_model

pytestmark = pytest.mark.usefixtures("_plugins")


@pytest.fixture
def window(make_napari_viewer: Any, qtbot: Any) -> Iterator[Callable[[Path], ViewerLink]]:
    """Open a window on a folder with one micrograph, named as the folder."""
    links = []

    def open_on(folder: Path) -> ViewerLink:
        folder.mkdir()
        write_image(folder / f"{folder.name}.mrc", np.eye(60, 90, dtype=np.float32), 2.0)
        viewer = make_napari_viewer(show=True)
        open_folder(viewer, folder)
        link = link_of(viewer)
        links.append(link)
        qtbot.waitUntil(lambda: folder.name in link.session.micrographs)
        return link

    yield open_on
    for link in links:
        link.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What jobs wait for; opened in the end."""
    gate = threading.Event()
    yield gate
    gate.set()


def bars() -> dict[str, tuple[int, int]]:
    """What napari's activity area shows: done and total, by name."""
    return {bar.desc.rstrip(": "): (bar.n, bar.total) for bar in progress._all_instances}


def close_docks(viewer: napari.Viewer, qtbot: Any) -> None:
    """Close every dock as its title's button does."""
    for dock in list(viewer.window._qt_window.findChildren(QDockWidget)):
        if dock.windowTitle() in DOCKS:
            with qtbot.waitSignal(dock.destroyed):
                dock.destroyOnClose()


def test_docks_closed_and_reopened_in_training_lose_nothing(
    window: Callable[[Path], ViewerLink],
    gate: threading.Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: Any,
) -> None:
    def training(*_: object) -> Any:
        def job() -> Any:
            yield EpochDone(1, 2, 0.5, 0.4, 0.8)
            gate.wait(PATIENCE_S)
            yield EpochDone(2, 2, 0.3, 0.2, 0.9)
            return model

        return job

    model = some_model()
    monkeypatch.setattr("napari_deepem.session.jobs.training", training)
    link = window(tmp_path / "m1")
    viewer, session = link.viewer, link.session
    for name in DOCKS:
        add_dock(viewer, name)
    session.labels = {"m1": Labels.of([[20.0, 30.0], [40.0, 60.0]])}
    session.box_size_px, session.epochs = 24, 2
    train = add_dock(viewer, "Train")
    qtbot.waitUntil(lambda: train.train.enabled)  # it knows of labels as soon as it is in front
    train.train.native.click()
    qtbot.waitUntil(lambda: bars().get("Training") == (540, 1000))

    close_docks(viewer, qtbot)
    qtbot.wait(50)
    assert session.training.running
    assert bars()["Training"] == (540, 1000)
    docks = {name: add_dock(viewer, name) for name in DOCKS}
    train = docks["Train"]
    assert train.box_size.value == 24
    assert train.epochs.value == "2"
    assert train.stop.enabled
    assert train.progress.value == 540
    assert train.numbers.value.startswith("loss 0.500")
    assert "2 particles" in docks["Annotate"].counts.value
    assert docks["Micrographs"].table.names == ["m1"]

    gate.set()
    qtbot.waitUntil(lambda: session.model is model)
    assert add_dock(viewer, "Train") is train  # in front of the others now
    qtbot.waitUntil(lambda: train.numbers.value.startswith("loss 0.300"))
    qtbot.waitUntil(lambda: not bars())  # nothing is left there


def test_two_windows_do_not_mix_and_one_is_closed_while_both_score(
    window: Callable[[Path], ViewerLink],
    gate: threading.Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: Any,
) -> None:
    def score(micrograph: Any, model: Model, *_: object) -> Any:
        for done in range(1, 10_000):
            yield TilesDone(done, 10_000)
            if gate.wait(0.05):
                break
        grid = np.full((5, 8), 0.9, dtype=np.float32)
        candidates = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
        return ScoreMap(grid, grid, 5.0, 10.0, 24), candidates

    pretend_to_score(monkeypatch, score)
    first, second = window(tmp_path / "m1"), window(tmp_path / "m2")
    first.start_labelling("positive").add([[10.0, 20.0]])
    for link in (first, second):
        link.session.model = some_model()
        link.scoring.score(link.session.names)
    qtbot.waitUntil(lambda: len(progress._all_instances) == 2)
    assert not second.session.labels_of("m2").positive_yx.size
    assert list(first.session.files) == ["m1"]
    assert list(second.session.files) == ["m2"]

    first.viewer.window._qt_window.close()
    del first.viewer.window._qt_window  # or the fixture closes it once more
    qtbot.waitUntil(lambda: len(progress._all_instances) == 1)
    gate.set()
    qtbot.waitUntil(lambda: not second.session.scoring.running)
    assert list(second.session.candidates) == ["m2"]
    assert not first.session.candidates
    assert [
        layer.name for layer in second.viewer.layers if layer.visible and layer.name != "Filtered"
    ] == [
        "m2",
        "Score map",
        "Picks",
    ]
    qtbot.waitUntil(lambda: not progress._all_instances)
