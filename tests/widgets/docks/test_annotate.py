"""The Annotate dock on a viewer without a window."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.layers.tags import find_layers
from napari_deepem.widgets.docks.annotate import Annotate

pytestmark = pytest.mark.usefixtures("qapp")


def test_annotate_counts_here_and_everywhere(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)
    link.start_labelling("positive").add([[1.0, 1.0], [5.0, 5.0]])
    dock.micrograph.value = "m1"
    dock.tools["positive"].native.click()
    viewer.layers.selection.active.add([[2.0, 2.0]])
    dock.tools["negative"].native.click()
    viewer.layers.selection.active.add([[3.0, 3.0]])
    assert (
        dock.counts.value
        == "1 particle, 1 non-particle here; 3 particles, 1 non-particle on 2 micrographs"
    )


def test_box_size_is_shown_in_angstrom_too(viewer: ViewerModel) -> None:
    dock = Annotate(viewer)
    dock.box_size.value = 40
    assert session_of(viewer).box_size_px == 40
    assert dock.in_angstrom.value == "= 80 Å"


def test_labels_outside_are_said(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)
    link.start_labelling("positive").add([[1.0, 1.0], [1.0, 500.0]])
    assert dock.counts.value == (
        "1 particle, 0 non-particles here; 1 label outside the image not counted"
    )
    dock.micrograph.value = "m1"
    assert "outside" not in dock.counts.value
    link.start_labelling("negative").add([[-9.0, 1.0]])  # alone
    assert dock.counts.value.endswith("1 label outside the image not counted")


def test_own_points_are_used_only_where_some_are_chosen(viewer: ViewerModel) -> None:
    dock = Annotate(viewer)
    assert not dock.use_positive.enabled
    points = viewer.add_points([[20.0, 40.0]], name="mine")
    dock.points.value = None
    assert not dock.use_positive.enabled
    assert not dock.use_negative.enabled
    dock.points.value = points
    assert dock.use_positive.enabled
    dock.use_positive.native.click()
    assert dock.counts.value.startswith("1 particle, ")
    assert not dock.use_positive.enabled


def test_tools_are_shown_as_they_are_in_use(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)

    def down() -> list[str]:
        return [tool for tool, button in dock.tools.items() if button.native.isChecked()]

    dock.tools["positive"].native.click()
    assert down() == ["positive"]
    dock.tools["erase"].native.click()
    assert down() == ["erase"]
    assert viewer.layers.selection.active.mode == "pan_zoom"
    link.session.current = "m1"
    assert down() == ["erase"]  # goes along
    dock.tools["erase"].native.click()
    assert down() == []
    dock.tools["negative"].native.click()
    viewer.layers.selection.active.mode = "select"  # napari's own button
    assert down() == []
    dock.tools["lasso"].native.click()
    viewer.layers.selection.active.mode = "add"
    assert down() == ["negative"]


def test_keys_are_listed_by_napari_and_shown_where_they_were_changed(viewer: ViewerModel) -> None:
    dock = Annotate(viewer)
    assert action_manager._actions["napari-deepem:erase_labels"].keymapprovider is ViewerModel
    assert dock.tools["erase"].tooltip.endswith("Key: E.")
    kept = action_manager.unbind_shortcut("napari-deepem:erase_labels")
    try:
        assert "Key:" not in dock.tools["erase"].tooltip
        action_manager.bind_shortcut("napari-deepem:erase_labels", "J")
        assert dock.tools["erase"].tooltip.endswith("Key: J.")
    finally:
        action_manager.unbind_shortcut("napari-deepem:erase_labels")
        for key in kept:
            action_manager.bind_shortcut("napari-deepem:erase_labels", key)


def test_filtered_picture_follows_the_micrograph_and_changes_no_data(
    viewer: ViewerModel, qtbot
) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    for name in ("m1", "m2"):
        viewer.layers[name].data = np.random.default_rng(0).normal(size=(240, 300))
    before = dict(session.micrographs)

    def shown_on(name: str) -> bool:
        return bool(find_layers(viewer.layers, "display", name))

    session.display.low_pass_angstrom = 4  # nothing is binned
    dock.display.filtered.value = True
    qtbot.waitUntil(lambda: shown_on("m2"))
    layer = viewer.layers["Filtered"]
    low, high = layer.contrast_limits
    dock.display.contrast.value = 5.0
    assert np.diff(layer.contrast_limits)[0] < 0.9 * (high - low)
    viewer.layers["m2"].translate = (70.0, -30.0)
    np.testing.assert_allclose(layer.extent.world[0], viewer.layers["m2"].extent.world[0])
    width = layer.data.shape[1]
    dock.display.low_pass.value = 60
    qtbot.waitUntil(lambda: layer.data.shape[1] < width)
    dock.micrograph.value = "m1"
    assert not shown_on("m2")
    qtbot.waitUntil(lambda: shown_on("m1"))
    assert session.micrographs == before
    assert [name for name in before if session.micrographs[name] is not before[name]] == []
    dock.display.filtered.value = False
    assert "Filtered" not in viewer.layers
    assert session.current == "m1"
