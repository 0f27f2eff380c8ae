"""Mouse and keys on the canvas of a real window, and what they do to a series."""

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from hand import SHIFT, Hand, wait_until_drawn
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Labels, Micrograph
from napari_deepem.io.images import write_image
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layer


@pytest.fixture
def viewer(make_napari_viewer, qtbot):
    """Two micrographs of 600 x 600 px, boxes of 60; m2 is shown."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(np.zeros((600, 600)), name, 2.0))
        viewer.add_image(data, **arguments)
    link_of(viewer).session.box_size_px = 60
    viewer.reset_view()
    wait_until_drawn(viewer, qtbot)
    return viewer


def test_labels_are_made_moved_erased_and_brought_back_by_hand(viewer, qtbot) -> None:
    hand, link = Hand(viewer, qtbot), link_of(viewer)
    session, camera = link.session, viewer.scene.camera.center

    def labels() -> tuple[list, list]:
        now = session.labels_of(session.current)
        return np.round(now.positive_yx, -1).tolist(), np.round(now.negative_yx, -1).tolist()

    # add: a click does, unless it is on a label; outside of the micrograph nothing is
    hand.key(Qt.Key.Key_G)
    hand.drag((100, 100))
    hand.drag((104, 97))
    hand.drag((150, 100))  # boxes may overlap
    hand.drag((-30, 100))
    assert labels() == ([[100, 100], [150, 100]], [])
    hand.key(Qt.Key.Key_B)
    hand.drag((300, 300))
    assert labels() == ([[100, 100], [150, 100]], [[300, 300]])

    # move: either kind, whichever is being added; the camera stays
    hand.drag((150, 105), (200, 200), (200, 305))
    assert labels() == ([[100, 100], [200, 300]], [[300, 300]])
    hand.drag((300, 300), (500, 700))
    assert labels()[1] == [[500, 600]]  # at the border
    np.testing.assert_allclose(viewer.scene.camera.center, camera)
    hand.undo()
    hand.undo()
    assert labels() == ([[100, 100], [150, 100]], [[300, 300]])

    # erase: with Shift, by a click within the square, by a stroke; one stroke is one step
    hand.drag((300, 325), modifier=SHIFT)
    assert labels()[1] == []
    hand.undo()
    hand.key(Qt.Key.Key_E)
    assert link.mouse_tools.current_tool() == "erase"
    hand.drag((60, 100), (100, 100), (150, 100), (300, 300), (350, 350))
    assert labels() == ([], [])
    hand.undo()
    assert labels() == ([[100, 100], [150, 100]], [[300, 300]])
    hand.redo()
    assert labels() == ([], [])
    hand.undo()

    # cut out: what has its middle in the outline, of both kinds
    hand.key(Qt.Key.Key_L)
    layers = list(viewer.layers)
    hand.drag((120, 60), (120, 360), (360, 360), (360, 60), (130, 60))
    assert labels() == ([[100, 100]], [])
    assert list(viewer.layers) == layers
    np.testing.assert_allclose(viewer.scene.camera.center, camera)
    hand.undo()

    # undo goes to where it was; the tool comes along
    session.current = "m1"
    assert link.mouse_tools.current_tool() == "lasso"
    hand.key(Qt.Key.Key_L)
    assert link.mouse_tools.current_tool() is None
    hand.undo()  # of the last click on m2
    assert session.current == "m2"
    assert labels() == ([[100, 100], [150, 100]], [])

    # without a tool the mouse moves the camera alone
    hand.drag((100, 100), (300, 300), (400, 400))
    assert labels() == ([[100, 100], [150, 100]], [])
    assert np.abs(np.subtract(viewer.scene.camera.center, camera)).max() > 100

    # a filtered picture is taken for nothing else
    session.micrographs = {
        **session.micrographs,
        "m2": Micrograph(np.random.default_rng(0).normal(size=(600, 600)), "m2", 2.0),
    }
    hand.key(Qt.Key.Key_F)
    assert "Filtered" not in viewer.layers
    hand.key(Qt.Key.Key_F)
    qtbot.waitUntil(lambda: "Filtered" in viewer.layers)
    assert list(session.micrographs) == ["m1", "m2"]


def test_copied_layer_brings_nothing_back(viewer, qtbot) -> None:
    hand, link = Hand(viewer, qtbot), link_of(viewer)
    session = link.session
    session.labels = {**session.labels, "m2": Labels.of([(100, 100), (300, 300)])}
    layer = viewer.layers["m2 particles"]
    viewer.add_layer(layer.__class__(layer.data, metadata=dict(layer.metadata), scale=layer.scale))
    link.mouse_tools.use("erase")
    hand.drag((100, 100))
    assert session.labels_of("m2").positive_yx.tolist() == [[300, 300]]


def test_undo_and_tools_go_along_a_series(tmp_path: Path, qtbot) -> None:
    viewer = ViewerModel()
    link, files = link_of(viewer), {name: tmp_path / f"{name}.mrc" for name in ("a", "b", "c")}
    for path in files.values():
        write_image(path, np.random.default_rng(0).normal(size=(60, 90)), 2.0)
    session = link.session
    session.files, session.current = files, "a"

    def shown(name: str) -> bool:
        return list(session.micrographs) == [name] and session.current == name

    def labels_of(name: str) -> list:
        layer = find_layer(viewer.layers, "positive", name)
        return [] if layer is None else layer.data.tolist()

    qtbot.waitUntil(lambda: shown("a"))
    link.mouse_tools.use("positive")
    viewer.layers.selection.active.add([[10.0, 20.0]])
    viewer.layers.selection.active.add([[30.0, 40.0]])
    session.current = "b"
    qtbot.waitUntil(lambda: shown("b"))
    assert link.mouse_tools.current_tool() == "positive"  # goes on there
    viewer.layers.selection.active.add([[50.0, 60.0]])
    link.mouse_tools.use("erase")
    session.current = "c"
    qtbot.waitUntil(lambda: shown("c"))
    assert link.mouse_tools.current_tool() == "erase"
    assert session.edits.undo() == "b"
    qtbot.waitUntil(lambda: shown("b"))
    assert labels_of("b") == []
    assert session.edits.undo() == "a"
    qtbot.waitUntil(lambda: labels_of("a") == [[10, 20]])
    assert shown("a")
    assert session.edits.redo() == "a"
    assert labels_of("a") == [[10, 20], [30, 40]]
    assert session.edits.redo() == "b"
    qtbot.waitUntil(lambda: labels_of("b") == [[50, 60]])
    assert {name: len(labels.positive_yx) for name, labels in session.labelled().items()} == {
        "a": 2,
        "b": 1,
    }


def test_clicks_beside_a_label_add_others_however_large_the_box(viewer, qtbot) -> None:
    """E.8: particles of 36 px side by side, in boxes of 128; some are seen from near, or far."""
    hand, link = Hand(viewer, qtbot), link_of(viewer)
    link.session.box_size_px = 128
    places = [
        (200 + 26 * row, 200 + 26 * (row % 2) + 52 * col) for row in range(6) for col in (0, 1, 2)
    ]
    hand.key(Qt.Key.Key_G)
    fitting = viewer.scene.camera.zoom
    for number, place in enumerate(places):
        if number % 6 == 0:
            viewer.scene.camera.zoom = fitting * (1.0, 0.5, 1.3)[number // 6]
            wait_until_drawn(viewer, qtbot)
        hand.drag(place)
    marked_yx = link.session.labels_of("m2").positive_yx
    np.testing.assert_allclose(marked_yx, places, atol=2)

    # on its middle a label is taken hold of, at any zoom
    hand.drag(places[7], (40, 40), (50, 60))
    hand.drag(places[0])
    marked_yx = link.session.labels_of("m2").positive_yx
    np.testing.assert_allclose(marked_yx[7], (50, 60), atol=3)
    assert len(marked_yx) == len(places)
