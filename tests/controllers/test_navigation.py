"""The way through a series, on a viewer without a window."""

import threading
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.core.types import Candidates, ScoreMap
from napari_deepem.io.images import write_image
from napari_deepem.session.training_input import TrainingInput
from patience import PATIENCE_S
from series import SHAPES, go_to, some_model, visible

pytestmark = pytest.mark.usefixtures("qapp")


def test_folder_opens_with_its_first_micrograph_alone_in_memory(opened) -> None:
    viewer = ViewerModel()
    session = opened(viewer).session
    assert list(session.files) == ["m1", "m2", "m10"]
    assert list(session.micrographs) == ["m1"]
    assert [layer.name for layer in viewer.layers if layer.name != "Filtered"] == ["m1"]
    np.testing.assert_allclose(viewer.layers["m1"].scale, 2.0)


def test_next_micrograph_takes_the_place_of_the_last(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    link.start_labelling("positive").add([[10.0, 20.0], [30.0, 40.0]])
    go_to(link, "m10", qtbot)
    assert list(link.session.micrographs) == ["m10"]
    assert viewer.layers["m10"].data.shape == SHAPES["m10"]
    assert visible(viewer) == {"m10", "m10 particles"}  # labelling goes on
    assert viewer.layers.selection.active.mode == "add"
    assert len(viewer.layers["m10 particles"].data) == 0
    viewer.layers["m10 particles"].add([[70.0, 60.0]])
    np.testing.assert_array_equal(link.session.labels["m10"].positive_yx, [[70.0, 60.0]])
    assert len(link.session.labels["m1"].positive_yx) == 2
    go_to(link, "m1", qtbot)
    np.testing.assert_array_equal(viewer.layers["m1 particles"].data, [[10.0, 20.0], [30.0, 40.0]])
    assert list(link.session.labelled()) == ["m1", "m10"]


def test_next_one_is_read_ahead(opened, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    link = opened(ViewerModel())
    qtbot.waitUntil(lambda: "m2" in link.navigation._ahead)
    link.navigation.step(1)
    assert list(link.session.micrographs) == ["m2"]  # at once
    link.navigation.step(1)
    qtbot.waitUntil(lambda: "m10" in link.session.micrographs)
    link.navigation.step(1)  # there is no more
    assert link.session.current == "m10"


def test_scores_of_the_next_one_are_read_ahead_and_none_that_are_old_are_shown(
    opened, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    def reading_scores(path: Path, *_):
        yield
        return ScoreMap(grid, grid, 5.0, 10.0, 24), False

    def scored_ahead() -> str:
        scored = navigation._scored_ahead
        return "" if scored is None else scored.micrograph.name

    grid = np.full((5, 8), 0.5, dtype=np.float32)
    monkeypatch.setattr("napari_deepem.controllers.navigation.reading_scores", reading_scores)
    link = opened(ViewerModel())
    session, navigation = link.session, link.navigation
    session.model = some_model()
    old, new = (
        Candidates(np.array([[20.0, 30.0]]), np.array([score]), np.ones(1), 24)
        for score in (0.8, 0.9)
    )
    session.candidates = {"m2": old, "m10": old}
    navigation._read_anew()
    qtbot.waitUntil(lambda: scored_ahead() == "m2")
    navigation.step(1)
    assert session.scored["m2"].candidates is old  # at once
    qtbot.waitUntil(lambda: scored_ahead() == "m10")
    session.candidates = {"m2": old, "m10": new}  # scored anew meanwhile
    navigation.step(1)
    assert "m10" not in session.scored
    qtbot.waitUntil(lambda: "m10" in session.scored)
    assert session.scored["m10"].candidates is new


def test_place_that_is_gone_to_is_in_the_middle(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    link.navigation.go_to("m10", (30.0, 40.0))
    qtbot.waitUntil(lambda: "m10" in link.session.micrographs)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (60.0, 80.0))


def test_camera_stays_where_the_next_micrograph_is_as_large(opened, qtbot) -> None:
    """E.13"""
    viewer = ViewerModel()
    link, camera = opened(viewer), viewer.scene.camera
    whole = camera.zoom
    camera.zoom, camera.center = 3 * whole, (0.0, 33.0, 44.0)
    link.navigation.step(1)
    qtbot.waitUntil(lambda: "m2" in link.session.micrographs)
    assert (camera.zoom, *camera.center[-2:]) == (3 * whole, 33.0, 44.0)
    link.navigation.step(1)
    qtbot.waitUntil(lambda: "m10" in link.session.micrographs)
    assert camera.zoom != 3 * whole
    np.testing.assert_allclose(camera.center[-2:], (79.0, 69.0))  # all of it


def test_opened_by_hand_and_of_the_series_live_side_by_side(opened, qtbot) -> None:
    viewer = ViewerModel()
    viewer.add_image(np.ones((20, 20)), name="other")  # no file of the folder
    link = opened(viewer)
    assert link.session.names == ["m1", "m2", "m10", "other"]
    go_to(link, "m2", qtbot)
    assert visible(viewer) == {"m2"}


def test_labels_outside_of_a_smaller_file_are_kept_but_not_trained_on(
    opened, folder: Path, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    far_yx, near_yx = [50.0, 85.0], [10.0, 20.0]
    link.start_labelling("positive").add([far_yx, near_yx])
    go_to(link, "m10", qtbot)
    write_image(folder / "m1.mrc", np.random.default_rng(1).normal(size=(40, 50)), 2.0)

    def taught() -> list[list[float]]:
        return TrainingInput.of(session).items()[0].labels.positive_yx.tolist()

    assert taught() == [near_yx]  # read in the job
    go_to(link, "m1", qtbot)
    link.viewer.layers["m1 particles"].add([[30.0, 30.0]])
    assert session.labels["m1"].positive_yx.tolist() == [far_yx, near_yx, [30.0, 30.0]]
    assert session.labelled()["m1"].positive_yx.tolist() == [near_yx, [30.0, 30.0]]
    assert taught() == [near_yx, [30.0, 30.0]]
    link.viewer.layers["m1 particles"].add([[70.0, 30.0]])  # a stray click is none
    assert len(session.labels["m1"].positive_yx) == 3


def test_score_map_that_came_too_late_is_read_on_coming_back(
    opened, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    link, read = opened(ViewerModel()), []

    def reading_scores(path: Path, *_):
        yield
        if not read:
            turned.wait(PATIENCE_S)
        read.append(path.stem)
        return ScoreMap(grid, grid, 5.0, 10.0, 24), False

    grid, turned = np.full((5, 8), 0.5, dtype=np.float32), threading.Event()
    monkeypatch.setattr("napari_deepem.controllers.navigation.reading_scores", reading_scores)
    link.session.model = some_model()
    candidates = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
    link.session.candidates = {"m1": candidates}
    go_to(link, "m2", qtbot)
    turned.set()
    qtbot.waitUntil(lambda: read == ["m1"])
    qtbot.waitUntil(lambda: link.navigation._asked_candidates is None)
    go_to(link, "m1", qtbot)
    qtbot.waitUntil(lambda: "m1" in link.session.scored)
