"""The Export dock on a viewer without a window."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers._source import layer_source
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QMessageBox

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.types import Micrograph
from napari_deepem.io.coordinates import FORMATS, format_called, formats, read_coordinates
from napari_deepem.io.coordinates.coordinate_format import Option
from napari_deepem.io.owned_files import OwnedFiles
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session import export_plan
from napari_deepem.widgets.docks import format_list
from napari_deepem.widgets.docks.export import ALL, CHOSEN, LABELS, THIS, Export
from patience import PATIENCE_S
from scored_viewer import score_current

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def viewer(tmp_path: Path) -> ViewerModel:
    """Two micrographs, m1 and m2, that were opened from files of a folder."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        micrograph = Micrograph(np.zeros((60, 90)), name, 2.0)
        with layer_source(path=str(tmp_path / f"{name}.mrc")):
            data, arguments, _ = image_layer_data(micrograph)
            viewer.add_image(data, **arguments)
    return viewer


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Export asked; the answer is the button that a bare Return presses."""
    asked = []

    def question(_parent, _title, text, _buttons, default):
        asked.append(text)
        return default

    monkeypatch.setattr("napari_deepem.widgets.docks.export.QMessageBox.question", question)
    return asked


def save(dock: Export, qtbot) -> str:
    """Press Save and return what the dock says in the end."""
    dock.save.native.click()
    qtbot.waitUntil(lambda: dock.status.value != "Writing ...")
    return dock.status.value


def test_export_says_what_it_wrote(viewer: ViewerModel, tmp_path: Path, qtbot) -> None:
    dock = Export(viewer)
    score_current(viewer)
    folder = tmp_path / "picks"  # beside the micrographs
    assert dock.destination.value == folder
    assert dock.scope.value == ALL  # E.13
    dock.scope.value = THIS
    dock.formats["box"].value = True
    assert save(dock, qtbot) == f"Wrote 2 picks of 1 micrograph to 2 files in {folder}"
    assert (folder / "m2.box").read_text().split()[:4] == ["0", "0", "20", "20"]
    assert len(read_coordinates(folder / "m2.star")) == 2
    dock.scope.value = ALL
    dock.formats["box"].value = False
    assert save(dock, qtbot) == (
        f"Wrote 2 picks of 1 micrograph to 1 file in {folder}; 1 micrograph not scored yet"
    )
    dock.copy_to_layer.native.click()
    assert len(viewer.layers["m2 picks"].data) == 2


def test_export_asks_before_it_replaces_a_file_of_others(
    viewer: ViewerModel,
    tmp_path: Path,
    questions: list[str],
    monkeypatch: pytest.MonkeyPatch,
    qtbot,
) -> None:
    hand_made = tmp_path / "m2.star"
    hand_made.write_text("clicked for an hour")
    dock = Export(viewer)
    score_current(viewer)
    save(dock, qtbot)  # beside the micrographs nothing is replaced
    assert questions == []
    dock.destination.value = tmp_path
    for scope in (dock.scope.value, ALL):
        dock.scope.value = scope
        assert save(dock, qtbot) == "Nothing was written."
    assert len(questions) == 2
    assert all(str(hand_made) in text for text in questions)
    assert hand_made.read_text() == "clicked for an hour"
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr("napari_deepem.widgets.docks.export.QMessageBox.question", lambda *_: yes)
    save(dock, qtbot)
    assert len(read_coordinates(hand_made)) == 2


def test_export_says_why_it_cannot_save(viewer: ViewerModel) -> None:
    dock = Export(viewer)
    assert not dock.save.enabled
    assert "score a micrograph" in dock.save.tooltip
    score_current(viewer)
    assert dock.save.enabled
    dock.scope.value = CHOSEN
    assert "choose micrographs in the table" in dock.save.tooltip
    session_of(viewer).chosen = frozenset({"m2"})
    assert dock.save.enabled
    dock.formats["star"].value = False
    assert dock.save.tooltip == "Choose a format."
    dock.formats["star"].value = True
    dock.destination.line_edit.value = ""
    assert not dock.save.enabled
    assert dock.save.tooltip == "Name a folder to save to."


def test_formats_are_those_that_were_chosen_last(viewer: ViewerModel) -> None:
    dock, session = Export(viewer), session_of(viewer)
    assert set(dock.formats) == {format.name for format in FORMATS}
    titles = [box.text for box in dock.formats.values()]
    assert titles == sorted(titles, key=str.lower)
    dock.formats["csv"].value = True
    assert set(session.formats) == {"csv", "star"}
    session.formats = ("box", "of a later version")
    assert [name for name, box in dock.formats.items() if box.value] == ["box"]
    assert "one a micrograph" in dock.formats["box"].tooltip


def test_options_of_a_format_are_seen_where_it_is_chosen(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    given = []
    option = Option("ending", ("short", "long"), "Names of files")
    format = replace(
        format_called("csv"), options=(option,), write=lambda *arguments: given.append(arguments)
    )
    for module in (formats, export_plan, format_list):
        monkeypatch.setattr(module, "FORMATS", (format,))
    dock = Export(viewer)
    menu = dock.format_list.options["csv.ending"]
    dock.formats["csv"].value = False
    assert not menu.native.isVisibleTo(dock.native)
    dock.formats["csv"].value = True
    assert menu.native.isVisibleTo(dock.native)
    menu.value = "long"
    score_current(viewer)
    monkeypatch.setattr(OwnedFiles, "add", lambda *_: None)
    save(dock, qtbot)
    assert [options for _, _, options in given] == [{"ending": "long"}]


def test_export_says_what_a_format_cannot_hold(viewer: ViewerModel) -> None:
    dock, session = Export(viewer), session_of(viewer)
    session.formats = ("box",)
    assert dock.hint.value == "scores are left out: box files hold none"
    dock.formats["star"].value = True
    assert dock.hint.value == ""
    dock.formats["star"].value = False
    dock.content.value = LABELS
    assert dock.hint.value == ""


def test_labelled_particles_are_saved_without_any_scores(
    viewer: ViewerModel, tmp_path: Path, questions: list[str], qtbot
) -> None:
    dock, link = Export(viewer), link_of(viewer)
    dock.content.value, dock.scope.value = LABELS, ALL
    assert not dock.save.enabled
    assert "mark particles" in dock.status.value
    for name in ("m1", "m2"):
        link.session.current = name
        link.start_labelling("positive").add([[20.0, 30.0], [40.0, 50.0]])
    folder = tmp_path / "labels"
    assert dock.destination.value == folder
    assert save(dock, qtbot) == f"Wrote 4 particles of 2 micrographs to 2 files in {folder}"
    back = read_coordinates(folder / "m1.star")
    np.testing.assert_array_equal(back.centres_yx, [[20.0, 30.0], [40.0, 50.0]])
    assert questions == []


def test_export_that_fails_is_one_line(viewer: ViewerModel, tmp_path: Path, qtbot) -> None:
    dock = Export(viewer)
    score_current(viewer)
    dock.scope.value = ALL
    (tmp_path / "file").write_text("")
    dock.destination.value = tmp_path / "file"
    notification_manager.records.clear()
    assert "is a file; choose another folder" in save(dock, qtbot)
    assert [record.message for record in notification_manager.records] == [dock.status.value]


def test_stopped_export_says_what_is_written(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock = Export(viewer)
    score_current(viewer)
    session = session_of(viewer)
    session.candidates = {**session.candidates, "m1": session.candidates["m2"]}
    begun, go_on, described = threading.Event(), threading.Event(), export_plan._described

    def slow(*arguments):
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return described(*arguments)

    monkeypatch.setattr(export_plan, "_described", slow)
    assert not dock.stop.enabled
    dock.save.native.click()
    assert dock.stop.enabled
    qtbot.waitUntil(begun.is_set)
    dock.stop.native.click()
    go_on.set()
    qtbot.waitUntil(lambda: not session.exporting.running)
    folder = tmp_path / "picks"
    assert dock.status.value == (
        f"Stopped after 1 of 2 micrographs. Wrote 2 picks of 1 micrograph to 1 file in {folder}"
    )
    (path,) = folder.iterdir()
    assert not session.written.others([path])
    assert len(read_coordinates(path)) == 2
