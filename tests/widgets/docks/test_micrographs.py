"""The Micrographs dock on a series, on a viewer without a window."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from qtpy.QtCore import QItemSelectionModel, Qt

from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Labels
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.io.score_maps import CACHE
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.widgets.docks.micrographs import Micrographs
from napari_deepem.widgets.pictures.micrograph_table import NAME
from series import SHAPES, go_to, some_model, visible

pytestmark = pytest.mark.usefixtures("qapp")


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


def test_second_window_is_told_where_it_keeps_what_it_does(opened, folder: Path) -> None:
    first = opened(ViewerModel())
    viewer = ViewerModel()
    dock, second = Micrographs(viewer), opened(viewer, apart=True)
    assert "open in another window" in dock.status.value
    assert second.autosave.path == home_of(folder) / SESSION_FILE
    assert first.autosave.path == folder / SESSION_FILE
    second.start_labelling("positive").add([[1.0, 2.0]])
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
    assert sorted(path.stem for path in (folder / CACHE).rglob("*.safetensors")) == [
        "m1.mrc",
        "m2.mrc",
    ]

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
    dock.states.value = "labelled"
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


def test_click_on_a_row_brings_back_a_micrograph_whose_layers_were_deleted(opened, qtbot) -> None:
    """C.1"""
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    dock.show()
    link.session.labels = {"m1": Labels.of([(10, 10)])}
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    assert link.session.current is None
    place = dock.view.visualRect(dock.table.index(0, 0)).center()
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: "m1 particles" in viewer.layers)
    assert len(viewer.layers["m1 particles"].data) == 1


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
    dock.show()
    qtbot.waitUntil(lambda: set(dock.table.pictures) == set(SHAPES))
    assert dock.table.pictures["m10"].height() == 80


def test_thumbnails_are_made_for_rows_that_come_into_sight(tmp_path: Path, qtbot) -> None:
    """E.10: however they come there."""
    names = [f"m{number:02}" for number in range(40)]
    for name in names:
        write_image(tmp_path / f"{name}.mrc", np.eye(16, 16, dtype=np.float32), 2.0)
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), link_of(viewer)
    view, pictures = dock.view, dock.table.pictures
    view.setMinimumHeight(0)
    link.autosave.open_folder(tmp_path)
    qtbot.waitUntil(lambda: link.session.names == names)
    holder = view.parentWidget()
    holder.setParent(None)
    qtbot.addWidget(holder)
    holder.resize(340, 200)
    holder.show()

    def are_made(first: int, end: int) -> bool:
        return set(names[first:end]) <= pictures.keys()

    qtbot.waitUntil(lambda: are_made(0, 3))
    assert len(pictures) < 6
    holder.resize(340, 400)
    qtbot.waitUntil(lambda: are_made(0, 6))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    qtbot.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: are_made(36, 40))

    link.session.excluded = frozenset(names[20:24])
    dock.states.value = "excluded"
    qtbot.waitUntil(lambda: are_made(20, 24))
    holder.hide()
    dock.states.value = "all"
    dock.table.sort(NAME, Qt.SortOrder.DescendingOrder)
    holder.show()
    qtbot.waitUntil(lambda: are_made(34, 40))
    link.autosave.close()


def test_keys_can_be_changed_in_the_preferences_of_napari(opened) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    assert "napari-deepem:next_micrograph" in action_manager._actions
    assert "Key: N." in Micrographs(viewer).next.tooltip
    action_manager._actions["napari-deepem:next_micrograph"].command(viewer)
    assert link.session.current == "m2"


def test_pixel_size_is_asked_for_where_the_file_has_none(opened, folder: Path, qtbot) -> None:
    image = read_micrograph(folder / "m2.mrc").image
    write_image(folder / "m2.mrc", image, 1.5)
    write_image(folder / "m1.mrc", read_micrograph(folder / "m1.mrc").image, None)
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer)
    session = link.session
    field = dock.pixel_size
    assert (field.value, field.native.placeholderText()) == ("", "not known")
    field.value = "2.5"
    field.native.editingFinished.emit()
    assert session.given_pixel_size == 2.5
    assert session.micrographs["m1"].pixel_size == 2.5
    (layer,) = (each for each in viewer.layers if each.name == "m1")
    assert (tuple(layer.scale), str(layer.units[0])) == ((2.5, 2.5), "angstrom")
    go_to(link, "m2", qtbot)
    assert session.micrographs["m2"].pixel_size == 2.5  # whatever its file says
    assert session.headers["m2"] == (image.shape, 2.5)
    field.value = ""
    field.native.editingFinished.emit()
    assert session.micrographs["m2"].pixel_size == 1.5
    assert field.native.placeholderText() == "1.5, says the file"


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "1e9"])
def test_pixel_size_that_there_cannot_be_is_not_taken(opened, text: str) -> None:
    dock, link = Micrographs(viewer := ViewerModel()), opened(viewer)
    dock.pixel_size.value = text
    dock.pixel_size.native.editingFinished.emit()
    assert link.session.given_pixel_size is None
    assert dock.pixel_size.value == ""


def test_pixel_size_is_kept_with_its_folder(opened, folder: Path, tmp_path: Path) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    link.session.given_pixel_size = 2.5
    write_image(tmp_path / "other" / "m1.mrc", np.random.default_rng(0).normal(size=(64, 64)), None)
    opened(viewer, tmp_path / "other")
    assert link.session.given_pixel_size is None
    opened(viewer, folder)
    assert link.session.given_pixel_size == 2.5
    assert link.session.micrographs["m1"].pixel_size == 2.5


def test_movie_is_shown_as_the_mean_of_its_frames_and_that_is_said(opened, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(3, 64, 80)).astype(np.float32)
    (tmp_path / "movies").mkdir()
    mrcfile.write(tmp_path / "movies" / "m1.mrcs", frames)
    viewer = ViewerModel()
    dock, link = Micrographs(viewer), opened(viewer, tmp_path / "movies")
    assert "m1.mrcs: the mean of its 3 frames, which are not aligned" in dock.status.value
    assert link.session.micrographs["m1"].shape == (64, 80)
