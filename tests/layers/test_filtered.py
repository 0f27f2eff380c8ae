import numpy as np
from napari.components import ViewerModel

from napari_deepem.core.types import Micrograph
from napari_deepem.layers.filtered import place_filtered, remove_filtered, show_filtered
from napari_deepem.layers.label_points import label_layer
from napari_deepem.layers.layer_order import put_in_order
from napari_deepem.layers.micrographs import image_layer_data, is_micrograph
from napari_deepem.layers.tags import find_layers

PIXELS = np.zeros((20, 30), dtype=np.float32)  # of 60 x 90, binned by 3


def add_micrograph(viewer: ViewerModel, name: str = "m1"):
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((60, 90)), name, 2.0))
    return viewer.add_image(data, **arguments)


def test_filtered_picture_lies_on_its_micrograph_and_is_none() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    layer = show_filtered(viewer, image, PIXELS, 3, (-1.0, 1.0))
    assert not is_micrograph(layer)
    np.testing.assert_allclose(layer.data_to_world((5, 6)), image.data_to_world((16, 19)))
    image.translate = (100.0, 20.0)
    place_filtered(viewer, image, 3)
    np.testing.assert_allclose(layer.data_to_world((5, 6)), image.data_to_world((16, 19)))


def test_filtered_picture_lies_below_labels_and_takes_no_selection() -> None:
    viewer = ViewerModel()
    image = add_micrograph(viewer)
    labels = label_layer(viewer, image, "positive", 24)
    labels.mode = "add"
    layer = show_filtered(viewer, image, PIXELS, 3, (-1.0, 1.0))
    put_in_order(viewer.layers, layer)
    assert list(viewer.layers) == [image, layer, labels]
    assert viewer.layers.selection.active is labels
    assert labels.mode == "add"


def test_there_is_one_picture_and_it_can_go() -> None:
    viewer = ViewerModel()
    first, second = add_micrograph(viewer, "m1"), add_micrograph(viewer, "m2")
    layer = show_filtered(viewer, first, PIXELS, 3, (-1.0, 1.0))
    layer.visible = False
    assert show_filtered(viewer, second, PIXELS[:10, :15], 6, (-2.0, 1.0)) is layer
    assert layer.visible
    assert tuple(layer.contrast_limits) == (-2.0, 1.0)
    assert find_layers(viewer.layers, "display", "m1") == []
    np.testing.assert_allclose(layer.data_to_world((1, 2)), second.data_to_world((8.5, 14.5)))
    remove_filtered(viewer)
    assert list(viewer.layers) == [first, second]


def test_all_selected_layers_can_be_deleted_with_the_filtered_picture() -> None:
    """C.1: it goes with its micrograph, which napari deletes before or after it."""
    viewer = ViewerModel()
    images = [add_micrograph(viewer, name) for name in ("m1", "m2", "m3")]
    show_filtered(viewer, images[2], PIXELS, 3, (-1.0, 1.0))
    viewer.layers.events.removed.connect(lambda _: remove_filtered(viewer))  # as for a closed one
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    assert list(viewer.layers) == []
