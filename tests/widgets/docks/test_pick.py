"""The Pick dock: its counts and plots, and what is scored from it."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QScrollArea

from learnt_scores import summary_of
from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate
from napari_deepem.core.picking.score_evidence import FittedScores
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session import Scored, Session
from napari_deepem.session.threshold_curves import precision_text
from napari_deepem.widgets.docks.dock import WIDTH
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.threshold_controls import NOT_HELD_OUT, STOPPED
from napari_deepem.widgets.docks.train import Train
from patience import PATIENCE_S
from pretended_scores import pretend_to_score
from scored_viewer import model, score_current

pytestmark = pytest.mark.usefixtures("qapp")

CURVES = {"precision": [0.2, 0.6, 1.0], "recall": [1.0, 0.8, 0.0], "f2": [0.6, 0.8, 0.0]}


def open_dock(**summary: object) -> tuple[Pick, Session]:
    """Two micrographs with four candidates each, of which the second is shown."""
    viewer = ViewerModel()
    image = np.random.default_rng(0).normal(size=(160, 200)).astype(np.float32)
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(image, name, 2.0))
        viewer.add_image(data, **arguments)
    dock, session = Pick(viewer), session_of(viewer)
    session.model = SimpleNamespace(
        min_distance_px=None,
        threshold=0.5,
        std_range=(0.8, 2.5),
        box_size_px=24,
        sampling=Sampling(1),
        pixel_size=None,
        recipe="modern",
        summary=summary,
    )
    session.scored = {name: scored(session, name) for name in ("m1", "m2")}
    dock.viewer_kept = viewer
    return dock, session


def scored(session: Session, name: str) -> Scored:
    candidates = Candidates(
        np.array([[30.0, 30.0], [30.0, 90.0], [90.0, 30.0], [90.0, 90.0]]),
        np.array([0.9, 0.8, 0.7, 0.6]),
        np.array([1.0, 3.0, 0.5, 2.0]),
        24,
    )
    grid = np.zeros((5, 8), dtype=np.float32)
    score_map = ScoreMap(grid, grid, 0, 20, 24)
    return Scored(session.micrographs[name], session.model, score_map, candidates)


def test_counts_are_of_this_micrograph_and_soon_of_all(qtbot) -> None:
    dock, session = open_dock()
    assert dock.pick_counts.value == "2 picks here, of 4 candidates"
    qtbot.waitUntil(
        lambda: dock.pick_counts.value == "2 picks here, of 4 candidates; 4 on 2 micrographs"
    )
    dock.stds.region.setRegion((0.4, 2.5))
    qtbot.waitUntil(
        lambda: dock.pick_counts.value == "3 picks here, of 4 candidates; 6 on 2 micrographs"
    )
    dock.by_score.plot.line.setValue(0.75)
    assert (
        dock.pick_counts.value == "1 pick here, of 4 candidates; 2 on 2 micrographs"
    )  # at once, by now
    session.excluded = frozenset({"m1"})
    qtbot.waitUntil(lambda: dock.pick_counts.value == "1 pick here, of 4 candidates")


def test_dragged_range_is_the_sliders_and_back() -> None:
    dock, session = open_dock()
    assert dock.stds.region.getRegion() == pytest.approx((0.8, 2.5))
    dock.stds.region.setRegion((0.9, 2.1))
    assert session.std_range == pytest.approx((0.9, 2.1))
    assert dock.std_range.value == pytest.approx((0.9, 2.1))
    dock.std_range.value = (0.7, 2.0)
    assert dock.stds.region.getRegion() == pytest.approx((0.7, 2.0))


def test_end_far_beyond_the_plot_stays_there_until_it_is_dragged() -> None:
    dock, session = open_dock()
    session.std_range = (0.8, 60.0)
    _, high = dock.stds.region.getRegion()
    assert high < 10
    dock.stds.region.setRegion((0.9, high))
    assert session.std_range == pytest.approx((0.9, 60.0))
    dock.stds.region.setRegion((0.9, 2.0))
    assert session.std_range == pytest.approx((0.9, 2.0))


def test_range_of_the_model_comes_back_by_button_and_by_double_click() -> None:
    """E.11"""
    dock, session = open_dock()
    assert not dock.model_range.enabled
    for ask in (
        dock.model_range.native.click,
        lambda: dock.stds.widget.scene().sigMouseClicked.emit(SimpleNamespace(double=lambda: True)),
    ):
        dock.stds.region.setRegion((0.9, 2.1))
        assert dock.model_range.enabled
        ask()
        assert session.std_range == (0.8, 2.5)
        assert not dock.model_range.enabled


def test_plot_stays_as_it_is_while_the_range_is_dragged(qtbot) -> None:
    """E.11: only other candidates, or a range beyond it, change its scale."""
    dock, session = open_dock()
    session.std_range = (0.8, 4.2)
    scale = dock.stds.widget.plotItem.vb.viewRange()[0]
    for high in (4.0, 2.0, 0.9):
        dock.stds.region.setRegion((0.8, high))
        assert session.std_range[1] == pytest.approx(high)
        assert dock.stds.widget.plotItem.vb.viewRange()[0] == scale
    session.current = "m1"
    assert dock.stds.widget.plotItem.vb.viewRange()[0] != scale


def test_dock_says_why_none_is_kept(qtbot) -> None:
    """E.11"""
    dock, _ = open_dock()
    dock.stds.region.setRegion((0.1, 0.4))
    assert "0 picks here, of 4 candidates" in dock.pick_counts.value
    assert "Here the std of all above the threshold is over" in dock.pick_counts.value
    dock.stds.region.setRegion((0.1, 2.5))
    qtbot.waitUntil(lambda: dock.pick_counts.value.startswith("3 picks here, of 4 candidates;"))


def test_held_out_figures_follow_the_threshold() -> None:
    dock, session = open_dock(held_out_recall=0.8, held_out_curves=CURVES)
    for figure in ("precision 0.60", "recall 0.80", "F2 0.80"):
        assert figure in dock.by_score.held_out.value
    session.threshold = 0.75
    for figure in ("precision 0.80", "recall 0.40", "F2 0.40"):
        assert figure in dock.by_score.held_out.value
    assert dock.by_score.use_optimum.text == "Use F2 optimum (0.50: F2 0.80)"
    assert all(len(curve.getData()[0]) == 3 for curve in dock.by_score.plot.curves.values())


def test_partial_labels_have_no_precision_and_older_models_no_curves() -> None:
    partial = {name: CURVES[name] for name in ("recall", "f2")}
    held_out = [{"particles": 4}, {"particles": 6}]
    dock, session = open_dock(held_out_recall=0.8, held_out_curves=partial, held_out=held_out)
    assert "precision" not in dock.by_score.held_out.value
    assert "recall 0.80" in dock.by_score.held_out.value
    assert "F2 about 0.80" in dock.by_score.held_out.value  # D.2: an estimate is called one
    assert dock.by_score.use_optimum.text == "Use F2 optimum (0.50: F2 about 0.80)"
    assert "precision can't be counted" in dock.by_score.held_out.tooltip
    session.model = SimpleNamespace(
        min_distance_px=None,
        threshold=0.4,
        std_range=(0.8, 2.5),
        box_size_px=24,
        recipe="modern",
        summary={"held_out_recall": 0.8},
    )
    assert dock.by_score.use_optimum.text == "Use F2 optimum (0.40)"
    assert dock.by_score.held_out.value == ""


def test_f2_of_fewer_than_ten_partial_labels_is_not_told() -> None:
    partial = {name: CURVES[name] for name in ("recall", "f2")}
    held_out = [{"particles": 4}, {"particles": 5}]
    dock, _ = open_dock(held_out_recall=0.8, held_out_curves=partial, held_out=held_out)
    assert "recall 0.80" in dock.by_score.held_out.value
    assert "F2" not in dock.by_score.held_out.value
    assert dock.by_score.use_optimum.text == "Use model's threshold (0.50)"


def test_adaptive_threshold_is_shown_where_it_is_in_use() -> None:
    rare = summary_of(ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.05))
    dock, session = open_dock(held_out_recall=0.8, held_out_curves=CURVES, **rare)
    controls, plot = dock.by_score, dock.by_score.plot
    assert plot.optimum == plot.line.value() == 0.5
    controls.adaptive.native.click()  # all four candidates look like particles: that is more
    assert session.adaptive_threshold
    assert controls.slider.value == 0.5
    assert plot.optimum == plot.line.value() < 0.45
    assert "more candidates than usual look like particles" in controls.here.value
    assert plot.curves["F2"].getData()[0][1] == pytest.approx(plot.line.value())
    plot.line.setValue(0.75)
    assert plot.line.value() == pytest.approx(0.75)
    assert controls.slider.value == pytest.approx(session.threshold, abs=1e-4)  # its steps
    assert session.threshold > 0.75
    assert dock.pick_counts.value.startswith("1 pick here, of 4 candidates")


def test_threshold_for_one_micrograph_alone_has_the_slider_while_it_is_shown() -> None:
    dock, session = open_dock()
    controls = dock.by_score
    controls.own.native.click()
    controls.slider.value = 0.85
    assert (session.threshold, session.own_thresholds) == (0.5, {"m2": 0.85})
    assert controls.plot.line.value() == pytest.approx(0.85)
    session.current = "m1"
    assert (controls.slider.value, controls.own.value) == (0.5, False)
    assert dock.pick_counts.value.startswith("2 picks here, of 4 candidates")
    session.current = "m2"
    assert (controls.slider.value, controls.own.value) == (0.85, True)
    assert dock.pick_counts.value.startswith("1 pick here, of 4 candidates")
    controls.own.native.click()
    assert session.own_thresholds == {}
    assert controls.slider.value == 0.5


def test_model_that_learnt_nothing_of_scores_says_why_its_threshold_does_not_adapt() -> None:
    dock, _ = open_dock()
    assert not dock.by_score.adaptive.enabled
    assert "mark more particles" in dock.by_score.adaptive.tooltip


def test_boxes_at_both_ends_of_the_range_are_shown(qtbot) -> None:
    dock, session = open_dock()
    qtbot.addWidget(dock.native)
    dock.native.resize(WIDTH, 1000)  # all of it is in sight
    dock.native.show()
    expected = ["cut 0.50", "kept 1.00", "kept 2.00", "cut 3.00"]
    qtbot.waitUntil(lambda: dock.std_range_boxes.captions == expected)
    qtbot.waitUntil(lambda: all(image is not None for image in dock.std_range_boxes.images))
    session.threshold = 0.75  # the range keeps one of what is left, and cuts one above it
    expected = ["", "kept 1.00", "kept 1.00", "cut 3.00"]
    qtbot.waitUntil(lambda: dock.std_range_boxes.captions == expected)
    assert dock.std_range_boxes.images[0] is None
    dock.std_range_boxes.grab()  # it can be drawn


def test_score_map_is_shown_while_it_grows_and_goes_if_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    go_on, asked = threading.Event(), []

    def score(micrograph, model, first_yx):
        asked.append(first_yx)
        known = np.zeros((5, 8), dtype=np.float32)
        known[2, 3] = 0.7
        yield TilesDone(1, 2, ScoreMap(known, known, 0, 20, 24))
        go_on.wait(PATIENCE_S)
        yield TilesDone(2, 2)
        raise AssertionError("it was cancelled")

    pretend_to_score(monkeypatch, score)
    dock, session = open_dock()
    viewer = dock.viewer_kept
    session.scored, session.candidates = {}, {}
    image = viewer.layers["m2"]
    viewer.scene.camera.center = image.data_to_world((50.0, 120.0))
    dock.score.native.click()
    qtbot.waitUntil(lambda: "Score map" in viewer.layers and viewer.layers["Score map"].visible)
    assert asked == [pytest.approx((50.0, 120.0))]
    assert viewer.layers["Score map"].data[2, 3] == np.float32(0.7)
    session.current = "m1"  # it is not of this one
    assert not viewer.layers["Score map"].visible
    session.current = "m2"
    dock.cancel.native.click()
    assert not session.scoring.running
    assert session.scoring.message == "Cancelled."
    go_on.set()
    assert not viewer.layers["Score map"].visible
    assert session.scored_so_far is None


def test_score_map_keeps_what_the_user_chose_for_it() -> None:
    dock, session = open_dock()
    viewer = dock.viewer_kept
    layer = viewer.layers["Score map"]
    layer.colormap, layer.opacity = "viridis", 0.3
    layer.visible = False
    viewer.layers["Picks"].visible = False
    for name in ("m1", "m2"):
        session.current = name
        session.threshold -= 0.1
        assert not layer.visible
        assert not viewer.layers["Picks"].visible
    layer.visible = True
    session.scored, session.candidates = {}, {}
    assert not layer.visible  # there is nothing to show
    session.scored = {"m2": scored(session, "m2")}
    assert layer.visible
    assert not viewer.layers["Picks"].visible
    assert (layer.colormap.name, layer.opacity) == ("viridis", 0.3)


def test_all_controls_are_seen_without_scrolling_in_a_window_of_800_px(qtbot) -> None:
    dock, _ = open_dock(held_out_recall=0.9, held_out_curves=CURVES)
    qtbot.addWidget(dock.native)
    dock.native.resize(WIDTH, 711)  # what is left of 1280 x 800
    with qtbot.waitExposed(dock.native):
        dock.native.show()
    qtbot.waitUntil(lambda: "on 2 micrographs" in dock.pick_counts.value)
    bar = dock.native.findChild(QScrollArea).verticalScrollBar()
    assert (bar.maximum(), dock.by_score.plot.widget.isVisible()) == (0, True)
    dock.pick_counts.value += ", and so on" * 12  # lines take what they need and no more
    qtbot.waitUntil(lambda: dock.pick_counts.native.height() > 50)
    label = dock.pick_counts.native
    assert label.height() <= label.heightForWidth(label.width())


def test_model_of_a_training_that_was_stopped_says_why_it_knows_no_optimum() -> None:
    dock, _ = open_dock(held_out=[{"micrograph": "m1"}], stopped={"epochs": 9, "n_labels": 3})
    assert dock.by_score.use_optimum.tooltip == STOPPED
    dock, _ = open_dock(held_out=[])
    assert dock.by_score.use_optimum.tooltip == NOT_HELD_OUT


def test_both_ends_of_the_std_range_are_typed_beside_its_slider() -> None:
    dock, session = open_dock()
    slider = dock.std_range.native
    low, high = slider._min_label, slider._max_label  # superqt has no public way to them
    assert (low.value(), high.value()) == (0.8, 2.5)
    session.std_range = (0.5, 40.0)
    assert (low.value(), high.value()) == (0.5, 40.0)
    high.setValue(3.0)
    high.valueEdited.emit(3.0)
    assert session.std_range == (0.5, 3.0)


def test_pick_starts_from_the_model_and_counts(viewer: ViewerModel) -> None:
    dock, session = Pick(viewer), session_of(viewer)
    score_current(viewer)
    assert dock.pick_counts.value == "2 picks here, of 2 candidates"
    assert dock.by_score.slider.value == pytest.approx(0.42)
    assert dock.std_range.value == pytest.approx((0.5, 1.5))
    assert dock.min_distance.value == pytest.approx(5.0)
    dock.by_score.slider.value = 0.7
    assert dock.pick_counts.value == "1 pick here, of 2 candidates"
    assert dock.by_score.plot.line.value() == pytest.approx(0.7)
    dock.by_score.plot.line.setValue(0.95)
    assert dock.by_score.slider.value == pytest.approx(0.95)
    assert dock.pick_counts.value.startswith("0 picks here, of 2 candidates. Here all score below")
    dock.by_score.use_optimum.native.click()
    assert dock.by_score.use_optimum.text == "Use F2 optimum (0.42)"
    assert session.threshold == pytest.approx(0.42)
    dock.std_range.value = (0.0, 0.9)
    assert dock.pick_counts.value.startswith(
        "0 picks here, of 2 candidates. Here the std of all above"
    )


def test_pick_says_how_many_picks_are_right_while_the_threshold_moves(viewer: ViewerModel) -> None:
    dock = Pick(viewer)
    score_current(viewer)
    assert dock.precision.value == (
        "How many are right here is not told: too few particles were held out of the training"
    )
    mixture = ScoreMixture(Bell(-0.5, 0.5), Bell(2.0, 0.5), share=0.5)
    score_current(viewer, **summary_of(mixture))
    assert dock.precision.value == "How many are right here is not told: too few picks"  # D.1
    assert "held-out labels" in dock.precision.tooltip
    dock.by_score.slider.value = 0.95
    assert dock.pick_counts.value.startswith("0 picks here, of 2 candidates. Here all score below")
    assert dock.precision.value == ""


def test_other_settings_wait_for_the_slider_to_rest_until_scores_are_fitted_again(
    viewer: ViewerModel, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, session, fits = Pick(viewer), session_of(viewer), []
    score_current(viewer, **summary_of(ScoreMixture(Bell(-0.5, 0.5), Bell(2.0, 0.5), share=0.5)))
    fit = FittedScores.of
    monkeypatch.setattr(FittedScores, "of", lambda *given: fits.append(1) or fit(*given))
    for high in (0.9, 1.1, 1.2, 1.3):
        dock.std_range.value = (0.5, high)
    assert dock.pick_counts.value == "2 picks here, of 2 candidates"
    assert not fits
    qtbot.waitUntil(lambda: len(fits) == 1)
    for threshold in (0.5, 0.7, 0.5):
        session.threshold = threshold
    assert len(fits) == 1


def test_precision_is_told_with_its_margin_or_not_with_a_reason() -> None:
    """D.1: two standard deviations; and never a figure that nothing holds up."""
    assert precision_text(None) == ""
    assert precision_text(PrecisionEstimate(0.924, 0.034)) == "About 92% right here (± 7)"
    withheld = PrecisionEstimate(None, withheld="another pixel size than in training")
    assert precision_text(withheld) == (
        "How many are right here is not told: another pixel size than in training"
    )


def test_scored_micrograph_is_not_scored_again(viewer: ViewerModel) -> None:
    dock = Pick(viewer)
    score_current(viewer)
    assert not dock.score.enabled
    assert dock.score_all.enabled
    dock.micrograph.value = "m1"
    assert dock.score.enabled
    assert dock.pick_counts.value == ""


def test_std_slider_grows_with_the_range_of_a_new_model(viewer: ViewerModel) -> None:
    dock, session = Pick(viewer), session_of(viewer)
    score_current(viewer)  # from here on the slider ends little above the widest value
    for top in (8.0, 15.0):
        session.model = model(std_range=(0.5, top))
        assert dock.std_range.value == pytest.approx((0.5, top))
        assert session.std_range == (0.5, top)


def test_pick_opens_on_any_std_range(viewer: ViewerModel) -> None:
    session_of(viewer).std_range = (0.0, 15.0)
    assert Pick(viewer).std_range.value == pytest.approx((0.0, 15.0))


def test_closed_dock_comes_back_as_it_was(viewer: ViewerModel, qtbot) -> None:
    score_current(viewer)
    dock = Pick(viewer)
    dock.by_score.slider.value = 0.7
    with qtbot.waitSignal(dock.native.destroyed):
        dock.native.deleteLater()
    session_of(viewer).threshold = 0.65  # nothing that is gone is told
    again = Pick(viewer)
    assert again.by_score.slider.value == pytest.approx(0.65)
    assert again.pick_counts.value == "1 pick here, of 2 candidates"


def test_optimum_is_shown_only_where_labels_were_held_out(viewer: ViewerModel) -> None:
    dock, session = Pick(viewer), session_of(viewer)
    session.model = model(held_out_recall=0.9)
    assert dock.by_score.use_optimum.enabled
    assert dock.by_score.use_optimum.text == "Use F2 optimum (0.42)"
    assert dock.by_score.plot.optimum == pytest.approx(0.42)
    session.threshold = 0.9
    session.model = model()
    assert session.threshold == pytest.approx(0.42)
    assert not dock.by_score.use_optimum.enabled
    assert dock.by_score.use_optimum.text == "Use F2 optimum"
    assert "mark particles on a second micrograph" in dock.by_score.use_optimum.tooltip
    assert dock.by_score.plot.optimum is None
    assert "F2" not in Train(viewer).summary.value


def test_one_micrograph_that_cannot_be_scored_does_not_stop_the_others(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    def score(micrograph, its_model, _first_yx):
        if micrograph.name == "m1":
            raise InputError("m1 is too small")
        yield TilesDone(1, 1)
        grid = np.zeros((5, 8), dtype=np.float32)
        candidates = Candidates(np.empty((0, 2)), np.empty(0), np.empty(0), 20)
        return ScoreMap(grid, grid, 0, 1, 20), candidates

    pretend_to_score(monkeypatch, score)
    dock, session = Pick(viewer), session_of(viewer)
    session.model = model()
    notification_manager.records.clear()
    dock.score_all.native.click()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.scored) == ["m2"]
    assert [record.message for record in notification_manager.records] == ["m1 is too small"]
    assert dock.status.value == "m1 is too small"
    assert dock.score_all.enabled

    # a pixel size that is not the model's is said
    session.model = model()
    viewer.layers["m2"].scale = (3.0, 3.0)
    dock.score.native.click()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.scored) == ["m2"]
    assert "m2 has 3 A/px" in dock.status.value


def test_micrograph_closed_while_it_is_scored_does_not_stop_the_others(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    go_on = threading.Event()

    def score(micrograph, its_model, _first_yx):
        yield TilesDone(1, 2)
        go_on.wait(PATIENCE_S)
        grid = np.zeros((5, 8), dtype=np.float32)
        candidates = Candidates(np.empty((0, 2)), np.empty(0), np.empty(0), 20)
        return ScoreMap(grid, grid, 0, 1, 20), candidates

    pretend_to_score(monkeypatch, score)
    dock, session = Pick(viewer), session_of(viewer)
    session.model = model()
    dock.score_all.native.click()
    qtbot.waitUntil(lambda: session.scoring.done == 1)
    viewer.layers.remove("m1")
    go_on.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.scored) == ["m2"]
