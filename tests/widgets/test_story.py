"""What a structural biologist does, in a real window."""

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget

from hand import wait_until_drawn
from napari_deepem.controllers.box_cursor import OUTLINE, SHADE
from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.types import Micrograph
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.layers.micrographs import image_layer_data
from quick_recipes import shorten_recipes

PLUGIN = "napari-deepem"
pytestmark = pytest.mark.usefixtures("_plugins")


def open_dock(viewer, qtbot, name: str):
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    if viewer.window._qt_window.isVisible():
        qtbot.waitUntil(dock.native.isVisible)  # it has its place among the tabs, in front
    return dock


def click(viewer, qtbot, row: float, col: float) -> None:
    """Click on a pixel of the current micrograph, with the mouse."""
    canvas = viewer.window._qt_viewer.canvas
    image = viewer.layers[session_of(viewer).current]
    y, x = canvas_position(canvas, image.data_to_world((row, col)))
    qtbot.mouseMove(canvas.native, QPoint(round(x), round(y)))
    qtbot.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))


def canvas_position(canvas, world_yx) -> tuple[float, float]:
    """Where on the canvas, in its pixels, a point of the world is drawn."""
    transform = canvas.view.scene.transform
    x, y = transform.map([world_yx[1], world_yx[0]])[:2]
    return y, x


def test_from_sample_to_file(
    make_napari_viewer, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_recipes(monkeypatch, batches_per_epoch=12, batch_size=32)
    viewer = make_napari_viewer(show=True)
    annotate = open_dock(viewer, qtbot, "Annotate")
    viewer.open_sample(PLUGIN, "klh_labelled")
    session = session_of(viewer)
    assert session.opening.running  # E.9: the menu closes, and the window goes on
    assert len(session.micrographs) == 1
    qtbot.waitUntil(lambda: not session.opening.running)
    first, _, third = session.micrographs
    assert session.current == first
    assert len(session.labels) >= 2
    assert annotate.box_size.value == SAMPLE_BOX_PX

    # annotate: a click on the canvas is a label in original pixels
    annotate.micrograph.value = third
    annotate.tools["negative"].native.click()
    viewer.reset_view()
    wait_until_drawn(viewer, qtbot)
    click(viewer, qtbot, 500, 300)
    qtbot.waitUntil(lambda: len(session.labels_of(third).negative_yx) == 1)
    np.testing.assert_allclose(session.labels_of(third).negative_yx, [[500, 300]], atol=3)
    assert "0 particles, 1 non-particle here" in annotate.counts.value

    # train
    train = open_dock(viewer, qtbot, "Train")
    train.start.value, train.binning.value, train.epochs.value = "chance", 4, "2"
    assert viewer.layers.selection.active.mode == "add"
    train.train.native.click()
    assert viewer.layers.selection.active.mode == "pan_zoom"
    assert train.stop.enabled
    assert not train.train.enabled
    qtbot.waitUntil(lambda: not session.training.running)
    assert session.model is not None, session.training.message
    assert [epoch.epoch for epoch in session.history] == [1, 2]
    assert "F2 threshold" in train.summary.value

    # pick
    pick = open_dock(viewer, qtbot, "Pick")
    pick.score.native.click()
    qtbot.waitUntil(lambda: session.picks is not None)
    assert viewer.layers["Score map"].visible
    pick.std_range.value = (pick.std_range.min, pick.std_range.max)
    pick.by_score.slider.value = 0.0
    everything = len(viewer.layers["Picks"].data)
    pick.by_score.slider.value = 0.5
    layer = viewer.layers["Picks"]
    assert 0 < len(layer.data) < everything
    assert pick.pick_counts.value.startswith(f"{len(layer.data)} picks here")

    # export
    export = open_dock(viewer, qtbot, "Export")
    export.destination.value = tmp_path
    export.save.native.click()
    qtbot.waitUntil(lambda: export.status.value.startswith("Wrote"))
    written = read_coordinates(tmp_path / f"{third}.star")
    np.testing.assert_allclose(written.centres_yx, layer.data, atol=0.51)
    np.testing.assert_allclose(written.scores, layer.features["score"], atol=1e-5)


def test_cancelled_training_and_closed_docks_lose_nothing(
    make_napari_viewer, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = make_napari_viewer()
    image = np.random.default_rng(0).normal(size=(160, 220)).astype(np.float32)
    data, arguments, _ = image_layer_data(Micrograph(image, "m1", 2.0))
    viewer.add_image(data, **arguments)
    annotate, train = open_dock(viewer, qtbot, "Annotate"), open_dock(viewer, qtbot, "Train")
    session = session_of(viewer)
    session.box_size_px, session.epochs = 24, 500
    session.start, session.recipe = "chance", "deepem2017"
    annotate.tools["positive"].native.click()
    viewer.layers.selection.active.add(np.random.default_rng(1).uniform(20, 140, (12, 2)))

    train.train.native.click()
    qtbot.waitUntil(lambda: len(session.history) >= 2)
    listeners = len(session.events.history)
    with qtbot.waitSignal(train.native.destroyed):
        viewer.window.remove_dock_widget(train.native)
    assert len(session.events.history) < listeners
    epoch_count = len(session.history)  # training goes on without its dock
    qtbot.waitUntil(lambda: len(session.history) > epoch_count)
    train = open_dock(viewer, qtbot, "Train")
    assert train.status.value.startswith("Epoch ")
    train.discard.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert session.model is None
    assert "Discarded" in train.status.value
    assert train.train.enabled

    # an error of torch is shown, and the window goes on
    def broken(*_, **__):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        yield

    monkeypatch.setattr("napari_deepem.core.training.train.train_fields", broken)
    train.train.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert "cannot be multiplied" in train.status.value
    assert train.train.enabled


def test_drawn_square_is_as_wide_as_the_box(make_napari_viewer, qtbot) -> None:
    viewer = make_napari_viewer(show=True)
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((300, 420)), "m1", 2.5))
    viewer.add_image(data, **arguments)
    annotate = open_dock(viewer, qtbot, "Annotate")
    annotate.box_size.value = 100
    annotate.tools["positive"].native.click()
    layer = viewer.layers.selection.active
    layer.add([[140.0, 210.0]])
    layer.selected_data = set()
    layer.border_width, layer.mode = 0.01, "pan_zoom"
    viewer.reset_view()
    wait_until_drawn(viewer, qtbot)
    canvas = viewer.window._qt_viewer.canvas
    picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    green = (picture[..., 1] - picture[..., 0]) > 60
    rows, cols = np.flatnonzero(green.any(axis=1)), np.flatnonzero(green.any(axis=0))
    top, left = canvas_position(canvas, layer.data_to_world((0, 0)))
    bottom, _ = canvas_position(canvas, layer.data_to_world((300, 420)))
    per_px = (bottom - top) / 300
    assert (rows[-1] - rows[0]) / per_px == pytest.approx(100, abs=3)
    assert (cols[-1] - cols[0]) / per_px == pytest.approx(100, abs=3)
    assert ((rows[-1] + rows[0]) / 2 - top) / per_px == pytest.approx(140, abs=1.5)
    assert ((cols[-1] + cols[0]) / 2 - left) / per_px == pytest.approx(210, abs=1.5)
    qtbot.mouseMove(canvas.native, QPoint(300, 200))
    annotate.tools["positive"].native.click()
    outline = viewer.window._qt_window.findChild(QWidget, OUTLINE)
    qtbot.waitUntil(outline.isVisible)  # what follows the mouse is as large
    assert (outline.width() - 2 * SHADE) / per_px == pytest.approx(100, abs=3)
    assert (outline.height() - 2 * SHADE) / per_px == pytest.approx(100, abs=3)
