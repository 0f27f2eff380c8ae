"""The link needs no window: a ViewerModel will do."""

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy

from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layer
from napari_deepem.session import Scored
from napari_deepem.widgets.link import link_of, session_of


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
    scored = Scored(micrograph, session.model, score_map, candidates)
    session.scored = {**session.scored, session.current: scored}


def visible(viewer: ViewerModel) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def test_viewer_and_its_proxy_share_one_session(viewer: ViewerModel) -> None:
    assert session_of(PublicOnlyProxy(viewer)) is session_of(viewer)


def test_two_viewers_do_not_mix(viewer: ViewerModel) -> None:
    other = ViewerModel()
    add_micrograph(other, "m1")
    link_of(viewer), link_of(other)
    link_of(viewer).mark("positive").add([[1.0, 1.0], [2.0, 2.0]])
    assert session_of(other).labels_of("m1").positive_yx.shape == (0, 2)
    session_of(viewer).current = "m1"
    link_of(other).mark("positive").add([[3.0, 3.0]])
    assert len(session_of(viewer).labels_of("m1").positive_yx) == 0
    assert list(session_of(viewer).micrographs) == ["m1", "m2"]


def test_session_goes_with_its_viewer() -> None:
    viewer = ViewerModel()
    add_micrograph(viewer, "m1")
    session = weakref.ref(session_of(viewer))
    del viewer
    gc.collect()
    assert session() is None


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
    link.mark("negative")
    score_current(viewer)
    assert visible(viewer) == {"m2", "m2 non-particles", "Score map", "Picks"}
    link.session.current = "m1"
    assert visible(viewer) == {"m1", "m1 non-particles"}  # marking went on there
    assert viewer.layers.selection.active.name == "m1 non-particles"
    assert viewer.layers.selection.active.mode == "add"
    link.session.current = "m2"
    assert visible(viewer) == {"m2", "m2 non-particles", "Score map", "Picks"}


def test_clicks_reach_the_session_and_survive_other_layers_going(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    positive = link.mark("positive")
    positive.add([[10.0, 20.0]])
    negative = link.mark("negative")
    negative.add([[30.0, 40.0], [1.0, 2.0]])
    labels = link.session.labels_of("m2")
    np.testing.assert_array_equal(labels.positive_yx, [[10.0, 20.0]])
    assert len(labels.negative_yx) == 2
    viewer.layers.remove(negative)
    assert len(link.session.labels_of("m2").negative_yx) == 0
    assert len(link.session.labels_of("m2").positive_yx) == 1
    viewer.layers.remove("m1")
    viewer.layers.remove("m2")
    assert link.session.current is None
    assert link.session.annotated() == {}
    assert link.mark("positive") is None
    viewer.layers.clear()


def test_removed_and_dragged_points_are_seen(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layer = link.mark("positive")
    layer.add([[10.0, 20.0], [11.0, 21.0]])
    layer.selected_data = {0}
    layer.remove_selected()
    np.testing.assert_array_equal(link.session.labels_of("m2").positive_yx, [[11.0, 21.0]])
    layer.data = [[12.0, 22.0]]
    np.testing.assert_array_equal(link.session.labels_of("m2").positive_yx, [[12.0, 22.0]])


def test_box_size_resizes_every_mark(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layers = []
    for name in ("m1", "m2"):
        link.session.current = name
        layers.append(link.mark("positive"))
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


def test_marks_follow_a_new_pixel_size(viewer: ViewerModel) -> None:
    link = link_of(viewer)
    layer = link.mark("positive")
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
