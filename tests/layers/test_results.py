import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import Micrograph, Picks, ScoreMap
from napari_deepem.layers.layer_order import put_in_order
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.results import (
    copy_picks,
    move_results,
    score_colors,
    show_picks,
    show_score_map,
)
from napari_deepem.layers.tags import role_of


def add_micrograph(viewer: ViewerModel, pixel_size: float | None = 1.5) -> Image:
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((120, 200)), "m1", pixel_size))
    return viewer.add_image(data, **arguments)


def one_bright_element(row: int, col: int) -> ScoreMap:
    scores = np.zeros((14, 24), dtype=np.float32)
    scores[row, col] = 1.0
    return ScoreMap(scores, np.ones_like(scores), origin_px=3.5, step_px=8.0, box_size_px=40)


@pytest.mark.parametrize("pixel_size", [None, 1.5])
def test_score_map_lies_on_its_candidates(pixel_size: float | None) -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer, pixel_size)
    score_map = one_bright_element(row=4, col=17)
    layer = show_score_map(viewer, image, score_map)
    ((row, col),) = find_candidates(score_map).centres_yx
    assert (row, col) == (3.5 + 4 * 8.0, 3.5 + 17 * 8.0)
    seen = image.world_to_data(layer.data_to_world((4, 17)))
    np.testing.assert_allclose(seen, (row, col), atol=1e-9)
    # and at that place of the world the layer shows the bright element, half a step around
    for shift in (-3.9, 0.0, 3.9):
        assert layer.get_value(image.data_to_world((row + shift, col - shift)), world=True) == 1.0
    assert layer.get_value(image.data_to_world((row + 4.1, col)), world=True) == 0.0


@pytest.mark.parametrize("box_size_px", [12, 16, 36])  # sampled at 0.273, 0.364 and 0.818
def test_score_map_of_small_boxes_lies_on_its_candidates(box_size_px: int) -> None:
    viewer = ViewerModel()
    pixels = np.random.default_rng(box_size_px).normal(size=(120, 200)).astype(np.float32)
    score_map = score(Micrograph(pixels, "m1"), general_model(box_size_px))
    image = add_micrograph(viewer)
    layer = show_score_map(viewer, image, score_map)
    candidates = find_candidates(score_map)
    assert len(candidates.scores) > 5
    for centre_yx, best in zip(candidates.centres_yx, candidates.scores, strict=True):
        assert layer.get_value(image.data_to_world(centre_yx), world=True) == pytest.approx(best)
    last_element = np.array(layer.data.shape) - 1
    first, last = (image.world_to_data(layer.data_to_world(at)) for at in ((0, 0), last_element))
    assert (np.abs(first) < score_map.step_px).all()  # from one edge of the micrograph
    assert (np.abs(last - np.array(image.data.shape) + 1) < score_map.step_px).all()  # to the other


def test_score_map_follows_an_image_that_was_moved() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    image.translate = (100.0, -50.0)
    layer = show_score_map(viewer, image, one_bright_element(4, 17))
    seen = image.world_to_data(layer.data_to_world((4, 17)))
    np.testing.assert_allclose(seen, (35.5, 139.5))


def test_layers_are_reused_with_what_the_user_chose() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    layer = show_score_map(viewer, image, one_bright_element(4, 17))
    layer.colormap = "viridis"
    assert show_score_map(viewer, image, one_bright_element(5, 5)) is layer
    assert layer.colormap.name == "viridis"
    assert layer.data[5, 5] == 1.0
    picks = show_picks(viewer, image, Picks(np.zeros((3, 2)), np.ones(3), 40))
    assert show_picks(viewer, image, Picks(np.zeros((1, 2)), np.ones(1), 40)) is picks
    assert len(viewer.layers) == 3


def test_score_map_lies_right_above_its_micrograph() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    viewer.add_points([[1.0, 1.0]], name="mine")
    layer = show_score_map(viewer, image, one_bright_element(4, 17))
    put_in_order(viewer.layers, layer)
    assert [each.name for each in viewer.layers] == ["m1", layer.name, "mine"]


def test_picks_are_squares_of_the_box_with_their_scores() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    layer = show_picks(viewer, image, Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40))
    layer = show_picks(
        viewer, image, Picks(np.array([[5.0, 7.0], [9, 9]]), np.array([0.75, 0.5]), 30)
    )
    assert list(layer.size) == [30, 30]
    assert list(layer.features["score"]) == [0.75, 0.5]
    np.testing.assert_allclose(layer.data_to_world((5, 7)), image.data_to_world((5, 7)))


def test_no_picks_at_all_can_be_shown() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    show_picks(viewer, image, Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40))
    layer = show_picks(viewer, image, Picks(np.empty((0, 2)), np.empty(0), 40))
    assert len(layer.data) == 0


def test_copied_picks_are_an_ordinary_layer() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    picks = Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40)
    shown, copied = show_picks(viewer, image, picks), copy_picks(viewer, image, picks)
    assert role_of(copied) == "coordinates"
    copied.data = copied.data + 1
    np.testing.assert_array_equal(shown.data, [[5.0, 7.0]])


def test_picks_follow_an_image_that_got_another_scale() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer, 1.5)
    picks = Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40)
    show_picks(viewer, image, picks)
    image.scale = (3.0, 3.0)
    layer = show_picks(viewer, image, picks)
    np.testing.assert_allclose(layer.data_to_world((5, 7)), image.data_to_world((5, 7)))


def test_results_are_moved_without_being_shown() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    score_map = one_bright_element(4, 17)
    layer = show_score_map(viewer, image, score_map)
    picks = show_picks(viewer, image, Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40))
    layer.visible = False
    image.translate = (100.0, -50.0)
    move_results(viewer, image, score_map)
    seen = image.world_to_data(layer.data_to_world((4, 17)))
    np.testing.assert_allclose(seen, (35.5, 139.5))
    np.testing.assert_allclose(picks.data_to_world((5, 7)), image.data_to_world((5, 7)))
    assert not layer.visible


def test_picks_are_colored_by_score_and_change_color_with_it() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    centres_yx = np.array([[5.0, 7.0], [9.0, 9.0], [50.0, 60.0]])
    scores = np.array([1.0, 0.5, 0.0])
    layer = show_picks(viewer, image, Picks(centres_yx, scores, 40))
    np.testing.assert_allclose(layer.border_color, score_colors(scores))
    assert len(np.unique(layer.border_color, axis=0)) == 3
    layer = show_picks(viewer, image, Picks(centres_yx[:2], scores[1:], 40))
    np.testing.assert_allclose(layer.border_color, score_colors(scores[1:]))
    layer = show_picks(viewer, image, Picks(centres_yx, None, 40))
    np.testing.assert_allclose(layer.border_color, score_colors(np.ones(3)))


def test_hidden_picks_stay_hidden_and_have_their_colors_when_shown() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    centres_yx = np.array([[5.0, 7.0], [9.0, 9.0], [50.0, 60.0]])
    layer = show_picks(viewer, image, Picks(centres_yx, np.array([0.9, 0.5, 0.1]), 40))
    layer.visible = False
    show_picks(viewer, image, Picks(centres_yx[:1], np.array([0.4]), 40))
    assert not layer.visible
    assert len(layer.data) == 1
    layer.visible = True
    np.testing.assert_allclose(layer.border_color, score_colors(np.array([0.4])))


def test_picks_are_drawn_once_a_change() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    centres_yx = np.random.default_rng(0).random((30, 2)) * 100
    scores = np.linspace(1.0, 0.0, 30)
    layer = show_picks(viewer, image, Picks(centres_yx, scores, 40))
    drawn = []
    for event in (layer.events.set_data, layer.events.border_color, layer._border.events.colors):
        event.connect(lambda: drawn.append(1))
    for start, count in ((0, 10), (0, 25), (5, 25)):  # of the last, only the places change
        picks = Picks(centres_yx[::-1][start : start + count], scores[:count], 40)
        for _ in range(2):  # once more changes nothing
            show_picks(viewer, image, picks)
        assert len(drawn) == 1
        drawn.clear()


def test_other_picks_are_told_of_once_and_the_viewer_does_not_measure_its_layers_anew() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    layer = show_picks(viewer, image, Picks(np.array([[5.0, 7.0]]), np.array([0.75]), 40))
    told = []
    layer.events.features.connect(lambda: told.append(list(layer.features["score"])))
    layer.events.data.connect(lambda: told.append("data"))  # by which napari lays out its sliders
    centres_yx = np.array([[5.0, 7.0], [50.0, 60.0]])
    show_picks(viewer, image, Picks(centres_yx, np.array([0.75, 0.5]), 40))
    assert told == [[0.75, 0.5]]
    np.testing.assert_array_equal(layer.extent.data, centres_yx)
