"""Files that are opened without their folder, and where their labels are kept (C.2)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.core.errors import InputError
from napari_deepem.io.images import write_image
from napari_deepem.io.session_file import look_into
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.layers.reader import read_micrographs
from napari_deepem.session.kept import open_kept
from napari_deepem.widgets.docks.micrographs import Micrographs
from series import go_to

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def window():
    """A viewer with its link; closed in the end."""
    links = []

    def make() -> ViewerLink:
        viewer = ViewerModel()
        links.append((link_of(viewer), viewer))
        return links[-1][0]

    yield make
    for link, _ in links:
        link.autosave.close()


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second folder, with an m1 of its own."""
    folder = tmp_path_factory.mktemp("other")
    write_image(folder / "m1.mrc", np.random.default_rng(5).normal(size=(60, 90)), 2.0)
    return folder


def open_file(link: ViewerLink, path: Path) -> None:
    """Open a file as napari does when it is dropped."""
    from napari.layers._source import layer_source

    for data in read_micrographs(str(path)):
        with layer_source(path=str(path), reader_plugin="napari-deepem"):
            link.viewer.add_layer(Layer.create(*data))


def mark(link: ViewerLink, centre_yx: list[float]) -> None:
    link.start_labelling("positive").add([centre_yx])


def test_labels_of_a_single_file_are_kept_beside_it_and_come_back(
    window, folder: Path, qtbot
) -> None:
    link = window()
    open_file(link, folder / "m1.mrc")
    link.session.box_size_px = 44
    assert not (folder / SESSION_FILE).exists()  # to look at a file leaves nothing beside it
    mark(link, [10.0, 20.0])
    qtbot.waitUntil(lambda: "m1" in look_into(folder / SESSION_FILE).points)
    link.autosave.close()
    again = window()
    open_file(again, folder / "m1.mrc")
    np.testing.assert_array_equal(again.session.labels["m1"].positive_yx, [[10.0, 20.0]])
    assert len(again.viewer.layers["m1 particles"].data) == 1
    assert again.session.box_size_px == 44
    assert not again.session.edits.can_undo


def test_labels_are_those_of_the_folder_whichever_way_it_is_opened(
    window, opened, folder: Path, qtbot
) -> None:
    series = opened(ViewerModel())
    go_to(series, "m2", qtbot)
    mark(series, [10.0, 20.0])
    series.autosave.close()
    link = window()
    open_file(link, folder / "m2.mrc")
    mark(link, [30.0, 40.0])
    link.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: "m10" in link.session.files and not link.autosave.message)
    assert link.autosave.remark == ""
    assert link.autosave.path == folder / SESSION_FILE
    positive_yx = [[10.0, 20.0], [30.0, 40.0]]
    np.testing.assert_array_equal(link.session.labels["m2"].positive_yx, positive_yx)


def test_files_of_several_folders_go_to_several_sessions(
    window, folder: Path, other: Path, qtbot
) -> None:
    link = window()
    open_file(link, folder / "m1.mrc")
    mark(link, [10.0, 20.0])
    open_file(link, other / "m1.mrc")
    mark(link, [30.0, 40.0])
    link.autosave.close()
    for place, centres_yx in ((folder, [[10.0, 20.0]]), (other, [[30.0, 40.0]])):
        points = look_into(place / SESSION_FILE).points
        assert list(points) == ["m1"]
        np.testing.assert_array_equal(points["m1"]["positive"], centres_yx)


def test_single_file_beside_a_series_is_kept_in_its_own_folder(
    window, opened, folder: Path, other: Path, qtbot
) -> None:
    write_image(other / "n1.mrc", np.random.default_rng(5).normal(size=(60, 90)), 2.0)
    link = opened(ViewerModel())
    open_file(link, other / "n1.mrc")
    mark(link, [10.0, 20.0])
    link.autosave.close()
    assert list(look_into(other / SESSION_FILE).points) == ["n1"]
    assert "n1" not in look_into(folder / SESSION_FILE).points


def test_file_that_is_closed_keeps_its_labels_and_has_them_when_it_comes_back(
    window, folder: Path, qtbot
) -> None:
    link = window()
    open_file(link, folder / "m1.mrc")
    open_file(link, folder / "m2.mrc")
    mark(link, [10.0, 20.0])
    mark(link, [30.0, 40.0])
    link.viewer.layers.remove("m2")
    assert "m2" not in link.session.labels
    for layer in [layer for layer in link.viewer.layers if layer.name.startswith("m2")]:
        link.viewer.layers.remove(layer)
    open_file(link, folder / "m2.mrc")
    positive_yx = link.session.labels["m2"].positive_yx
    np.testing.assert_array_equal(positive_yx, [[10.0, 20.0], [30.0, 40.0]])


def test_new_file_in_the_folder_that_is_open_is_listed_and_kept_with_it(
    opened, folder: Path, qtbot
) -> None:
    link = opened(ViewerModel())
    write_image(folder / "m3.mrc", np.random.default_rng(5).normal(size=(60, 90)), 2.0)
    open_file(link, folder / "m3.mrc")
    mark(link, [10.0, 20.0])
    qtbot.waitUntil(lambda: "m3" in link.session.files)
    link.autosave.close()
    assert list(look_into(folder / SESSION_FILE).points) == ["m3"]
    assert not home_of(folder).joinpath(SESSION_FILE).exists()


def test_line_says_where_labels_are_kept(window, folder: Path, qtbot) -> None:
    link = window()
    dock = Micrographs(link.viewer)
    link.viewer.add_image(np.random.default_rng(0).normal(size=(60, 90)), name="array")
    assert dock.status.value.startswith("array is no file: its labels are not saved")
    assert "background" in dock.status.native.styleSheet()
    open_file(link, folder / "m1.mrc")
    assert dock.status.value == f"2 micrographs, labels are saved as you go in {folder}"
    assert dock.status.native.styleSheet() == ""


def test_line_says_so_where_another_window_has_the_folder(window, folder: Path, qtbot) -> None:
    first, link = open_kept(folder), window()
    dock = Micrographs(link.viewer)
    open_file(link, folder / "m1.mrc")
    qtbot.waitUntil(lambda: "open in another window" in dock.status.value)
    assert str(home_of(folder)) in dock.status.value
    assert "background" in dock.status.native.styleSheet()
    mark(link, [10.0, 20.0])
    link.autosave.close()
    first.file.close()
    again = open_kept(folder)
    assert list(again.stored.points) == ["m1"]
    again.file.close()


@pytest.mark.skipif(os.name == "nt", reason="nobody can replace an open file there")
def test_file_that_another_program_replaces_is_left_alone_and_labels_go_home(
    window, folder: Path, qtbot
) -> None:
    path = folder / SESSION_FILE
    link = window()
    open_file(link, folder / "m1.mrc")
    mark(link, [10.0, 20.0])
    qtbot.waitUntil(lambda: len(particles_in(path)) == 1)
    path.with_name("backup").write_bytes(path.read_bytes())
    path.with_name("backup").replace(path)
    mark(link, [30.0, 40.0])
    home = home_of(folder) / SESSION_FILE
    qtbot.waitUntil(lambda: len(particles_in(home)) == 2)
    assert len(particles_in(path)) == 1
    assert "replaced or changed by another program" in link.autosave.remark_on("m1")


def particles_in(path: Path) -> Sequence[Any]:
    """The particles of m1 in a session file: none while it is not there or being written."""
    try:
        return look_into(path).points["m1"]["positive"]
    except (InputError, KeyError):
        return []
