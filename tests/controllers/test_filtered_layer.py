"""The filtered picture: there by default, remembered, and no hindrance (E.4)."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layers
from series import go_to

pytestmark = pytest.mark.usefixtures("qapp")


def add(viewer: ViewerModel, name: str, image: np.ndarray | None = None) -> None:
    noise = np.random.default_rng(0).normal(size=(120, 150)).astype(np.float32)
    data, arguments, _ = image_layer_data(Micrograph(noise if image is None else image, name, 2.0))
    viewer.add_image(data, **arguments)


def shown_on(viewer: ViewerModel, name: str) -> bool:
    return any(layer.visible for layer in find_layers(viewer.layers, "display", name))


def test_micrograph_is_shown_filtered_from_the_first(qtbot) -> None:
    viewer = ViewerModel()
    add(viewer, "m1")
    link_of(viewer)
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    (layer,) = find_layers(viewer.layers, "display", "m1")
    assert layer.data.std() < 0.5  # of 1 in the file
    add(viewer, "m2")
    assert not shown_on(viewer, "m1")
    qtbot.waitUntil(lambda: shown_on(viewer, "m2"))
    assert find_layers(viewer.layers, "display") == [layer]  # to remove one takes napari long


def test_picture_stays_from_one_micrograph_of_a_series_to_the_next(opened, qtbot) -> None:
    """E.9: napari collects garbage whenever a layer is removed, and paging would wait for that."""
    viewer = ViewerModel()
    link = opened(viewer)
    go_to(link, "m1", qtbot)
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    (layer,) = find_layers(viewer.layers, "display", "m1")
    go_to(link, "m10", qtbot)
    qtbot.waitUntil(lambda: shown_on(viewer, "m10"))
    assert find_layers(viewer.layers, "display") == [layer]
    viewer.layers.remove(link.image_of("m10"))
    assert not find_layers(viewer.layers, "display")


def test_switch_is_remembered_from_one_start_to_the_next() -> None:
    first, second = ViewerModel(), ViewerModel()
    display = session_of(first).display
    assert display.filtered
    display.filtered, display.low_pass_angstrom, display.contrast_sigmas = False, 35, 2.5
    display = session_of(second).display
    assert (display.filtered, display.contrast_sigmas) == (False, 2.5)
    assert display.low_pass_angstrom == 20  # of other micrographs
    display.filtered, display.contrast_sigmas = True, 3.0


def test_micrograph_without_an_image_is_shown_as_it_is_without_a_word(qtbot) -> None:
    viewer = ViewerModel()
    notification_manager.records.clear()
    add(viewer, "empty", np.zeros((50, 60), dtype=np.float32))
    link = link_of(viewer)
    qtbot.waitUntil(lambda: link.filtered_layer._hopeless is not None)
    assert not find_layers(viewer.layers, "display")
    assert not notification_manager.records
    assert link.session.display.filtered
    add(viewer, "m1")
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
