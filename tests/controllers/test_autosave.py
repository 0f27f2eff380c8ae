"""Folders that are opened as a series, and what is kept of the work on them."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.controllers import autosave
from napari_deepem.controllers.series_file import DELAY_MS
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.io import session_file
from napari_deepem.io.images import write_image
from napari_deepem.io.session_file import SessionFile, look_into
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.session import readiness
from patience import PATIENCE_S
from series import go_to, some_model

pytestmark = pytest.mark.usefixtures("qapp")


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
    link, messages = opened(ViewerModel()), []
    monkeypatch.setattr("napari_deepem.controllers.autosave.show_warning", messages.append)
    other = tmp_path_factory.mktemp("other")
    write_image(other / "n1.mrc", np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    full = sqlite3.OperationalError("database or disk is full")
    with monkeypatch.context() as patch:
        patch.setattr(session_file, "write_content", Mock(side_effect=full))
        link.start_labelling("positive").add([[10.0, 20.0]])
        link.autosave.open_folder(other)
        qtbot.waitUntil(lambda: len(messages) == 1)
    assert f"{other} is not opened" in messages[0]
    assert "disk is full" in messages[0]
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
    link, messages = opened(ViewerModel()), []
    monkeypatch.setattr("napari_deepem.controllers.autosave.show_warning", messages.append)
    link.session.training.running = True
    link.autosave.open_folder(folder)
    assert len(messages) == 1
    assert "being trained" in messages[0]
    assert link.autosave.message == ""  # not even begun


def test_model_that_comes_while_the_kept_one_is_read_keeps_nothing_of_it(
    opened, folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    candidates = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
    link.session.candidates = {"m1": candidates}
    link.autosave.close()
    viewer, read = ViewerModel(), "napari_deepem.controllers.kept_model.loading"

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


@pytest.mark.parametrize("outcome", ["loaded", "another came", "failed"])
def test_model_is_to_come_until_it_has_come_or_will_not(
    outcome: str, opened, folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.autosave.close()
    go_on, viewer = Event(), ViewerModel()
    session = link_of(viewer).session

    def slow(*_):
        yield
        assert go_on.wait(PATIENCE_S)
        if outcome == "failed":
            raise InputError("the model is damaged")
        return some_model()

    monkeypatch.setattr("napari_deepem.controllers.kept_model.loading", slow)
    link_of(viewer).autosave.open_folder(folder)
    qtbot.waitUntil(lambda: session.models_to_come == 1)
    assert readiness.why_not_score(session, ["m1"]) == readiness.LOADING
    if outcome == "another came":
        session.model = some_model()
    go_on.set()
    qtbot.waitUntil(lambda: session.models_to_come == 0)
    assert (session.model is None) == (outcome == "failed")
    qtbot.waitUntil(lambda: session.current in session.micrographs)
    link_of(viewer).autosave.close()


def test_session_is_kept_while_one_works_and_goes_on(
    opened, folder: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    monkeypatch.setattr("napari_deepem.controllers.series_file.DELAY_MS", 20)
    link = opened(ViewerModel())
    go_to(link, "m2", qtbot)
    link.start_labelling("positive").add([[10.0, 20.0]])
    link.session.threshold, link.session.box_size_px = 0.7, 33
    kept = folder / SESSION_FILE
    qtbot.waitUntil(
        lambda: not link.autosave._series._timer.isActive() and not link.autosave._series._writing
    )
    link.autosave._series.opened.file.close()  # as if the program had gone
    link.autosave._series.opened = None
    again = opened(ViewerModel())
    assert again.autosave.path == kept
    assert (again.session.current, again.session.box_size_px) == ("m2", 33)
    assert again.session.threshold == 0.7
    np.testing.assert_array_equal(again.session.labels["m2"].positive_yx, [[10.0, 20.0]])
    assert len(again.viewer.layers["m2 particles"].data) == 1


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

def say_what_is_saved():
    if "m1" in link.autosave._series._saved.labels:
        print("saved", flush=True)

def work():
    if link.session.current not in link.session.micrographs:
        return
    timer.stop()
    link.autosave.changed.connect(say_what_is_saved)
    link.start_labelling("positive").add([[10.0, 20.0]])
    link.session.threshold = 0.25
    print("labelled", flush=True)

timer = QTimer()
timer.timeout.connect(work)
timer.start(20)
QTimer.singleShot(600_000, app.quit)
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
    lines = iter(program.stdout)
    assert next(lines) == "labelled\n"
    assert next(lines) == "saved\n"
    assert DELAY_MS < 5000
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    file = SessionFile(folder / SESSION_FILE)
    stored = file.read()
    file.close()
    np.testing.assert_array_equal(stored.points["m1"]["positive"], [[10.0, 20.0]])
    assert stored.settings["threshold"] == 0.25


def test_labels_of_a_micrograph_whose_name_is_no_utf8_are_kept_with_all_others(
    folder: Path, opened, qtbot
) -> None:
    """A.5"""
    image = np.random.default_rng(0).normal(size=(60, 90))
    write_image(Path(os.fsdecode(os.fsencode(folder) + b"/ice_5\xb5m.mrc")), image, 2.0)
    link = opened(ViewerModel())
    for name in ("ice_5\xb5m", "m1"):
        go_to(link, name, qtbot)
        link.start_labelling("positive").add([[10.0, 20.0]])
    link.session.excluded = frozenset({"ice_5\xb5m"})
    link.autosave.close()
    again = opened(ViewerModel())
    assert set(again.session.labels) == {"ice_5\xb5m", "m1"}
    assert again.session.excluded == {"ice_5\xb5m"}
    go_to(again, "ice_5\xb5m", qtbot)
    assert len(again.viewer.layers["ice_5\xb5m particles"].data) == 1


def test_second_window_that_works_apart_does_so_at_home_and_its_work_joins_the_first_ones(
    opened, folder: Path, qtbot
) -> None:
    """C.4"""
    first = opened(ViewerModel())
    first.start_labelling("positive").add([[10.0, 20.0]])
    first.autosave._series.write_now()
    second = opened(ViewerModel(), apart=True)
    np.testing.assert_array_equal(second.session.labels["m1"].positive_yx, [[10.0, 20.0]])
    assert "open in another window" in second.autosave.remark
    second.start_labelling("positive").add([[30.0, 40.0]])
    first.start_labelling("positive").add([[50.0, 60.0]])
    first.autosave.close()
    go_to(second, "m2", qtbot)
    second.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: second.autosave.path == folder / SESSION_FILE)
    assert second.session.current == "m2"
    assert second.autosave.remark == ""
    positive_yx = [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]
    np.testing.assert_array_equal(second.session.labels["m1"].positive_yx, positive_yx)
    second.autosave.close()
    again = opened(ViewerModel())
    np.testing.assert_array_equal(again.session.labels["m1"].positive_yx, positive_yx)


def by_rename(path: Path, content: bytes) -> None:
    """As rsync puts a file in its place."""
    path.with_name("new").write_bytes(content)
    path.with_name("new").replace(path)


def in_place(path: Path, content: bytes) -> None:
    """As cp writes over a file."""
    path.write_bytes(content)


@pytest.mark.skipif(os.name == "nt", reason="nobody can replace an open file there")
@pytest.mark.parametrize("replace_file", [by_rename, in_place])
@pytest.mark.parametrize("closes", [False, True])
def test_file_that_another_program_replaces_is_left_alone_and_nothing_is_lost(
    opened, folder: Path, qtbot, replace_file, closes: bool
) -> None:
    path = folder / SESSION_FILE
    earlier = opened(ViewerModel())
    earlier.start_labelling("positive").add([[10.0, 20.0]])
    earlier.autosave.close()
    backup = path.read_bytes()
    link = opened(ViewerModel())
    link.start_labelling("positive").add([[30.0, 40.0]])
    link.autosave._series.write_now()
    replace_file(path, backup)
    link.start_labelling("positive").add([[50.0, 60.0]])
    if closes:
        link.autosave.close()
    else:
        qtbot.waitUntil(lambda: "replaced or changed by another program" in link.autosave.remark)
        assert link.autosave.path == home_of(folder) / SESSION_FILE
    assert path.read_bytes() == backup
    all_yx = [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]
    at_home = look_into(home_of(folder) / SESSION_FILE)
    np.testing.assert_array_equal(at_home.points["m1"]["positive"], all_yx)
    link.autosave.close()
    again = opened(ViewerModel())  # what was kept at home joins what the other program put there
    np.testing.assert_array_equal(again.session.labels["m1"].positive_yx, all_yx)
    assert again.autosave.path == path


@pytest.mark.skipif(os.name == "nt", reason="nobody can remove an open file there")
@pytest.mark.parametrize("closes", [False, True])
def test_file_that_is_removed_is_put_back_and_a_line_says_so(
    opened, folder: Path, qtbot, monkeypatch: pytest.MonkeyPatch, closes: bool
) -> None:
    messages: list[str] = []
    monkeypatch.setattr("napari_deepem.controllers.series_file.show_warning", messages.append)
    monkeypatch.setattr("napari_deepem.controllers.series_file.DELAY_MS", 20)
    path, link = folder / SESSION_FILE, opened(ViewerModel())
    link.start_labelling("positive").add([[10.0, 20.0]])
    link.autosave._series.write_now()
    path.unlink()
    link.start_labelling("positive").add([[30.0, 40.0]])
    if not closes:
        qtbot.waitUntil(lambda: len(messages) > 0)
        assert "was removed while it was open, and is there again" in messages[0]
        assert (link.autosave.remark, link.autosave.path) == ("", path)
    link.autosave.close()
    both_yx = [[10.0, 20.0], [30.0, 40.0]]
    np.testing.assert_array_equal(look_into(path).points["m1"]["positive"], both_yx)
    assert len(messages) == (0 if closes else 1)


@pytest.mark.skipif(os.name == "nt", reason="nobody can remove an open file there")
def test_session_goes_on_at_home_where_its_whole_folder_was_removed(
    opened, folder: Path, tmp_path_factory, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_deepem.controllers.series_file.DELAY_MS", 20)
    link = opened(ViewerModel())
    link.start_labelling("positive").add([[10.0, 20.0]])
    link.autosave._series.write_now()
    folder.rename(elsewhere := tmp_path_factory.mktemp("other") / "moved")
    link.start_labelling("positive").add([[30.0, 40.0]])
    qtbot.waitUntil(lambda: "was removed, and can't be put back" in link.autosave.remark)
    link.autosave.close()
    elsewhere.rename(folder)  # the disk is there again
    again = opened(ViewerModel())
    both_yx = [[10.0, 20.0], [30.0, 40.0]]
    np.testing.assert_array_equal(again.session.labels["m1"].positive_yx, both_yx)


def test_label_that_comes_while_a_session_moves_from_home_is_kept(
    opened, folder: Path, qtbot, monkeypatch
) -> None:
    """C.4: what is at home is joined to the folder in another thread, and closed."""
    first = opened(ViewerModel())
    second = opened(ViewerModel(), apart=True)
    first.autosave.close()
    joined, seen = Event(), Event()

    def slow(*arguments):
        result = yield from opening(*arguments)
        joined.set()
        seen.wait(PATIENCE_S)
        return result

    opening = autosave.opening
    monkeypatch.setattr(autosave, "opening", slow)
    second.autosave.open_folder(folder)
    qtbot.waitUntil(joined.is_set)
    second.start_labelling("positive").add([[10.0, 20.0]])
    second.autosave._series._save()
    qtbot.waitUntil(lambda: not second.autosave._series._writing)
    seen.set()
    qtbot.waitUntil(lambda: second.autosave.path == folder / SESSION_FILE)
    np.testing.assert_array_equal(second.session.labels["m1"].positive_yx, [[10.0, 20.0]])
    second.autosave.close()
    stored = look_into(folder / SESSION_FILE)
    np.testing.assert_array_equal(stored.points["m1"]["positive"], [[10.0, 20.0]])


def test_model_of_a_second_window_is_kept_with_all_that_it_has_scored(
    opened, folder: Path, qtbot
) -> None:
    """C.4: what the first one has is not copied before something else takes its place."""
    candidates = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
    first = opened(ViewerModel())
    first.session.model = some_model()
    first.session.candidates = {"m1": candidates}
    first.autosave._series.write_now()
    second = opened(ViewerModel(), apart=True)
    qtbot.waitUntil(lambda: second.session.model is not None)
    second.autosave._series.write_now()
    assert look_into(second.autosave.path).model is None
    assert list(second.session.candidates) == ["m1"]
    second.session.candidates = {**second.session.candidates, "m2": candidates}
    second.autosave.close()
    kept = look_into(home_of(folder) / SESSION_FILE)
    assert kept.model
    assert sorted(kept.candidates) == ["m1", "m2"]
