"""The Review dock at work, in a real window and without one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QScrollArea

from blobs import BOX_PX, blob_micrograph
from hand import wait_until_drawn
from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.train import train
from napari_deepem.core.types import Candidates, Labels, Micrograph, ScoreMap
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.verdict_points import ACCEPTED, REJECTED, SELECTED
from napari_deepem.session import Scored, Session
from napari_deepem.session.box_pictures import around_px
from napari_deepem.session.parameters import Parameters
from napari_deepem.session.review_gallery import gallery, verdicts_on
from napari_deepem.session.suggesting import AT_A_TIME
from napari_deepem.session.training_rounds import Round, gain_of, round_of
from napari_deepem.widgets.docks.dock import WIDTH
from napari_deepem.widgets.docks.gallery_filling import ALL, FAST_MS, SUGGESTED
from napari_deepem.widgets.docks.review import LEAST_PX, Review
from napari_deepem.widgets.plots.training_curves import RoundsPlot
from quick_recipes import shorten_recipes

PLUGIN = "napari-deepem"
pytestmark = pytest.mark.usefixtures("_plugins")


@pytest.fixture
def _quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=6, batch_size=32)
        yield


def canvas_position(viewer: Any, world_yx: Any) -> QPoint:
    transform = viewer.window._qt_viewer.canvas.view.scene.transform
    x, y = transform.map([world_yx[1], world_yx[0]])[:2]
    return QPoint(round(x), round(y))


def squares(viewer: Any) -> dict[str, int]:
    """How many squares of each colour the Review layer has."""
    from napari.utils.colormaps.standardize_color import transform_color

    assert "Review" in viewer.layers
    layer = viewer.layers["Review"]
    assert layer.visible
    return {
        name: int((layer.border_color == transform_color(color)).all(axis=1).sum())
        for name, color in (("yes", ACCEPTED), ("no", REJECTED), ("selected", SELECTED))
        if len(layer.data)
    }


@pytest.mark.usefixtures("_quick_recipe")
def test_picks_are_given_verdicts_and_learnt_from(make_napari_viewer, qtbot) -> None:
    viewer = make_napari_viewer(show=True)
    pairs = [blob_micrograph(seed) for seed in (1, 2, 3)]
    for micrograph, _ in pairs:
        data, arguments, _ = image_layer_data(micrograph)
        viewer.add_image(data, **arguments)
    session = session_of(viewer)
    session.box_size_px = BOX_PX
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Review")
    assert not dock.suggest.enabled
    assert "press Score" in dock._empty.text()
    labels = [Labels.of(centres) for _, centres in pairs[:2]]
    images = [micrograph for micrograph, _ in pairs[:2]]
    session.model = train(images, labels, BOX_PX, epochs=3, labels_complete=False, start="chance")
    dock.link.scoring.score(["blobs_2", "blobs_3"])
    qtbot.waitUntil(lambda: len(session.candidates) == 2)

    # the gallery: pictures of what is in sight come by themselves
    rows = dock.view.rows_in_sight()
    assert len(rows) == len(dock.pictures.gallery) == len(session.picks)
    qtbot.waitUntil(lambda: all(dock.pictures.picture(row) for row in rows))
    assert dock.pictures.picture(0).size().width() == BOX_PX + 2 * around_px(BOX_PX)
    assert list(dock.pictures.gallery.scores) == sorted(session.picks.scores, reverse=True)

    # a click in the gallery goes there
    centre = dock.view.place_of(1).center()
    qtbot.mouseClick(dock.view.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    image = viewer.layers["blobs_3"]
    there = image.data_to_world(dock.pictures.gallery.centres_yx[1])
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], there)
    qtbot.waitUntil(lambda: squares(viewer)["selected"] == 1)

    # and one in the picture selects it in the gallery
    viewer.layers.selection.active = image
    wait_until_drawn(viewer, qtbot)
    other = image.data_to_world(dock.pictures.gallery.centres_yx[3])
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas_position(viewer, other))
    qtbot.waitUntil(lambda: dock.view.selected_rows().tolist() == [3])
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], there)  # it was in sight

    # verdicts by key, one and many; the next one is selected
    shown = dock.pictures.gallery
    qtbot.keyClick(dock.view, Qt.Key.Key_R)
    np.testing.assert_array_equal(session.verdicts["blobs_3"].negative_yx, shown.centres_yx[[3]])
    assert dock.view.selected_rows().tolist() == [4]
    dock.view.select_rows(np.array([0, 2]))
    qtbot.keyClick(dock.view, Qt.Key.Key_A)
    assert dock.pictures.verdicts[:5].tolist() == [1, 0, 1, -1, 0]
    qtbot.waitUntil(lambda: squares(viewer) == {"yes": 2, "no": 1, "selected": 1})
    assert "2 accepted, 1 rejected on 1 micrograph" in dock.counts.value
    qtbot.keyClick(dock.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dock.pictures.verdicts[:5].tolist() == [0, 0, 0, -1, 0]

    # what would teach most
    dock.suggest.native.click()
    qtbot.waitUntil(lambda: dock.scope.value == SUGGESTED)
    assert session.current == dock.pictures.gallery.names[0]
    assert verdicts_on(session, dock.pictures.gallery).tolist() == [0] * AT_A_TIME
    dock.view.selectAll()
    qtbot.keyClick(dock.view, Qt.Key.Key_R)
    taught = len(dock.pictures.gallery)
    assert (dock.pictures.verdicts == -1).all()

    # the next round learns from it, and is scored by itself
    session.epochs = 1
    dock.order.value = "best"
    dock.train_again.native.click()
    assert dock.progress.visible
    qtbot.waitUntil(lambda: not session.training.running)
    assert [each.start for each in session.rounds] == ["anew"], session.training.message
    (last,) = session.rounds
    learnt = session.model.training_set
    assert len(learnt) == last.micrographs == 3
    assert sum(len(item.labels.negative_yx) for item in learnt) == taught + 1
    assert last.ap_before is not None
    qtbot.waitUntil(lambda: session.current in session.candidates)


class Docks:
    """A Review dock without a window, on two scored micrographs of noise."""

    def __init__(self) -> None:
        self.viewer = ViewerModel()
        for name in ("m1", "m2"):
            image = np.random.default_rng(0).normal(size=(90, 120)).astype(np.float32)
            data, arguments, _ = image_layer_data(Micrograph(image, name, 2.0))
            self.viewer.add_image(data, **arguments)
        self.session: Session = session_of(self.viewer)
        self.session.model = SimpleNamespace(
            min_distance_px=None,
            threshold=0.5,
            std_range=(0.0, 9.0),
            box_size_px=24,
            sampling=Sampling(1),
            recipe="modern",
            summary={},
        )
        grid = np.zeros((5, 8), dtype=np.float32)
        score_map = ScoreMap(grid, grid, 0, 1, 24)
        scores = np.array([0.9, 0.7, 0.4])
        centres = np.array([[20.0, 20.0], [20.0, 60.0], [60.0, 60.0]])
        self.session.scored = {
            name: Scored(
                micrograph,
                self.session.model,
                score_map,
                Candidates(centres, scores - 0.01 * at, np.ones(3), 24),
            )
            for at, (name, micrograph) in enumerate(self.session.micrographs.items())
        }
        self.dock = Review(self.viewer)

    def scores(self) -> list[float]:
        return self.dock.pictures.gallery.scores.round(2).tolist()


@pytest.fixture
def docks(qapp) -> Docks:
    return Docks()


def test_gallery_follows_threshold_order_and_micrograph(docks: Docks, qtbot) -> None:
    assert docks.scores() == [0.89, 0.69]
    docks.session.threshold = 0.75
    qtbot.wait(2 * FAST_MS)
    assert docks.scores() == [0.89, 0.69]  # nobody sees it
    qtbot.addWidget(docks.dock.native)
    docks.dock.native.show()
    qtbot.waitUntil(lambda: docks.scores() == [0.89])
    docks.session.threshold = 0.5
    docks.dock.order.value = "doubt"
    assert docks.scores() == [0.39, 0.69, 0.89]
    docks.session.current = "m1"
    assert docks.scores() == [0.4, 0.7, 0.9]


def test_order_is_kept_by_the_session(docks: Docks) -> None:
    """E.13: a dock that is opened again shows what the last one did."""
    docks.dock.order.value = "doubt"
    docks.dock.only_open.value = True
    again = Review(docks.viewer)
    assert (again.order.value, again.only_open.value) == ("doubt", True)
    assert len(again.pictures.gallery) == 3
    assert {"review_order", "review_only_open"} <= Parameters.model_fields.keys()  # saved, too
    docks.session.review_order = "std_high"
    assert docks.dock.order.value == again.order.value == "std_high"


def test_choosing_a_pick_of_another_micrograph_shows_that_one(docks: Docks) -> None:
    shown = docks.dock
    shown.filling._show(review_of_all(docks))
    assert docks.scores() == [0.9, 0.89, 0.7, 0.69]
    shown.view.select_row(0)
    assert docks.session.current == "m1"
    assert docks.viewer.scene.camera.center[-2:] == pytest.approx((40.0, 40.0))  # A: 2 A/px


def review_of_all(docks: Docks) -> Any:
    with docks.dock.scope.changed.blocked():
        docks.dock.scope.value = ALL
    return gallery(docks.session, docks.dock.filling.names, docks.session.review_order)


def test_gallery_that_comes_too_late_is_not_shown(docks: Docks) -> None:
    late = review_of_all(docks)
    docks.dock.scope.value = "this micrograph"
    before = docks.scores()
    docks.dock.filling._on_gallery(late)
    assert docks.scores() == before


def test_verdict_that_is_taken_back_comes_back_to_what_is_open(docks: Docks) -> None:
    docks.dock.only_open.value = True
    before = docks.scores()
    docks.dock.view.select_row(0)
    docks.dock.reject.native.click()
    assert docks.scores() == before[1:]
    docks.session.edits.undo()
    assert docks.scores() == before


def test_pictures_of_another_series_or_model_are_not_kept(docks: Docks) -> None:
    dock, centre_yx = docks.dock, docks.dock.pictures.gallery.centres_yx[:1]
    cut = docks.session.current, centre_yx, np.zeros((1, 8, 8), np.uint8)
    dock.filling._crop_job()
    dock.filling._on_crops(cut)
    assert dock.pictures.picture(0) is not None
    docks.session.files = {"elsewhere": Path("elsewhere.mrc")}
    assert dock.pictures.picture(0) is None
    dock.filling._on_crops(cut)  # too late
    assert dock.pictures.picture(0) is None


def test_candidates_with_verdicts_leave_a_gallery_of_what_is_open(docks: Docks) -> None:
    docks.dock.only_open.value = True
    docks.dock.view.select_row(0)
    docks.dock.reject.native.click()
    assert docks.scores() == [0.69]
    assert docks.dock.view.selected_rows().tolist() == [0]
    docks.dock.only_open.value = False
    docks.dock.view.select_row(0)
    docks.dock.undecide.native.click()
    assert docks.session.with_verdicts() == {}


def test_buttons_say_what_they_wait_for(docks: Docks) -> None:
    dock = docks.dock
    assert not dock.accept.enabled
    docks.session.box_size_px = 24
    assert "no labels and no verdicts" in dock.train_again.tooltip
    docks.session.labels = {"m1": Labels.of([[30.0, 30.0]])}
    assert dock.train_again.tooltip == "Accept or reject some picks first."
    dock.view.select_row(0)
    dock.accept.native.click()
    assert dock.train_again.enabled
    docks.session.box_size_px = 40
    assert "The box is 40 px now, the model's 24 px" in dock.train_again.tooltip


def test_rounds_are_drawn_with_what_each_gained(qapp) -> None:
    plot = RoundsPlot()
    rounds = [
        Round(1, "new", 30, 0, 2, 40, ap=0.8),
        Round(2, "anew", 50, 20, 3, 40, ap=0.9, ap_before=0.7),
    ]
    plot.show(rounds)
    assert plot.widget.plotItem.vb.viewRange()[1][1] > 1.02  # a dot at 1 is seen whole
    assert [list(axis) for axis in plot._after.getData()] == [[1, 2], [0.8, 0.9]]
    assert [list(axis) for axis in plot._before.getData()] == [[1.7], [0.7]]
    assert [list(axis) for axis in plot._gains.getData()] == [[1.7, 2], [0.7, 0.9]]
    assert gain_of(rounds[1]) == (
        "Round 2: 50 particles, 20 non-particles; AP of held-out boxes 0.900, "
        "the model before has 0.700 on the same"
    )
    plot.show([])


def test_rounds_and_reasons_are_seen_without_scrolling_in_a_window_of_800_px(
    docks: Docks, qtbot
) -> None:
    dock = docks.dock
    qtbot.addWidget(dock.native)
    dock.native.resize(WIDTH, 700)  # what is left of 1280 x 800
    docks.session.box_size_px, docks.session.verdicts = 24, {"m1": Labels.of([[20.0, 20.0]])}
    docks.session.rounds = (
        Round(1, "new", 30, 0, 2, 40, ap=0.8, on_border=2),
        Round(2, "anew", 50, 20, 3, 40, ap=0.9, ap_before=0.7, on_border=2),
    )
    with qtbot.waitExposed(dock.native):
        dock.native.show()
    bar = dock.native.findChild(QScrollArea).verticalScrollBar()
    switch = dock.reasons.switch.native
    at_first = switch.mapTo(dock.native, QPoint())
    for is_asked in (False, True):
        dock.reasons.switch.value = is_asked
        qtbot.wait(50)
        assert (bar.maximum(), switch.mapTo(dock.native, QPoint())) == (0, at_first)
        assert dock.rounds.widget.isVisible() != is_asked
        assert dock.view.height() >= LEAST_PX


def test_buttons_stay_where_they_are_when_a_picture_is_selected(docks: Docks, qtbot) -> None:
    dock = docks.dock
    qtbot.addWidget(dock.native)
    dock.native.resize(WIDTH, 700)
    with qtbot.waitExposed(dock.native):
        dock.native.show()
    qtbot.wait(50)
    places = [each.native.mapTo(dock.native, QPoint()) for each in (dock.accept, dock.suggest)]
    dock.view.select_row(0)
    dock.accept.native.click()
    qtbot.wait(50)
    assert dock.counts.value == "1 of 2 selected. 1 accepted, 0 rejected on 1 micrograph."
    after = [each.native.mapTo(dock.native, QPoint()) for each in (dock.accept, dock.suggest)]
    assert after == places


def test_stop_stands_beside_what_trains_again(viewer: ViewerModel) -> None:
    """E.12: and the bar moves with both docks' training."""
    dock, session = Review(viewer), session_of(viewer)
    assert dock.stop.native.isHidden()
    session.training.begin("Training ...", 1000)
    session.training.done = 300
    assert not dock.stop.native.isHidden()
    assert (dock.progress.max, dock.progress.value) == (1000, 300)
    dock.stop.native.click()
    assert "the best so far is kept" in session.training.message


def test_round_tells_how_many_of_the_labelled_particles_it_used() -> None:
    """D.4: those on the border of the held-out part are neither learnt from nor held out."""
    summary = {"trained_on": [{"micrograph": "m1", "particles": 30, "negatives": 2}]}
    summary["held_out"] = [{"micrograph": "m1", "particles": 8, "negatives": 0}]
    model: Any = SimpleNamespace(summary={**summary, "labelled": 39})
    assert gain_of(round_of(model, "new", 1)) == "Round 1: 38 of 39 particles, 2 non-particles"


def test_thousands_are_laid_out_and_only_what_is_in_sight_is_asked_for(docks: Docks) -> None:
    many = 20_000
    centres = np.random.default_rng(0).uniform(0, 90, (many, 2))
    candidates = Candidates(centres, np.linspace(0.99, 0.51, many), np.ones(many), 24)
    docks.session.min_distance_px = 0.0
    docks.session.candidates = {"m2": candidates}
    assert len(docks.dock.pictures.gallery) == many
    in_sight = docks.dock.view.rows_in_sight()
    assert 0 < len(in_sight) < 200
    asked = docks.dock.pictures.missing(in_sight)["m2"]
    np.testing.assert_array_equal(asked[: len(in_sight)], centres[: len(in_sight)])
    assert len(asked) < many
