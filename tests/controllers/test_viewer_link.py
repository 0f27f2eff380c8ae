"""The link needs no window: a ViewerModel will do."""

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers._source import layer_source
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.notifications import notification_manager

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.types import Candidates, Micrograph, Picks, ScoreMap
from napari_deepem.layers.coordinate_points import points_layer_of
from napari_deepem.layers.label_points import adoptable
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layer
from napari_deepem.session import Scored
from napari_deepem.session.labels import add_labels
from napari_deepem.session.loading_ahead import sparing_the_collector


def add_micrograph(viewer: ViewerModel, name: str, shape=(60, 90), **more):
    data, arguments, _ = image_layer_data(Micrograph(np.zeros(shape), name, 2.0), **more)
    return viewer.add_image(data, **arguments)


@pytest.fixture
def viewer() -> ViewerModel:
    """Two micrographs, m1 and m2."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        add_micrograph(viewer, name)
    return viewer


def score_current(viewer: ViewerModel, row: int = 2, col: int = 5) -> None:
    session = session_of(viewer)
    scores = np.zeros((5, 8), dtype=np.float32)
    scores[row, col] = 0.9
    score_map = ScoreMap(scores, np.ones_like(scores), 5.0, 10.0, 20)
    centres_yx = np.array([[5.0 + 10 * row, 5.0 + 10 * col], [40.0, 10.0]])
    candidates = Candidates(centres_yx, np.array([0.9, 0.6]), np.ones(2), 20)
    micrograph = session.micrographs[session.current]
    scored = Scored(micrograph, SimpleNamespace(summary={}), score_map, candidates)
    session.scored = {**session.scored, session.current: scored}


def visible(viewer: ViewerModel) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible and layer.name != "Filtered"}


def test_viewer_and_its_proxy_share_one_session(viewer: ViewerModel) -> None:
    assert session_of(PublicOnlyProxy(viewer)) is session_of(viewer)


def test_two_viewers_do_not_mix(viewer: ViewerModel) -> None:
    other = ViewerModel()
    add_micrograph(other, "m1")
    link_of(viewer), link_of(other)
    link_of(viewer).start_labelling("positive").add([[1.0, 1.0], [2.0, 2.0]])
    assert session_of(other).labels_of("m1").positive_yx.shape == (0, 2)
    session_of(viewer).current = "m1"
    link_of(other).start_labelling("positive").add([[3.0, 3.0]])
    assert len(session_of(viewer).labels_of("m1").positive_yx) == 0
    assert list(session_of(viewer).micrographs) == ["m1", "m2"]


def test_session_goes_with_its_viewer_and_the_jobs_that_run(qtbot) -> None:
    viewer = ViewerModel()
    add_micrograph(viewer, "m1")
    session = weakref.ref(session_of(viewer))
    del viewer
    qtbot.waitUntil(lambda: gc.collect() >= 0 and session() is None)


def test_layer_that_was_there_when_all_was_imported_is_collected_when_it_is_removed(
    viewer: ViewerModel, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def job(_is_busy: object) -> Iterator[Callable[[], None]]:
        with sparing_the_collector():
            yield lambda: None

    monkeypatch.setattr("napari_deepem.controllers.viewer_link.loading_ahead", job)
    link, layer = link_of(viewer), weakref.ref(viewer.layers["m1"])
    link.load_ahead()
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0 and layer() in link._uncollected)
    qtbot.waitUntil(lambda: not link._beat._timer.isActive())  # nobody wants to know any more
    viewer.layers.remove("m1")
    qtbot.waitUntil(lambda: layer() is None)
    assert gc.get_freeze_count() > 0  # and all else is spared again
    link.close()
    assert gc.get_freeze_count() == 0


def test_opened_micrograph_becomes_the_current_one(viewer: ViewerModel) -> None:
    session = session_of(viewer)
    assert session.current == "m2"
    add_micrograph(viewer, "m3", box_size_px=44)
    assert session.current == "m3"
    assert session.box_size_px == 44
    assert visible(viewer) == {"m3"}


def test_choosing_a_micrograph_leaves_nothing_of_the_last_one(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    link.session.threshold = 0.5
    link.start_labelling("negative")
    score_current(viewer)
    assert visible(viewer) == {"m2", "m2 non-particles", "Score map", "Picks"}
    link.session.current = "m1"
    assert visible(viewer) == {"m1", "m1 non-particles"}  # the tool came along
    assert viewer.layers.selection.active.name == "m1 non-particles"
    assert viewer.layers.selection.active.mode == "add"
    link.session.current = "m2"
    assert visible(viewer) == {"m2", "m2 non-particles", "Score map", "Picks"}


def test_clicks_reach_the_session_and_survive_other_layers_going(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    positive = link.start_labelling("positive")
    positive.add([[10.0, 20.0]])
    negative = link.start_labelling("negative")
    negative.add([[30.0, 40.0], [1.0, 2.0]])
    labels = link.session.labels_of("m2")
    np.testing.assert_array_equal(labels.positive_yx, [[10.0, 20.0]])
    assert len(labels.negative_yx) == 2
    viewer.layers.remove(negative)
    assert len(link.session.labels_of("m2").negative_yx) == 2
    assert len(link.session.labels_of("m2").positive_yx) == 1
    viewer.layers.remove("m1")
    viewer.layers.remove("m2")
    assert link.session.current is None
    assert link.session.labelled() == {}
    assert link.start_labelling("positive") is None
    viewer.layers.clear()


def test_removed_and_dragged_points_are_seen(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layer = link.start_labelling("positive")
    layer.add([[10.0, 20.0], [11.0, 21.0]])
    layer.selected_data = {0}
    layer.remove_selected()
    np.testing.assert_array_equal(link.session.labels_of("m2").positive_yx, [[11.0, 21.0]])
    layer.data = [[12.0, 22.0]]
    np.testing.assert_array_equal(link.session.labels_of("m2").positive_yx, [[12.0, 22.0]])


def test_box_size_resizes_every_label(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layers = []
    for name in ("m1", "m2"):
        link.session.current = name
        layers.append(link.start_labelling("positive"))
        layers[-1].add([[10.0, 20.0]])
    link.session.box_size_px = 33
    assert [list(layer.size) for layer in layers] == [[33], [33]]


def test_removed_result_layers_come_back(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    score_current(viewer)
    viewer.layers.remove("Picks")
    viewer.layers.remove("Score map")
    link.session.threshold = 0.7
    assert len(find_layer(viewer.layers, "picks").data) == 1
    score_current(viewer)
    assert find_layer(viewer.layers, "scores") is not None


def test_threshold_moves_the_picks_layer(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    link.session.threshold = 0.5
    score_current(viewer)
    layer = find_layer(viewer.layers, "picks")
    assert len(layer.data) == 2
    link.session.threshold = 0.7
    np.testing.assert_array_equal(layer.data, [[25.0, 55.0]])
    link.session.threshold = 1.0
    assert len(layer.data) == 0


def test_scores_of_other_pixels_are_forgotten(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    score_current(viewer)
    viewer.layers["m2"].data = np.ones((60, 90))
    assert link.session.scored == {}
    assert link.session.micrographs["m2"].image[0, 0] == 1
    assert visible(viewer) == {"m2"}


def test_labels_follow_a_new_pixel_size(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layer = link.start_labelling("positive")
    layer.add([[10.0, 20.0]])
    viewer.layers["m2"].scale = (3.0, 3.0)
    assert link.session.pixel_size == 3.0
    np.testing.assert_allclose(layer.data_to_world((10, 20)), (30, 60))
    np.testing.assert_array_equal(link.session.labels_of("m2").positive_yx, [[10.0, 20.0]])


def test_own_points_can_be_adopted(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    points = viewer.add_points([[20.0, 40.0]])
    link.adopt(points, "positive")
    np.testing.assert_allclose(link.session.labels_of("m2").positive_yx, [[10.0, 20.0]])
    points.add([[1.0, 1.0]])
    assert len(link.session.labels_of("m2").positive_yx) == 2


def add_file(viewer: ViewerModel, path: str, *, tagged: bool = True):
    """Open a file, with our reader or with another's."""
    with layer_source(path=path):
        if tagged:
            return add_micrograph(viewer, Path(path).stem)
        return viewer.add_image(np.zeros((60, 90)), name=Path(path).stem)


def warnings() -> list[str]:
    return [record.message for record in notification_manager.records]


def assert_lies_on(layer, image) -> None:
    """Pixel (10, 20) of both is at one place of the world."""
    np.testing.assert_allclose(layer.data_to_world((10, 20)), image.data_to_world((10, 20)))
    assert layer.units == image.units


def test_all_that_belongs_to_a_micrograph_follows_it(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    image = viewer.layers["m2"]
    labels = link.start_labelling("positive")
    labels.add([[10.0, 20.0]])
    score_current(viewer)
    picks, scores = viewer.layers["Picks"], viewer.layers["Score map"]
    image.translate = (300.0, -40.0)
    assert_lies_on(labels, image)
    assert_lies_on(picks, image)
    place = image.world_to_data(scores.data_to_world((2, 5)))  # grid from 5 px on, every 10 px
    np.testing.assert_allclose(place, (25.0, 55.0))
    assert link.session.picks is not None  # the pixels are the same, and so are their scores
    image.scale, image.units = (0.2, 0.2), ("nm", "nm")
    assert link.session.pixel_size == pytest.approx(2.0)
    assert_lies_on(labels, image)
    score_current(viewer)
    assert_lies_on(picks, image)


def test_click_on_a_moved_micrograph_is_in_its_pixels(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    labels = link.start_labelling("positive")
    image = viewer.layers["m2"]
    image.translate = (300.0, -40.0)
    labels.add([labels.world_to_data(image.data_to_world((12.0, 34.0)))])
    np.testing.assert_allclose(link.session.labels_of("m2").positive_yx, [[12.0, 34.0]])


def test_removed_image_does_not_come_back_when_it_is_changed(viewer: ViewerModel) -> None:
    session = session_of(viewer)
    image = viewer.layers["m2"]
    viewer.layers.remove(image)
    image.scale = (3.0, 3.0)
    image.data = np.ones((60, 90))
    assert list(session.micrographs) == ["m1"]


@pytest.mark.parametrize("tagged", [True, False])
def test_file_opened_twice_is_one_micrograph(tagged: bool) -> None:
    viewer = ViewerModel()
    session = session_of(viewer)
    first = add_file(viewer, "/data/m.mrc")
    notification_manager.records.clear()
    second = add_file(viewer, "/data/m.mrc", tagged=tagged)
    assert list(session.micrographs) == ["m"]
    assert session.current == "m"
    assert len(warnings()) == 1
    assert "no second micrograph" in warnings()[0]
    assert not second.visible
    viewer.layers.remove(second)
    assert link_of(viewer).image_of("m") is first
    assert list(session.micrographs) == ["m"]


def test_files_that_were_open_before_are_no_micrograph_twice() -> None:
    viewer = ViewerModel()
    first = add_file(viewer, "/data/m.mrc")
    add_file(viewer, "/data/m.mrc")
    assert list(session_of(viewer).micrographs) == ["m"]
    assert link_of(viewer).image_of("m") is first


def test_files_of_one_name_in_two_folders_are_two_micrographs() -> None:
    viewer = ViewerModel()
    session = session_of(viewer)
    add_file(viewer, "/data/one/m.mrc")
    add_file(viewer, "/data/two/m.mrc")
    assert list(session.micrographs) == ["m", "m [1]"]


def test_tiff_is_no_micrograph_and_that_is_said_once() -> None:
    viewer = ViewerModel()
    session = session_of(viewer)
    notification_manager.records.clear()
    layer = add_file(viewer, "/data/m.tif", tagged=False)
    layer.translate = (3.0, 3.0)
    viewer.layers.move(0, 1)
    assert session.micrographs == {}
    assert len(warnings()) == 1
    assert "picks would be mirrored" in warnings()[0]


def test_image_of_another_plugin_does_not_end_labelling(viewer: ViewerModel, qtbot) -> None:
    link = link_of(viewer)
    labels = link.start_labelling("positive")
    viewer.add_image(np.ones((60, 90)), name="filtered")
    assert link.session.current == "m2"
    qtbot.waitUntil(lambda: viewer.layers.selection.active is labels)
    assert labels.mode == "add"
    assert visible(viewer) == {"m2", "m2 particles"}
    assert "filtered" in link.session.micrographs  # may be chosen
    viewer.layers.selection.active = viewer.layers["filtered"]  # and selected
    assert viewer.layers.selection.active.name == "filtered"


def test_image_of_another_plugin_is_current_where_nothing_is_labelled(viewer: ViewerModel) -> None:
    session = session_of(viewer)
    viewer.add_image(np.ones((60, 90)), name="filtered")
    assert session.current == "filtered"


def test_labels_that_are_added_to_the_session_are_seen(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    negative = link.start_labelling("negative")
    centres_yx = np.array([[10.0, 80.0], [20.0, 30.0]])
    for _ in range(2):  # once more changes nothing
        add_labels(link.session, {"m2": centres_yx}, "positive")
        layer = find_layer(viewer.layers, "positive", "m2")
        np.testing.assert_array_equal(layer.data, centres_yx)
        assert layer.selected_data == set()
    assert viewer.layers.selection.active is negative
    assert negative.mode == "add"
    link.session.edits.undo()
    assert len(layer.data) == 0
    assert not link.session.edits.can_undo


def test_points_of_a_file_are_seen_with_their_micrograph(viewer: ViewerModel) -> None:
    session = session_of(viewer)
    for name in ("m1", "elsewhere"):
        data, arguments, _ = points_layer_of(Picks(np.ones((1, 2))), f"{name}.box", name)
        viewer.add_points(data, **arguments)
    first, other = viewer.layers["m1.box"], viewer.layers["elsewhere.box"]
    session.current = "m1"
    assert first.visible
    session.current = "m2"
    assert not first.visible
    assert other.visible  # of no micrograph here: that is the user's matter
    assert first in adoptable(viewer.layers)
