"""Our layers on the canvas of a real window: removed in any order, and changed while hidden."""

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from hand import Hand, wait_until_drawn
from napari_deepem.controllers.folder_drop import add_dock
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Labels, Micrograph, Picks, ScoreMap
from napari_deepem.layers.clicks import draw_outline, show_outline
from napari_deepem.layers.label_points import COLORS
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.results import hide, show_picks, show_score_map
from napari_deepem.layers.tags import find_layer, micrograph_name_of
from napari_deepem.layers.verdict_points import hide_verdicts, show_verdicts

pytestmark = pytest.mark.usefixtures("_plugins")
NONE_YX = np.empty((0, 2))
MANY_YX = np.stack([np.linspace(50, 500, 9)] * 2, axis=1)


@pytest.fixture
def viewer(make_napari_viewer, qtbot) -> Any:
    """A micrograph of 600 x 600 px, boxes of 60, and the Annotate dock."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    add_micrograph(viewer, "m1")
    add_dock(viewer, "Annotate")
    link_of(viewer).session.box_size_px = 60
    wait_until_drawn(viewer, qtbot)
    return viewer


def add_micrograph(viewer: Any, name: str) -> None:
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((600, 600)), name, 2.0))
    viewer.add_image(data, **arguments)


def verdicts_of(accepted: int, rejected: int, selected: int) -> dict[str, Any]:
    counts = {"accepted_yx": accepted, "rejected_yx": rejected, "selected_yx": selected}
    return {key: MANY_YX[:count] for key, count in counts.items()}


def picks_of(count: int, box_size_px: int = 60) -> Picks:
    return Picks(MANY_YX[:count], np.linspace(0.1, 0.9, count), box_size_px=box_size_px)


def test_layers_that_were_drawn_can_be_deleted(viewer, qtbot) -> None:
    """C.1: what was deleted of the canvas in another context ended its next draw in a crash."""
    hand, session = Hand(viewer, qtbot), link_of(viewer).session
    hand.key(Qt.Key.Key_G)
    for centre in ((100, 100), (300, 300)):
        hand.drag(centre)
    wait_until_drawn(viewer, qtbot)
    viewer.layers.remove(find_layer(viewer.layers, "positive"))
    wait_until_drawn(viewer, qtbot)
    assert len(find_layer(viewer.layers, "positive").data) == 2
    hand.undo()
    assert len(session.labels_of("m1").positive_yx) == 1
    hand.key(Qt.Key.Key_G)
    hand.drag((400, 200))
    wait_until_drawn(viewer, qtbot)

    image = link_of(viewer).image_of("m1")
    grid = np.zeros((5, 8), dtype=np.float32)
    show_picks(viewer, image, picks_of(5)).selected_data = {4}
    show_score_map(viewer, image, ScoreMap(grid, grid, 30.0, 60.0, 60))
    show_verdicts(viewer, image, 60, **verdicts_of(2, 2, 1))
    draw_outline(viewer, show_outline(viewer, image, "m1"), MANY_YX)
    wait_until_drawn(viewer, qtbot)
    for role in ("picks", "scores", "verdicts", "outline"):
        viewer.layers.remove(find_layer(viewer.layers, role))
        wait_until_drawn(viewer, qtbot)
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    add_micrograph(viewer, "m2")
    wait_until_drawn(viewer, qtbot)
    assert {micrograph_name_of(layer) for layer in viewer.layers} == {"m2"}


def test_layers_get_fewer_points_while_they_are_hidden(viewer, qtbot) -> None:
    """E.1: the squares of a micrograph that is being read are hidden, and may be fewer there."""
    link = link_of(viewer)
    image = link.image_of("m1")
    for count in (4, 2, 0, 3, 1):
        show_verdicts(viewer, image, 60, **verdicts_of(count, count, min(1, count)))
        wait_until_drawn(viewer, qtbot)
        hide_verdicts(viewer)
        show_picks(viewer, image, picks_of(count, 60 + count))
        wait_until_drawn(viewer, qtbot)
        hide(find_layer(viewer.layers, "picks"))
    viewer.layers["Picks"].visible = viewer.layers["Review"].visible = True
    wait_until_drawn(viewer, qtbot)
    assert len(viewer.layers["Picks"].data) == 1
    assert len(viewer.layers["Review"].border_color) == 3

    session = link.session
    session.labels = {"m1": Labels.of(MANY_YX, MANY_YX[::2])}
    layer = find_layer(viewer.layers, "positive")
    layer.selected_data = {8}
    layer.visible = False
    session.labels = {"m1": Labels.of(MANY_YX[:2])}
    session.box_size_px = 40
    layer.border_color = COLORS["negative"]  # as a user may
    layer.visible = True
    wait_until_drawn(viewer, qtbot)
    assert layer.size.tolist() == [40, 40]
    session.labels = {"m1": Labels.of(NONE_YX)}
    wait_until_drawn(viewer, qtbot)
