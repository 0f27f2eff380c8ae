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


def test_next_micrograph_is_filtered_ahead_and_shown_in_place_of_the_last(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    qtbot.waitUntil(lambda: link.filtered_layer._ahead is not None)
    (layer,) = find_layers(viewer.layers, "display", "m1")
    last, seen = layer.data, []
    layer.events.visible.connect(lambda: seen.append(layer.visible))
    link.navigation.step(1)
    assert shown_on(viewer, "m2")  # at once
    assert layer.data is not last
    assert not seen  # napari draws all layers anew whenever one is hidden or shown


def test_picture_that_was_made_ahead_is_made_anew_with_another_filter(opened, qtbot) -> None:
    viewer = ViewerModel()
    link = opened(viewer)
    qtbot.waitUntil(lambda: link.filtered_layer._ahead is not None)
    with_the_old = link.filtered_layer._ahead[1]
    link.session.display.low_pass_angstrom = 50
    link.navigation.step(1)
    qtbot.waitUntil(lambda: shown_on(viewer, "m2"))
    (layer,) = find_layers(viewer.layers, "display", "m2")
    assert layer.data is not with_the_old.pixels


def test_contrast_and_size_of_pictures_are_the_users_and_the_filter_is_not() -> None:
    first, second = ViewerModel(), ViewerModel()
    display = session_of(first).display
    assert display.filtered
    display.filtered, display.low_pass_angstrom = False, 35
    display.contrast_percent, display.picture_px = 2.5, 80
    display = session_of(second).display
    assert (display.contrast_percent, display.picture_px) == (2.5, 80)
    assert (display.filtered, display.low_pass_angstrom) == (True, None)  # of other micrographs
    display.contrast_percent, display.picture_px = 1.0, 56


def test_low_pass_follows_the_box_until_one_is_set(qtbot) -> None:
    viewer = ViewerModel()
    add(viewer, "m1")
    link = link_of(viewer)
    session = link.session
    session.box_size_px = 160  # an eighth of it is 20 px, which leaves nothing of 3
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    (layer,) = find_layers(viewer.layers, "display", "m1")
    qtbot.waitUntil(lambda: layer.data.shape == (40, 50))
    session.box_size_px = 100
    qtbot.waitUntil(lambda: layer.data.shape == (60, 75))
    session.display.low_pass_angstrom = 2
    qtbot.waitUntil(lambda: layer.data.shape == (120, 150))
    session.box_size_px = 160
    session.display.low_pass_angstrom = None
    qtbot.waitUntil(lambda: layer.data.shape == (40, 50))


def half_bright(viewer: ViewerModel) -> None:
    """A micrograph whose right half is ten times as contrasty as its left one."""
    image = np.random.default_rng(0).normal(size=(128, 256)).astype(np.float32)
    image[:, 128:] *= 10.0
    add(viewer, "m1", image)


def test_contrast_of_what_is_seen_stays_with_its_micrograph(qtbot) -> None:
    viewer = ViewerModel()
    half_bright(viewer)
    link = link_of(viewer)
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    (layer,) = find_layers(viewer.layers, "display", "m1")
    of_whole = np.ptp(layer.contrast_limits)
    height, width = layer.data.shape
    layer.corner_pixels = np.array([[0, 0], [height - 1, width // 2 - 1]])  # as it is drawn
    link.filtered_layer.take_contrast_of_seen()
    of_left = tuple(layer.contrast_limits)
    assert np.ptp(of_left) < 0.3 * of_whole
    add(viewer, "m2")
    qtbot.waitUntil(lambda: shown_on(viewer, "m2"))
    assert tuple(layer.contrast_limits) != of_left
    link.session.current = "m1"
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    assert tuple(layer.contrast_limits) == pytest.approx(of_left)
    link.filtered_layer.forget_contrast()
    assert np.ptp(layer.contrast_limits) == pytest.approx(of_whole)


def test_contrast_of_a_session_that_is_none_is_passed_over(qtbot) -> None:
    viewer = ViewerModel()
    link_of(viewer).session.display.contrast = {"m1": (5.0, 1.0), "m2": (1.0, 1.0)}
    for name in ("m1", "m2"):
        add(viewer, name)
        qtbot.waitUntil(lambda name=name: shown_on(viewer, name))
        (layer,) = find_layers(viewer.layers, "display", name)
        black, white = layer.contrast_limits
        assert layer.data.min() < black < white < layer.data.max()


def test_contrast_that_is_set_in_napari_is_kept(qtbot) -> None:
    viewer = ViewerModel()
    add(viewer, "m1")
    link = link_of(viewer)
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    (layer,) = find_layers(viewer.layers, "display", "m1")
    assert not link.session.display.contrast
    layer.contrast_limits = (-0.25, 0.5)
    add(viewer, "m2")
    qtbot.waitUntil(lambda: shown_on(viewer, "m2"))
    link.session.current = "m1"
    qtbot.waitUntil(lambda: shown_on(viewer, "m1"))
    assert tuple(layer.contrast_limits) == pytest.approx((-0.25, 0.5))
    link.session.display.contrast_percent = 2.0  # another wish
    assert not link.session.display.contrast
    link.session.display.contrast_percent = 1.0


def test_contrast_of_the_raw_picture_is_of_what_is_seen_too() -> None:
    viewer = ViewerModel()
    half_bright(viewer)
    link = link_of(viewer)
    link.session.display.filtered = False
    image = link.image_of("m1")
    image.corner_pixels = np.array([[0, 0], [127, 100]])
    link.filtered_layer.take_contrast_of_seen()
    assert np.ptp(image.contrast_limits) < 6.0  # of 10 sigmas and more


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
