"""Labels go one way: tools write the session, layers show it; napari's own edits are read back."""

from collections.abc import Callable

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Points
from napari.layers.base import ActionType
from napari.utils.notifications import Notification, notification_manager

from mouse import Mouse
from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.core.types import LABEL_KINDS, Labels, Micrograph
from napari_deepem.layers.label_points import count_outside
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layer
from napari_deepem.session.history import same

POSITIVE, NEGATIVE = [(50, 60), (90, 60), (150, 200)], [(60, 300), (180, 300)]
LABELS = Labels.of(POSITIVE, NEGATIVE)
ADDED = [(10, 10), (20, 20)]
BEFORE = (ActionType.ADDING, ActionType.CHANGING, ActionType.REMOVING)


@pytest.fixture
def viewer() -> ViewerModel:
    """Two micrographs of 240 x 400 px, m2 with five labels in boxes of 24 px; m2 is shown."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(np.zeros((240, 400)), name, 2.0))
        viewer.add_image(data, **arguments)
    session = link_of(viewer).session
    session.box_size_px = 24
    session.labels = {"m2": LABELS}
    session.edits.clear()
    return viewer


@pytest.fixture
def notices(qapp) -> list[Notification]:
    """What napari is asked to tell the user, from now on."""
    notification_manager.records.clear()
    return notification_manager.records


def layer_of(viewer: ViewerModel, kind: str = "positive", name: str = "m2") -> Points:
    return find_layer(viewer.layers, kind, name)


def assert_layers_show(viewer: ViewerModel, labels: Labels) -> None:
    for kind in LABEL_KINDS:
        np.testing.assert_array_equal(layer_of(viewer, kind).data, getattr(labels, f"{kind}_yx"))


class Counts:
    """What is told of labels on m2, from now on."""

    def __init__(self, link: ViewerLink) -> None:
        self._session = link.session
        self.labels = self.saves = self.layer_builds = 0
        link.session.events.labels.connect(self._on_labels)
        link.session.events.connect(self._on_any)  # as the autosave does
        for kind in LABEL_KINDS:
            layer_of(link.viewer, kind).events.data.connect(self._on_data)

    def _on_labels(self) -> None:
        self.labels += 1

    def _on_any(self) -> None:
        self.saves += 1

    def _on_data(self, event) -> None:
        self.layer_builds += event.action not in BEFORE

    def told(self) -> tuple[int, int, int]:
        """Events of labels, what starts the autosave, and steps that can be undone."""
        told, steps, edits = (self.labels, self.saves), 0, self._session.edits
        while edits.undo():
            steps += 1
        for _ in range(steps):
            edits.redo()
        return (*told, steps)


GESTURES = {
    # a tool, what is done with it, how often a layer is built meanwhile, and what is left
    "add": ("positive", [(120, 120)], 1, Labels.of([*POSITIVE, (120, 120)], NEGATIVE)),
    "move": (
        "negative",
        [(50, 60), (40, 80), (30, 100)],
        2,
        Labels.of([(30, 100), *POSITIVE[1:]], NEGATIVE),
    ),
    "erase": (
        "erase",
        [(50, 40), (50, 60), (90, 60), (60, 300)],
        3,
        Labels.of(POSITIVE[2:], NEGATIVE[1:]),
    ),
    "lasso": (
        "lasso",
        [(100, 40), (40, 40), (40, 350), (100, 350)],
        2,
        Labels.of(POSITIVE[2:], NEGATIVE[1:]),
    ),
    "Shift": ("positive", [(152, 198)], 1, Labels.of(POSITIVE[:2], NEGATIVE)),
}


@pytest.mark.parametrize("gesture", GESTURES)
def test_stroke_of_the_mouse_is_one_change_of_the_session(viewer, gesture: str) -> None:
    tool, places, builds, expected = GESTURES[gesture]
    link = link_of(viewer)
    assert link.mouse_tools.use(tool)
    counts = Counts(link)
    Mouse(viewer).drag(*places, modifiers=("Shift",) if gesture == "Shift" else ())
    assert counts.layer_builds == builds
    assert counts.told() == (1, 1, 1)
    assert same(link.session.labels["m2"], expected)
    assert_layers_show(viewer, expected)
    link.session.edits.undo()
    assert_layers_show(viewer, LABELS)


@pytest.mark.parametrize(
    ("tool", "places"),
    [
        ("positive", [(50, 60), (51, 61)]),  # hardly moved
        ("positive", [(120, 120), (180, 180)]),  # moves the camera
        ("positive", [(-30, 120)]),  # outside
        ("erase", [(120, 120), (180, 180)]),
        ("lasso", [(120, 120), (125, 180), (130, 120)]),
        ("lasso", [(50, 60)]),
    ],
)
def test_stroke_that_changes_nothing_tells_nothing(viewer, tool, places) -> None:
    link = link_of(viewer)
    link.mouse_tools.use(tool)
    counts = Counts(link)
    Mouse(viewer).drag(*places)
    assert counts.layer_builds == 0
    assert counts.told() == (0, 0, 0)


def test_clicked_label_is_the_selected_one_for_a_key_that_deletes(viewer) -> None:
    link = link_of(viewer)
    link.mouse_tools.use("negative")
    Mouse(viewer).drag((120, 120))
    assert layer_of(viewer, "negative").selected_data == {2}
    layer_of(viewer, "negative").remove_selected()
    assert_layers_show(viewer, LABELS)
    assert same(link.session.labels["m2"], LABELS)


@pytest.mark.parametrize("tool", ["positive", "erase"])  # to move, and to erase
def test_what_changes_labels_in_the_middle_of_a_stroke_wins(viewer, tool: str) -> None:
    link, mouse = link_of(viewer), Mouse(viewer)
    link.mouse_tools.use(tool)
    mouse.press((50, 60))
    mouse.move((30, 100))
    drawn = Labels.of(LABELS.positive_yx, [*LABELS.negative_yx, (5, 5)])
    link.session.labels = {"m2": drawn}  # by a job
    mouse.move((30, 120))
    mouse.release((30, 120))
    assert link.session.labels["m2"] is drawn
    assert_layers_show(viewer, drawn)


def test_click_is_added_to_what_came_while_the_button_was_down(viewer) -> None:
    link, mouse = link_of(viewer), Mouse(viewer)
    link.mouse_tools.use("positive")
    mouse.press((120, 120))
    link.session.labels = {"m2": Labels.of(POSITIVE, [*NEGATIVE, (5, 5)])}  # by a job
    mouse.release((120, 120))
    assert_layers_show(viewer, Labels.of([*POSITIVE, (120, 120)], [*NEGATIVE, (5, 5)]))


def test_stroke_ends_with_its_micrograph(viewer) -> None:
    link, mouse = link_of(viewer), Mouse(viewer)
    for tool in ("erase", "positive"):
        link.mouse_tools.use(tool)
        for place in ((50, 60), (120, 120)):
            mouse.press(place)
            link.session.current = "m1"  # by a key
            mouse.release(place)
            link.session.current = "m2"
    assert link.session.labels == {"m2": LABELS}
    assert_layers_show(viewer, LABELS)


def test_stroke_of_another_micrograph_is_not_gone_on_with(viewer) -> None:
    link, mouse = link_of(viewer), Mouse(viewer)
    for places in (((50, 60), (60, 70), (100, 150)), ((120, 120),)):  # a drag, a click
        link.mouse_tools.use("positive")
        mouse.press(places[0])
        for place in places[1:]:
            mouse.move(place)
        link.session.current = "m1"  # by a key
        mouse.release((120, 160))
        link.session.current = "m2"
        assert_layers_show(viewer, LABELS)
        link.mouse_tools.use("positive")
        link.mouse_tools.use(None)
        mouse.drag((120, 120), (150, 150), (180, 180))  # moves the camera
        mouse.drag((120, 120))
    assert link.session.labels == {"m2": LABELS}
    assert_layers_show(viewer, LABELS)
    layer = find_layer(viewer.layers, "positive", "m2")
    layer.selected_data = {2}
    layer.remove_selected()
    expected_yx = LABELS.positive_yx[:2]
    np.testing.assert_array_equal(link.session.labels["m2"].positive_yx, expected_yx)


def test_stroke_ends_where_the_button_is_let_go_whatever_layer_is_active_then(viewer) -> None:
    link, mouse = link_of(viewer), Mouse(viewer)
    link.mouse_tools.use("positive")
    mouse.press((50, 60))
    mouse.move((100, 150))
    viewer.layers.selection.active = link.image_of("m2")
    mouse.release((120, 160))
    moved_yx = [[120.0, 160.0], *LABELS.positive_yx[1:].tolist()]
    viewer.layers.selection.active = find_layer(viewer.layers, "positive", "m2")
    mouse.drag((10, 10), (40, 40))  # moves the camera
    assert link.session.labels["m2"].positive_yx.tolist() == moved_yx
    assert_layers_show(viewer, link.session.labels["m2"])


# napari's own edits


def delete(_viewer: ViewerModel, layer: Points) -> None:
    layer.selected_data = {0, 2}
    layer.remove_selected()


def drag(viewer: ViewerModel, layer: Points) -> None:
    layer.mode = "select"
    mouse = Mouse(viewer)
    mouse.drag((90, 60))  # selects
    mouse.drag((90, 60), (95, 70), (100, 80))


def paste(_viewer: ViewerModel, layer: Points) -> None:
    """As where what was copied is another micrograph's of a series."""
    source = Points(ADDED, ndim=2)
    source.selected_data = {0, 1}
    source._copy_data()
    layer._clipboard = source._clipboard
    layer._paste_data()


def add(_viewer: ViewerModel, layer: Points) -> None:
    layer.add(ADDED)


def set_data(_viewer: ViewerModel, layer: Points) -> None:
    layer.data = ADDED


def clear(_viewer: ViewerModel, layer: Points) -> None:
    layer.data = []


EDITS: dict[Callable[[ViewerModel, Points], None], list[tuple[int, int]]] = {
    delete: POSITIVE[1:2],
    drag: [POSITIVE[0], (100, 80), POSITIVE[2]],
    paste: [*POSITIVE, *ADDED],
    add: [*POSITIVE, *ADDED],
    set_data: ADDED,
    clear: [],
}


@pytest.mark.parametrize("edit", EDITS)
def test_edit_by_napari_itself_reaches_the_session_in_one_step(viewer, edit) -> None:
    link, layer = link_of(viewer), layer_of(viewer)
    viewer.layers.selection.active = layer
    counts = Counts(link)
    edit(viewer, layer)
    expected = Labels.of(EDITS[edit], NEGATIVE)
    assert same(link.session.labels["m2"], expected)
    assert counts.layer_builds <= 1
    assert counts.told() == (1, 1, 1)
    assert_layers_show(viewer, expected)
    link.session.edits.undo()
    assert_layers_show(viewer, LABELS)
    assert same(LABELS, Labels.of(POSITIVE, NEGATIVE))  # napari moves points in place


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("tool", ["positive", "erase", None])
def test_labels_of_a_deleted_layer_stay_and_come_back(viewer, qapp, notices, tool, visible) -> None:
    """C.1: labels are the session's; a layer only shows them."""
    link = link_of(viewer)
    link.mouse_tools.use(tool)
    layer_of(viewer).visible = visible
    counts = Counts(link)
    viewer.layers.remove(layer_of(viewer))
    qapp.processEvents()
    assert counts.told() == (0, 0, 0)
    assert_layers_show(viewer, LABELS)
    assert [notice.message for notice in notices] == [
        "Labels stay where their layer is deleted (3 particles on m2): hide it with its eye, or "
        "erase them with the lasso."
    ]
    link.mouse_tools.use("positive")
    Mouse(viewer).drag((120.0, 120.0), (120.0, 120.0))
    assert_layers_show(viewer, Labels.of([*POSITIVE, (120, 120)], NEGATIVE))
    link.session.edits.undo()
    assert_layers_show(viewer, LABELS)


def test_deleted_layer_comes_back_empty_for_the_next_label_only(viewer, qapp, notices) -> None:
    link = link_of(viewer)
    link.session.labels = {"m2": Labels.of((), NEGATIVE)}
    viewer.layers.remove(layer_of(viewer))
    qapp.processEvents()
    assert layer_of(viewer) is None
    link.session.edits.undo()
    assert_layers_show(viewer, LABELS)
    assert notices == []


def test_layer_deleted_in_the_middle_of_a_drag_does_not_lose_the_stroke(viewer, qapp) -> None:
    """C.1: the stroke goes on in the layer that takes its place."""
    link, mouse = link_of(viewer), Mouse(viewer)
    link.mouse_tools.use("positive")
    mouse.press((50.0, 60.0))
    mouse.move((60.0, 70.0))
    viewer.layers.remove(layer_of(viewer))
    qapp.processEvents()
    mouse.move((70.0, 80.0))
    mouse.release((70.0, 80.0))
    assert_layers_show(viewer, Labels.of([(70, 80), *POSITIVE[1:]], NEGATIVE))
    link.session.edits.undo()
    assert_layers_show(viewer, LABELS)


def test_all_layers_deleted_at_once_leave_no_layer_behind(viewer, qapp, notices) -> None:
    """C.1: a micrograph that is closed takes the layers of its labels along."""
    link = link_of(viewer)
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    qapp.processEvents()
    assert list(viewer.layers) == notices == []
    assert link.session.micrographs == {}
    assert link.session.current is None


def test_tool_that_makes_its_layer_changes_no_labels(viewer) -> None:
    link = link_of(viewer)
    link.session.current = "m1"
    counts = Counts(link)
    link.mouse_tools.use("positive")
    assert layer_of(viewer, "positive", "m1") is not None
    assert counts.told() == (0, 0, 0)
    mouse = Mouse(viewer)
    mouse.drag((20, 20))
    assert counts.told() == (1, 1, 1)


def test_layer_that_comes_with_labels_is_read_once_and_there_is_nothing_to_undo(viewer) -> None:
    link = link_of(viewer)
    layer = layer_of(viewer)
    counts = Counts(link)
    viewer.add_layer(
        Points([(1.0, 2.0)], metadata={**layer.metadata}, scale=layer.scale, units=layer.units)
    )
    assert counts.told() == (1, 1, 0)
    assert same(link.session.labels["m2"], Labels.of([*POSITIVE, (1, 2)], NEGATIVE))


def test_points_outside_stay_in_sight_until_labels_change(viewer) -> None:
    link = link_of(viewer)
    counts = Counts(link)
    layer_of(viewer).add([(500.0, 500.0)])
    assert counts.told() == (0, 0, 0)
    assert count_outside(viewer.layers, "m2") == link.count_outside() == 1
    link.mouse_tools.use("positive")
    Mouse(viewer).drag((120, 120))
    assert link.count_outside() == 0
    assert len(layer_of(viewer).data) == 4


@pytest.mark.parametrize("tool", ["positive", "erase", "lasso"])
def test_tools_wait_for_the_flat_view_and_say_so(viewer, tool) -> None:
    """E.3"""
    link = link_of(viewer)
    assert link.mouse_tools.use("erase")
    viewer.dims.ndisplay = 3
    Mouse(viewer).drag((50.0, 60.0), (90.0, 60.0))
    assert not link.mouse_tools.use(tool)
    assert "2D view" in viewer.status
    assert same(link.session.labels["m2"], LABELS)
    viewer.dims.ndisplay = 2
    assert link.mouse_tools.use(tool)
