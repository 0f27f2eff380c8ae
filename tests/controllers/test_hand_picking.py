"""Picks by hand, with a mouse and keys on a viewer without a window."""

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager

from mouse import Mouse
from napari_deepem.controllers.hand_picking import NONE_HERE
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import NO_LABELS, Labels
from napari_deepem.layers.tags import find_layer
from scored_viewer import score_current, viewer

__all__ = ["viewer"]
pytestmark = pytest.mark.usefixtures("qapp")

A, B = (10.0, 10.0), (40.0, 60.0)  # what the network has, in boxes of 20
FREE = (20.0, 40.0)


@pytest.fixture
def mouse(viewer: ViewerModel) -> Mouse:
    """The mouse with the tool for picks, on m2, which is scored."""
    score_current(viewer)
    assert link_of(viewer).mouse_tools.use("picks")
    return Mouse(viewer)


def press(viewer: ViewerModel, name: str, place: tuple[float, float] | None = None) -> str:
    """What the status line says after a key, with the cursor at a place."""
    if place is not None:
        image = link_of(viewer).image_of(link_of(viewer).session.current)
        viewer.cursor.position = image.data_to_world(place)
    viewer.status = ""
    action_manager._actions[f"napari-deepem:{name}"].command(viewer)
    return viewer.status


def shown(viewer: ViewerModel) -> tuple[list, list]:
    """The network's picks and those by hand, as they are drawn; the session has the same."""
    layers = [find_layer(viewer.layers, role) for role in ("picks", "hand")]
    drawn = [
        [tuple(yx) for yx in np.round(layer.data, 6).tolist()]
        if layer is not None and layer.visible
        else []
        for layer in layers
    ]
    picks = link_of(viewer).session.picks
    all_picks = [] if picks is None else [tuple(yx) for yx in picks.centres_yx.tolist()]
    assert [*drawn[0], *drawn[1]] == all_picks
    return drawn[0], drawn[1]


def test_click_adds_drag_moves_and_shift_removes(viewer: ViewerModel, mouse: Mouse) -> None:
    assert shown(viewer) == ([A, B], [])
    mouse.drag(FREE)
    assert shown(viewer) == ([A, B], [FREE])
    assert viewer.status == "Added a pick by hand: 3 picks here, 2 by the network, 1 by hand"
    mouse.drag((-9.0, 40.0))  # off the micrograph
    mouse.drag((11.0, 12.0))  # on a pick already
    assert shown(viewer) == ([A, B], [FREE])
    assert viewer.status == "A pick by the network, score 0.900"
    mouse.drag((11.0, 11.0), (11.0, 20.0), (14.0, 31.0))
    assert shown(viewer) == ([B], [FREE, (13.0, 30.0)])
    mouse.drag((40.0, 60.0), (70.0, 95.0))
    assert shown(viewer)[1][-1] == (59.0, 89.0)  # at the border
    mouse.drag((21.0, 44.0), (14.0, 31.0), modifiers=("Shift",))
    assert shown(viewer) == ([], [(59.0, 89.0)])
    for state in (
        ([], [FREE, (13.0, 30.0), (59.0, 89.0)]),
        ([B], [FREE, (13.0, 30.0)]),
        ([A, B], [FREE]),
        ([A, B], []),
    ):
        press(viewer, "undo_labels")
        assert shown(viewer) == state
    for _ in range(4):
        press(viewer, "redo_labels")
    assert shown(viewer) == ([], [(59.0, 89.0)])


def test_key_removes_the_pick_under_the_cursor_with_any_tool(viewer: ViewerModel) -> None:
    score_current(viewer)
    assert press(viewer, "remove_pick", (25.0, 25.0)) == NONE_HERE
    for tool in ("positive", "erase"):
        link_of(viewer).mouse_tools.use(tool)
        assert press(viewer, "remove_pick", (45.0, 55.0)).startswith("Removed a pick: 1 pick")
        assert shown(viewer) == ([A], [])
        press(viewer, "undo_labels")
    assert shown(viewer) == ([A, B], [])


def test_hand_is_seen_while_it_drags_and_gives_way_to_what_comes_meanwhile(
    viewer: ViewerModel, mouse: Mouse
) -> None:
    session = link_of(viewer).session
    mouse.press(A)
    mouse.move((10.0, 20.0))
    mouse.move(FREE)
    assert find_layer(viewer.layers, "hand").data.tolist() == [list(FREE)]
    assert find_layer(viewer.layers, "picks").data.tolist() == [list(B)]
    session.threshold = 0.8  # by a slider, or a job
    mouse.move((30.0, 30.0))
    mouse.release((30.0, 30.0))
    assert shown(viewer) == ([A], [])
    assert session.verdicts.get("m2", NO_LABELS) is NO_LABELS


def test_threshold_and_micrographs_come_and_go_and_picks_by_hand_stay(
    viewer: ViewerModel, mouse: Mouse
) -> None:
    session = link_of(viewer).session
    mouse.drag(FREE)
    session.threshold = 0.95
    assert shown(viewer) == ([], [FREE])
    session.current = "m1"  # which no network has scored
    assert shown(viewer) == ([], [])
    assert link_of(viewer).mouse_tools.current_tool() == "picks"
    mouse.drag((30.0, 30.0))
    assert shown(viewer) == ([], [(30.0, 30.0)])
    session.current = "m2"
    session.threshold = 0.5
    assert shown(viewer) == ([A, B], [FREE])


def test_particle_that_is_labelled_and_missed_is_drawn_as_a_pick_by_hand(
    viewer: ViewerModel, mouse: Mouse
) -> None:
    session = link_of(viewer).session
    session.labels = {**session.labels, "m2": Labels.of([FREE, A], [B])}
    assert shown(viewer) == ([A], [FREE])


def test_picks_by_hand_follow_their_micrograph_through_the_world(
    viewer: ViewerModel, mouse: Mouse
) -> None:
    mouse.drag(FREE)
    link_of(viewer).image_of("m2").translate = (100.0, 200.0)
    layer = find_layer(viewer.layers, "hand")
    np.testing.assert_allclose(layer.data_to_world(FREE), (140.0, 280.0))  # 2 A/px
