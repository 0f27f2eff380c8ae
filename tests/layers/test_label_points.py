import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.layers._layer_actions import _duplicate_layer

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.layers.label_points import (
    adopt,
    adoptable,
    count_outside,
    label_layer,
    labels_on,
    resize,
)
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import micrograph_name_of, role_of


def add_micrograph(viewer: ViewerModel, name: str = "m1", pixel_size: float | None = 2.0) -> Image:
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((60, 90)), name, pixel_size))
    return viewer.add_image(data, **arguments)


def test_labels_are_open_squares_of_the_box_in_original_pixels() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    layer = label_layer(viewer, image, "positive", 24)
    layer.add([[10.0, 20.0]])
    assert list(layer.size) == [24]
    assert [str(symbol) for symbol in layer.symbol] == ["square"]
    assert layer.face_color[0, 3] == 0
    np.testing.assert_allclose(layer.data_to_world((10, 20)), image.data_to_world((10, 20)))
    np.testing.assert_array_equal(labels_on(viewer.layers, "m1").positive_yx, [[10.0, 20.0]])


def test_each_micrograph_and_each_kind_has_its_own_layer() -> None:
    viewer = ViewerModel()
    first, second = add_micrograph(viewer, "m1"), add_micrograph(viewer, "m2")
    label_layer(viewer, first, "positive", 24).add([[1.0, 1.0]])
    label_layer(viewer, first, "negative", 24).add([[2.0, 2.0], [3.0, 3.0]])
    label_layer(viewer, second, "positive", 24)
    again = label_layer(viewer, first, "positive", 24)
    assert len(again.data) == 1
    assert len(viewer.layers) == 5
    labels = labels_on(viewer.layers, "m1")
    assert (len(labels.positive_yx), len(labels.negative_yx)) == (1, 2)
    assert len(labels_on(viewer.layers, "m2").positive_yx) == 0


def test_positive_and_negative_labels_differ_in_colour() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    colors = []
    for kind in ("positive", "negative"):
        layer = label_layer(viewer, image, kind, 24)
        layer.add([[1.0, 1.0]])
        colors.append(layer.border_color[0])
    green, orange = colors
    assert green[1] > green[0]
    assert orange[0] > orange[1]


def test_new_box_size_holds_for_old_points_and_new() -> None:
    viewer = ViewerModel()
    layer = label_layer(viewer, add_micrograph(viewer), "positive", 24)
    layer.add([[1.0, 1.0]])
    resize(layer, 31)
    layer.add([[2.0, 2.0]])
    assert list(layer.size) == [31, 31]


def test_adopted_points_stay_where_they_are_seen() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer, pixel_size=2.0)
    points = viewer.add_points([[20.0, 40.0]])  # drawn over pixel (10, 20)
    assert adoptable(viewer.layers) == [points]
    adopt(viewer.layers, points, image, "negative", 24)
    np.testing.assert_allclose(labels_on(viewer.layers, "m1").negative_yx, [[10.0, 20.0]])
    assert (role_of(points), micrograph_name_of(points)) == ("negative", "m1")
    assert list(points.size) == [24]
    assert adoptable(viewer.layers) == []


def test_adopting_does_not_throw_away_other_labels() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    label_layer(viewer, image, "positive", 24).add([[1.0, 1.0]])
    points = viewer.add_points([[20.0, 40.0]])
    with pytest.raises(InputError, match="already has the layer 'm1 particles'"):
        adopt(viewer.layers, points, image, "positive", 24)
    assert role_of(points) is None


def duplicate(viewer: ViewerModel, layer: Layer) -> Layer:
    viewer.layers.selection = {layer}
    _duplicate_layer(viewer.layers)
    return viewer.layers[f"{layer.name} copy"]


def test_labels_in_a_copied_layer_count_once_and_those_added_to_it_too() -> None:
    viewer = ViewerModel()
    layer = label_layer(viewer, add_micrograph(viewer), "positive", 24)
    layer.add([[9.0, 9.0], [1.0, 1.0]])
    duplicate(viewer, layer).add([[5.0, 5.0]])
    layer.add([[7.0, 7.0]])
    labels = labels_on(viewer.layers, "m1")
    assert sorted(labels.positive_yx[:, 0]) == [1.0, 5.0, 7.0, 9.0]


def test_points_outside_the_image_are_counted_but_no_labels() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)  # 60 rows by 90 columns
    inside = [[-0.5, 89.5], [59.5, 0.0], [0.0, 70.0]]
    outside = [[-0.6, 5.0], [70.0, 5.0], [5.0, 89.6]]
    label_layer(viewer, image, "positive", 24).add(inside + outside)
    label_layer(viewer, image, "negative", 24).add([[500.0, 500.0]])
    labels = labels_on(viewer.layers, "m1")
    np.testing.assert_array_equal(labels.positive_yx, inside)
    assert len(labels.negative_yx) == 0
    assert count_outside(viewer.layers, "m1") == 4
    known = Labels.of([[70.0, 5.0], [1.0, 1.0]])
    labels = labels_on(viewer.layers, "m1", known)  # of a larger image that was there before
    np.testing.assert_array_equal(labels.positive_yx, [*inside, [70.0, 5.0]])
