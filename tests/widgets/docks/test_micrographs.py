"""A folder as a series, on a viewer without a window."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from qtpy.QtCore import QItemSelectionModel, QTimer

from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, Labels, ScoreMap
from napari_deepem.io.images import write_image
from napari_deepem.io.score_maps import CACHE
from napari_deepem.io.session_file import SESSION_FILE, SessionFile
from napari_deepem.layers.tags import find_layer
from napari_deepem.session.training_input import Lessons
from napari_deepem.widgets.docks.micrographs import Micrographs
from pretended_scores import pretend_to_score

pytestmark = pytest.mark.usefixtures("qapp")
SHAPES = {"m1": (60, 90), "m2": (60, 90), "m10": (80, 70)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three micrographs, the last one of another shape."""
    rng = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        write_image(tmp_path / f"{name}.mrc", rng.normal(size=shape).astype(np.float32), 2.0)
    return tmp_path


@pytest.fixture
def opened(folder: Path, qtbot):
    """Open the folder in a viewer; closed in the end."""
    links = []

    def open_in(viewer: ViewerModel) -> ViewerLink:
        link = link_of(viewer)
        links.append((link, viewer))  # a link holds its viewer weakly
        link.autosave.open_folder(folder)
        qtbot.waitUntil(lambda: link.session.current in link.session.micrographs)
        qtbot.waitUntil(lambda: not link.autosave.message)
        return link

    yield open_in
    for link, _ in links:
        link.autosave.close()


def go_to(link: ViewerLink, name: str, qtbot) -> None:
    link.session.current = name
    qtbot.waitUntil(lambda: name in link.session.micrographs)


def visible(viewer: ViewerModel) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def some_model() -> Model:
    network = Network(Architecture.for_box(24)).eval()
    return Model(network, "modern", 24, Sampling(1), 2.0, threshold=0.4, std_range=(0.0, 5.0))


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the two candidates of each micrograph get; m10 can't be scored."""
    given = {"m1": 0.9, "m2": 0.5}

    def score(micrograph, model, *_, **__):
        yield TilesDone(1, 1)
        if micrograph.name not in given:
            raise InputError(f"{micrograph.name} is too small")
        grid = np.full((5, 8), given[micrograph.name], dtype=np.float32)
        found = Candidates(
            np.array([[20.0, 30.0], [50.0, 50.0]]),
            np.array([given[micrograph.name], 0.45]),
            np.ones(2),
            24,
        )
        return ScoreMap(grid, grid, 5.0, 10.0, 24), found

    pretend_to_score(monkeypatch, score)
    return given


def test_marks_outside_of_a_smaller_file_are_kept_but_taught_to_nobody(
    opened, folder: Path, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    far_yx, near_yx = [50.0, 85.0], [10.0, 20.0]
    link.mark("positive").add([far_yx, near_yx])
    go_to(link, "m10", qtbot)
    write_image(folder / "m1.mrc", np.random.default_rng(1).normal(size=(40, 50)), 2.0)

    def taught() -> list[list[float]]:
        return Lessons.of(session).items()[0].labels.positive_yx.tolist()

    assert taught() == [near_yx]  # read in the job
    go_to(link, "m1", qtbot)
    link.viewer.layers["m1 particles"].add([[30.0, 30.0]])
    assert session.labels["m1"].positive_yx.tolist() == [far_yx, near_yx, [30.0, 30.0]]
    assert session.annotated()["m1"].positive_yx.tolist() == [near_yx, [30.0, 30.0]]
    assert taught() == [near_yx, [30.0, 30.0]]
    link.viewer.layers["m1 particles"].add([[70.0, 30.0]])  # a stray click is none
    assert len(session.labels["m1"].positive_yx) == 3


def test_folder_opens_with_its_first_micrograph_alone_in_memory(opened) -> None:
    viewer = ViewerModel()
    session = opened(viewer).session
    assert list(session.files) == ["m1", "m2", "m10"]
    assert list(session.micrographs) == ["m1"]
    assert [layer.name for layer in viewer.layers] == ["m1"]
    np.testing.assert_allclose(viewer.layers["m1"].scale, 2.0)


def test_next_micrograph_takes_the_place_of_the_last(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    link.mark("positive").add([[10.0, 20.0], [30.0, 40.0]])
    go_to(link, "m10", qtbot)
    assert list(link.session.micrographs) == ["m10"]
    assert viewer.layers["m10"].data.shape == SHAPES["m10"]
    assert visible(viewer) == {"m10", "m10 particles"}  # marking goes on
    assert viewer.layers.selection.active.mode == "add"
    assert len(viewer.layers["m10 particles"].data) == 0
    viewer.layers["m10 particles"].add([[70.0, 60.0]])
    np.testing.assert_array_equal(link.session.labels["m10"].positive_yx, [[70.0, 60.0]])
    assert len(link.session.labels["m1"].positive_yx) == 2
    go_to(link, "m1", qtbot)
    np.testing.assert_array_equal(viewer.layers["m1 particles"].data, [[10.0, 20.0], [30.0, 40.0]])
    assert list(link.session.annotated()) == ["m1", "m10"]


def test_next_one_is_read_ahead(opened, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    link = opened(ViewerModel())
    qtbot.waitUntil(lambda: "m2" in link.navigation._ahead)
    link.navigation.step(1)
    assert list(link.session.micrographs) == ["m2"]  # at once
    link.navigation.step(1)
    qtbot.waitUntil(lambda: "m10" in link.session.micrographs)
    link.navigation.step(1)  # there is no more
    assert link.session.current == "m10"


def test_place_that_is_gone_to_is_in_the_middle(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    link.navigation.go_to("m10", (30.0, 40.0))
    qtbot.waitUntil(lambda: "m10" in link.session.micrographs)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (60.0, 80.0))


def test_file_that_cannot_be_read_is_said_and_can_be_passed(opened, folder: Path, qtbot) -> None:
    (folder / "m2.mrc").write_bytes(b"broken")
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    link.session.current = "m2"
    qtbot.waitUntil(lambda: "m2.mrc" in link.session.problems.get("m2", ""))
    assert "m2.mrc" in dock.status.value
    assert visible(viewer) == set()
    go_to(link, "m10", qtbot)
    assert visible(viewer) == {"m10"}


def test_opened_by_hand_and_of_the_series_live_side_by_side(opened, qtbot) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.ones((20, 20)), name="other")  # no file of the folder
    link = opened(viewer)
    assert link.session.names == ["m1", "m2", "m10", "other"]
    go_to(link, "m2", qtbot)
    assert visible(viewer) == {"m2"}


def test_folder_is_not_opened_over_another_micrograph_of_the_same_name(folder: Path, qtbot) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.ones((20, 20)), name="m1")  # no file of the folder
    link = link_of(viewer)
    link.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: link.autosave.message.startswith("m1 is open, and is not "))
    assert link.session.files == {}
    SessionFile(folder / SESSION_FILE).close()  # it is not locked


def test_folder_that_is_asked_for_twice_is_opened_once(opened, folder: Path) -> None:
    viewer = ViewerModel()
    link_of(viewer).autosave.open_folder(folder)
    link = opened(viewer)
    assert link.autosave.remark == ""
    assert link.autosave.path == folder / SESSION_FILE


def test_micrographs_keep_their_names_when_the_folder_is_opened_again(
    opened, folder: Path, qtbot
) -> None:
    image = np.random.default_rng(0).normal(size=(60, 90))
    write_image(folder / "m3.mrc.gz", image, 2.0)
    link = opened(ViewerModel())
    assert link.session.files["m3"].name == "m3.mrc.gz"
    write_image(folder / "m3.mrc", image, 2.0)
    link.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: "m3.mrc" in link.session.files)
    assert link.session.files["m3"].name == "m3.mrc.gz"


def test_folder_that_is_asked_for_last_is_opened(opened, folder: Path, tmp_path_factory) -> None:
    viewer, other = ViewerModel(), tmp_path_factory.mktemp("other")
    write_image(other / "n1.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    link_of(viewer).autosave.open_folder(other)
    link = opened(viewer)
    assert link.session.folder == folder
    SessionFile(other / SESSION_FILE).close()


def test_series_stays_open_where_its_labels_cannot_be_written(
    opened, folder: Path, tmp_path_factory, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link, said = opened(ViewerModel()), []
    monkeypatch.setattr("napari_deepem.controllers.autosave.show_warning", said.append)
    other = tmp_path_factory.mktemp("other")
    write_image(other / "n1.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    full = sqlite3.OperationalError("database or disk is full")
    with monkeypatch.context() as patch:
        patch.setattr(SessionFile, "_write", Mock(side_effect=full))
        link.mark("positive").add([[10.0, 20.0]])
        link.autosave.open_folder(other)
        qtbot.waitUntil(lambda: len(said) == 1)
    assert f"{other} is not opened" in said[0]
    assert "disk is full" in said[0]
    assert list(link.session.files) == ["m1", "m2", "m10"]
    assert link.session.folder == folder
    np.testing.assert_array_equal(link.session.labels["m1"].positive_yx, [[10.0, 20.0]])
    link.autosave.open_folder(other)  # there is room again
    qtbot.waitUntil(lambda: list(link.session.files) == ["n1"])
    file = SessionFile(folder / SESSION_FILE)
    np.testing.assert_array_equal(file.read().points["m1"]["positive"], [[10.0, 20.0]])
    file.close()


def test_series_stays_open_while_a_model_is_trained_on_it(
    opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, said = opened(ViewerModel()), []
    monkeypatch.setattr("napari_deepem.controllers.autosave.show_warning", said.append)
    link.session.training.running = True
    link.autosave.open_folder(folder)
    assert len(said) == 1
    assert "being trained" in said[0]
    assert link.autosave.message == ""  # not even begun


def test_model_that_comes_while_the_kept_one_is_read_keeps_nothing_of_it(
    opened, folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    found = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
    link.session.candidates = {"m1": found}
    link.autosave.close()
    viewer, read = ViewerModel(), "napari_deepem.controllers.autosave.loading"

    def slow(*_):
        yield
        link_of(viewer).session.model = ours
        return some_model()

    ours = some_model()
    monkeypatch.setattr(read, slow)
    again = opened(viewer)
    assert again.session.model is ours
    again.autosave.close()
    file = SessionFile(folder / SESSION_FILE)
    assert file.read().candidates == {}
    file.close()


def test_session_is_kept_while_one_works_and_goes_on(opened, folder: Path, qtbot) -> None:
    link = opened(ViewerModel())
    go_to(link, "m2", qtbot)
    link.mark("positive").add([[10.0, 20.0]])
    link.session.threshold, link.session.box_size_px = 0.7, 33
    kept = folder / SESSION_FILE
    qtbot.waitUntil(lambda: not link.autosave._timer.isActive() and not link.autosave._writing)
    link.autosave._opened.file.close()  # as if the program had gone
    link.autosave._opened = None
    again = opened(ViewerModel())
    assert again.autosave.path == kept
    assert (again.session.current, again.session.box_size_px) == ("m2", 33)
    assert again.session.threshold == 0.7
    np.testing.assert_array_equal(again.session.labels["m2"].positive_yx, [[10.0, 20.0]])
    assert len(again.viewer.layers["m2 particles"].data) == 1


def test_second_window_is_told_that_it_keeps_nothing(opened) -> None:
    first = opened(ViewerModel())
    viewer = ViewerModel()
    dock, second = Micrographs(viewer), opened(viewer)
    assert "open in another window" in dock.status.value
    assert second.autosave.path is None
    assert first.autosave.path is not None
    second.mark("positive").add([[1.0, 2.0]])
    assert len(first.session.labels_of("m1").positive_yx) == 0


def test_whole_series_is_scored_and_what_is_done_is_kept(
    opened, scores: dict[str, float], folder: Path, qtbot
) -> None:
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    session = link.session
    assert "No model yet" in dock.pick_all.tooltip
    session.model = some_model()
    dock.pick_all.native.click()
    assert dock.stop.enabled
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.candidates) == ["m1", "m2"]
    assert list(session.scored) == ["m1"]  # the only one in memory
    assert session.problems == {"m10": "m10 is too small"}
    assert dock.activity.value == "m10 is too small"
    qtbot.waitUntil(lambda: dock.totals.value == "4 picks in 2 micrographs")
    table = dock.table
    assert [table.data(table.index(row, 2)) for row in range(3)] == ["2", "2", ""]
    assert [table.data(table.index(row, 3)) for row in range(3)] == ["0.68", "0.47", ""]
    assert sorted(path.stem for path in (folder / CACHE).rglob("*.npz")) == ["m1.mrc", "m2.mrc"]

    go_to(link, "m2", qtbot)
    qtbot.waitUntil(lambda: "m2" in session.scored)  # its score map comes from the cache
    np.testing.assert_array_equal(session.scored["m2"].score_map.scores, np.full((5, 8), 0.5))
    assert visible(viewer) == {"m2", "Score map", "Picks"}
    go_to(link, "m10", qtbot)
    assert visible(viewer) == {"m10"}

    scores["m10"] = 0.8  # what is left is done by the same button
    dock.pick_all.native.click()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.candidates) == ["m1", "m2", "m10"]
    assert not dock.pick_all.enabled


def test_micrograph_that_was_processed_again_has_no_scores(
    opened, scores: dict[str, float], folder: Path, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: not session.scoring.running)
    go_to(link, "m10", qtbot)
    write_image(folder / "m1.mrc", np.random.default_rng(1).normal(size=(60, 90)), 2.0)
    os.utime(folder / "m1.mrc", ns=(1, 1))  # another time, whatever a file system's clock
    go_to(link, "m1", qtbot)
    qtbot.waitUntil(lambda: list(session.candidates) == ["m2"])
    assert visible(link.viewer) == {"m1"}
    go_to(link, "m2", qtbot)
    qtbot.waitUntil(lambda: "m2" in session.scored)


def test_stopped_scoring_goes_on_after_the_session_is_opened_again(
    opened, scores: dict[str, float], qtbot
) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.session.events.candidates.connect(
        lambda: QTimer.singleShot(0, link.scoring.cancel)  # while the next one is scored
    )
    link.scoring.score(link.session.names)
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    assert list(link.session.candidates) == ["m1"]
    link.autosave.close()
    again = opened(ViewerModel())
    assert list(again.session.candidates) == ["m1"]
    assert again.session.picks is not None
    assert find_layer(again.viewer.layers, "picks").visible


def test_excluded_micrographs_are_left_out(opened, scores: dict[str, float], qtbot) -> None:
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    assert link.session.chosen == {"m1"}  # the current row
    flags = QItemSelectionModel.SelectionFlag
    dock.view.selectionModel().select(dock.table.index(1, 0), flags.Select | flags.Rows)
    assert link.session.chosen == {"m1", "m2"}
    dock.exclude.native.click()
    assert link.session.excluded == {"m1", "m2"}
    assert dock.exclude.text == "Take in again"
    link.session.model = some_model()
    dock.pick_all.native.click()
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    assert set(link.session.problems) == {"m10"}  # the only one that was tried
    dock.exclude.native.click()
    assert link.session.excluded == frozenset()


def test_table_lists_filters_and_sorts(opened) -> None:
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    link.session.labels = {"m2": Labels.of([[1.0, 2.0]] * 3, [[4.0, 5.0]])}
    table = dock.table
    assert [table.data(table.index(row, 1)) for row in range(3)] == ["", "3 / 1", ""]
    dock.states.value = "annotated"
    assert table.names == ["m2"]
    assert link.navigation.order == ["m2"]
    dock.states.value = "all"
    dock.view.sortByColumn(1, dock.view.horizontalHeader().sortIndicatorOrder().DescendingOrder)
    assert table.names == ["m2", "m1", "m10"]
    assert link.session.current == "m1"  # still


def test_click_on_a_row_and_on_a_point_of_the_plot_go_there(opened, qtbot) -> None:
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    dock.view.selectRow(2)
    assert link.session.current == "m10"
    dock._go_to_file(1)
    assert link.session.current == "m2"
    assert dock.view.currentIndex().row() == 1


def test_closed_dock_comes_back_as_it_was_and_jobs_go_on(
    opened, scores: dict[str, float], qtbot
) -> None:
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    link.session.model = some_model()
    dock.pick_all.native.click()
    with qtbot.waitSignal(dock.native.destroyed):
        dock.native.deleteLater()
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    again = Micrographs(viewer)
    qtbot.waitUntil(lambda: again.totals.value == "4 picks in 2 micrographs")
    assert again.table.names == list(SHAPES)
    assert again.view.currentIndex().row() == 0


def test_thumbnails_are_made_for_the_rows_in_sight(opened, qtbot) -> None:
    viewer = ViewerModel()
    dock, _ = Micrographs(viewer), opened(viewer)
    dock.view.resize(300, 400)
    qtbot.waitUntil(lambda: set(dock.table.pictures) == set(SHAPES))
    assert dock.table.pictures["m10"].height() == 80


def test_keys_can_be_changed_in_the_preferences_of_napari(opened) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    assert "napari-deepem:next_micrograph" in action_manager._actions
    assert "Key: N." in Micrographs(viewer).next.tooltip
    action_manager._actions["napari-deepem:next_micrograph"].command(viewer)
    assert link.session.current == "m2"


WORK = """
import sys
from pathlib import Path
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from qtpy.QtCore import QTimer
from napari_deepem.controllers.viewer_link import link_of

app, viewer = QApplication([]), ViewerModel()
link = link_of(viewer)
link.autosave.open_folder(Path(sys.argv[1]))

def work():
    if link.session.current not in link.session.micrographs:
        return
    link.mark("positive").add([[10.0, 20.0]])
    link.session.threshold = 0.25
    print("marked", flush=True)
    timer.stop()

timer = QTimer()
timer.timeout.connect(work)
timer.start(20)
app.exec()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no program can be killed so here")
def test_what_is_five_seconds_old_outlives_a_killed_program(folder: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WORK, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
    )
    assert program.stdout.readline() == "marked\n"
    time.sleep(5)
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    file = SessionFile(folder / SESSION_FILE)
    stored = file.read()
    file.close()
    np.testing.assert_array_equal(stored.points["m1"]["positive"], [[10.0, 20.0]])
    assert stored.settings["threshold"] == 0.25


def test_old_scores_do_not_outlast_their_model(opened, scores: dict[str, float], qtbot) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    link.session.model = SimpleNamespace(
        threshold=0.5, std_range=(0.0, 1.0), box_size_px=24, summary={}
    )
    assert link.session.candidates == {}
    assert "Picks" not in visible(link.viewer)
    link.session.model = None


@pytest.fixture
def slow_score(monkeypatch: pytest.MonkeyPatch):
    """Scores are the micrograph's mean, and wait for this to be set after the first tile."""
    go_on = threading.Event()

    def score(micrograph, model, *_, **__):
        grid = np.full((5, 8), micrograph.image.mean(), dtype=np.float32)
        score_map = ScoreMap(grid, grid, 5.0, 10.0, 24)
        yield TilesDone(1, 2, score_map)
        assert go_on.wait(10)
        yield TilesDone(2, 2, score_map)
        found = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
        return score_map, found

    pretend_to_score(monkeypatch, score)
    yield go_on
    go_on.set()


def test_scores_are_those_of_the_pixels_that_are_there_now(
    opened, folder: Path, slow_score, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    link.viewer.layers["m1"].data = np.full((60, 90), 0.5, dtype=np.float32)
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert session.scored["m1"].micrograph is session.micrographs["m1"]
    np.testing.assert_array_equal(session.scored["m1"].score_map.scores, np.full((5, 8), 0.5))


def test_folder_that_is_opened_again_loses_no_scores(
    opened, folder: Path, slow_score, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    asked = dict(session.files)
    link.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: session.files["m1"] is not asked["m1"])
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.candidates) == ["m1", "m2"]


def test_what_an_old_model_has_scored_so_far_is_not_shown(opened, slow_score, qtbot) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    session.model, seen = some_model(), []
    assert session.scored_so_far is None
    session.events.scored_so_far.connect(seen.append)
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert seen == []
    assert session.candidates == {}


def test_excluded_micrograph_is_not_scored_and_that_is_said(opened, scores) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.session.excluded = frozenset({"m1"})
    link.scoring.score(["m1"])
    assert "m1 is excluded" in link.session.scoring.message
    assert not link.session.scoring.running


def test_score_map_that_came_too_late_is_read_on_coming_back(
    opened, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link, read = opened(ViewerModel()), []

    def reading_scores(path: Path, *_):
        yield
        if not read:
            turned.wait(10)
        read.append(path.stem)
        return ScoreMap(grid, grid, 5.0, 10.0, 24), False

    grid, turned = np.full((5, 8), 0.5, dtype=np.float32), threading.Event()
    monkeypatch.setattr("napari_deepem.controllers.navigation.reading_scores", reading_scores)
    link.session.model = some_model()
    found = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
    link.session.candidates = {"m1": found}
    go_to(link, "m2", qtbot)
    turned.set()
    qtbot.waitUntil(lambda: read == ["m1"])
    qtbot.waitUntil(lambda: link.navigation._asked is None)
    go_to(link, "m1", qtbot)
    qtbot.waitUntil(lambda: "m1" in link.session.scored)
