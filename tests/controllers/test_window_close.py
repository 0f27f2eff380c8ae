"""A window that is closed while jobs run, and a program that ends."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from napari._qt.dialogs.confirm_close_dialog import ConfirmCloseDialog
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow

from blobs import BOX_PX, blob_micrograph
from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.controllers.window_close import WindowClose
from napari_deepem.core.types import Labels
from napari_deepem.io.images import write_image
from napari_deepem.io.session_file import SessionFile
from napari_deepem.io.session_places import SESSION_FILE
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.widgets.docks.annotate import Annotate

WORK = """
import sys
import napari
from dataclasses import replace
from pathlib import Path
from time import sleep
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.recipes import MODERN, RECIPES
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.widgets.windows import open_series

RECIPES["modern"] = replace(MODERN, batches_per_epoch=4, batch_size=16)
folder, in_window = Path(sys.argv[1]), sys.argv[2] == "the window is closed"
app = None if in_window else QApplication([])
viewer = open_series(folder) if in_window else ViewerModel()
link, endings = link_of(viewer), []
if not in_window:
    link.autosave.open_folder(folder)
session = link.session

def when(is_so, then):
    then() if is_so() else QTimer.singleShot(10, lambda: when(is_so, then))

def work():
    _, centres_yx = blob_micrograph(1)
    session.box_size_px, session.epochs, session.start = BOX_PX, 500, "chance"
    network = Network(Architecture.for_box(BOX_PX)).eval()
    session.model = Model(
        network, "modern", BOX_PX, Sampling(1), 2.0, threshold=0.0, std_range=(0.0, 9.0)
    )
    link.start_labelling("positive").add(centres_yx)
    link.training.train()
    when(lambda: session.history, score)

def score():  # no sooner: all might be scored before a busy machine has trained an epoch
    link.scoring.score(session.names)
    when(lambda: session.candidates and session.scoring.running, end)

def end():
    link.start_labelling("positive").add([[11.0, 12.0]])  # is not written yet
    assert session.training.running
    if in_window:
        viewer.window._qt_window.close()
    else:
        endings.append(True)

when(lambda: session.current in session.micrographs, work)
if in_window:
    napari.run()
while not (endings or in_window):
    app.processEvents()
    sleep(0.01)  # or the jobs hardly get on
"""

LEFT_WINDOW = """
from napari.components import ViewerModel
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QApplication, QMainWindow
from napari_deepem.controllers.viewer_link import link_of

app, window, objects = QApplication([]), QMainWindow(), []
link_of(ViewerModel()).window_close.watch(window)
window.destroyed.connect(lambda: objects.extend(QPoint() for _ in range(100_000)))
window.destroyed.connect(lambda: print("destroyed"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A series of micrographs of blobs; the others take much longer to score than the first."""
    for seed in (1, 2, 3):
        micrograph, _ = blob_micrograph(seed)
        times = 1 if seed == 1 else 8
        image = np.tile(micrograph.image, (times, times))
        write_image(tmp_path / f"{micrograph.name}.mrc", image, 2.0)
    return tmp_path


@pytest.mark.parametrize("how", ["the window is closed", "the program ends"])
def test_jobs_stop_quietly_and_the_last_click_is_saved(folder: Path, how: str, qapp) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(folder), how],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    file = SessionFile(folder / SESSION_FILE)
    stored = file.read()
    file.close()
    np.testing.assert_array_equal(stored.points["blobs_1"]["positive"][-1], [11.0, 12.0])
    assert "blobs_1" in stored.candidates
    assert stored.settings["current"] == "blobs_1"


def test_program_ends_quietly_whatever_is_done_as_a_window_that_is_left_goes(qapp) -> None:
    """PyQt6 itself would crash: its table of objects must not grow while it cleans up."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_WINDOW], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "destroyed\n", "")


@pytest.mark.usefixtures("qapp")
def test_window_that_is_closed_keeps_what_a_first_training_has_learnt(folder: Path, qtbot) -> None:
    """E.12: where there is a model already, that stays, and napari's question tells."""
    viewer = ViewerModel()
    link = link_of(viewer)
    link.autosave.open_folder(folder)
    session, training = link.session, link.training
    qtbot.waitUntil(lambda: "blobs_1" in session.micrographs)
    session.box_size_px, session.epochs, session.start = BOX_PX, 900, "chance"
    session.labels = {"blobs_1": Labels.of(blob_micrograph(1)[1])}
    assert training.unfinished() == ""
    training.train()
    assert "what it has learnt will be lost" in training.unfinished()  # nothing yet
    qtbot.waitUntil(lambda: bool(session.history))
    assert "the best so far is kept" in training.unfinished()
    link.close()
    assert session.model is not None
    assert session.model.summary["stopped"]["epochs"] == 900
    qtbot.wait(10)  # what it told last comes too late
    assert not session.training.running
    assert session.training.message.startswith("Trained")
    file = SessionFile(folder / SESSION_FILE)
    stored = file.read()
    file.close()
    assert stored.model is not None
    assert len(stored.settings["rounds"]) == 1


@pytest.mark.parametrize("asks_always", [False, True])
def test_napari_asks_once_where_something_is_not_finished(qtbot, monkeypatch, asks_always) -> None:
    """E.12: also where it was told not to ask; tasks would make it ask a second time else."""
    monkeypatch.setattr(get_settings().application, "confirm_close_window", asks_always)
    window = QMainWindow()
    told: list[str] = []

    class Status:
        """The part of napari's window that its question asks."""

        def _register_task_status(self, provider: str, status: object, text: str) -> int:
            told.append(f"{provider}: {text}")
            return len(told)

        def _update_task_status(self, task: int, status: object, text: str) -> None:
            told.append(str(status))

    window._window = Status()
    qtbot.addWidget(window)
    words = ["a network is being trained"]
    close = WindowClose(lambda: None, lambda: words.pop() if words else "")
    close.watch(window)
    window.show()
    window.close()
    qtbot.wait(1)
    asked = [] if asks_always else ["napari-deepem: a network is being trained", "completed"]
    assert told == asked
    window.show()
    window.close()
    qtbot.wait(1)
    assert told == asked


@pytest.mark.usefixtures("qapp")
def test_layers_that_a_closing_viewer_takes_away_take_no_labels_along(folder: Path, qtbot) -> None:
    viewer = ViewerModel()
    link = link_of(viewer)
    link.autosave.open_folder(folder)
    session = link.session
    qtbot.waitUntil(lambda: "blobs_1" in session.micrographs)
    link.start_labelling("positive").add([[11.0, 12.0]])
    viewer.layers.clear()
    qtbot.wait(1)
    np.testing.assert_array_equal(session.labels["blobs_1"].positive_yx, [[11.0, 12.0]])

    session.current = "blobs_1"
    qtbot.waitUntil(lambda: "blobs_1 particles" in viewer.layers)
    viewer.layers.remove("blobs_1 particles")
    qtbot.waitUntil(lambda: "blobs_1 particles" in viewer.layers)
    np.testing.assert_array_equal(session.labels["blobs_1"].positive_yx, [[11.0, 12.0]])
    link.close()


@pytest.mark.usefixtures("qapp")
def test_labels_that_a_closed_dock_has_asked_for_still_come(qtbot) -> None:
    viewer = ViewerModel()
    dock, session = Annotate(viewer), session_of(viewer)
    micrograph, centres_yx = blob_micrograph(1)
    data, arguments, _ = image_layer_data(micrograph)
    viewer.add_image(data, **arguments)
    session.box_size_px = BOX_PX
    link_of(viewer).start_labelling("positive").add(centres_yx[:2])
    dock.label_import.draw.native.click()
    dock.native.deleteLater()
    qtbot.waitUntil(lambda: len(session.labels["blobs_1"].negative_yx) > 0)
    qtbot.wait(1)


def test_question_of_the_menu_tells_what_is_unfinished(qtbot) -> None:
    """E.12: of File > Close Window and of Exit, too, to which napari tells nothing of tasks."""
    window = QMainWindow()
    qtbot.addWidget(window)
    unfinished = [""]
    window_close = WindowClose(lambda: None, lambda: unfinished[0])
    window_close.watch(window)
    window.show()
    for close_app, text in ((False, "a network is being trained"), (True, "")):
        unfinished[0] = text
        question = ConfirmCloseDialog(window, close_app)
        label = question.findChild(QLabel)
        before = label.text()
        question.open()
        qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
        qtbot.wait(20)
        said = f"\n\nnapari-deepem: {text}" if text else ""
        assert label.text() == before + said
        question.reject()
