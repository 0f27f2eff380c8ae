"""The docks on a viewer without a window."""

import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from napari.utils.notifications import notification_manager

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.picking.precision_estimate import Bell, ScoreMixture
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, Micrograph, Picks, ScoreMap
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layers
from napari_deepem.session import Scored
from napari_deepem.widgets.docks.annotate import Annotate
from napari_deepem.widgets.docks.export import Export
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.train import Train
from pretended_scores import pretend_to_score

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def viewer() -> ViewerModel:
    """Two micrographs, m1 and m2, of 2 A/px."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(np.zeros((60, 90)), name, 2.0))
        viewer.add_image(data, **arguments)
    return viewer


def model(std_range: tuple[float, float] = (0.5, 1.5), **summary: Any) -> SimpleNamespace:
    return SimpleNamespace(
        threshold=0.42,
        std_range=std_range,
        box_size_px=20,
        recipe="modern",
        binning=2,
        pixel_size=2.0,
        summary=summary,
    )


def score_current(viewer: ViewerModel, **summary: Any) -> None:
    session = session_of(viewer)
    session.model = model(held_out_recall=0.9, **summary)
    grid = np.zeros((5, 8), dtype=np.float32)
    candidates = Candidates(
        np.array([[10.0, 10.0], [40.0, 60.0]]), np.array([0.9, 0.6]), np.ones(2), 20
    )
    micrograph = session.micrographs[session.current]
    scored = Scored(micrograph, session.model, ScoreMap(grid, grid, 0, 1, 20), candidates)
    session.scored = {session.current: scored}


def test_opening_docks_does_not_load_torch() -> None:
    code = (
        "import sys\n"
        "from napari.components import ViewerModel\n"
        "from qtpy.QtWidgets import QApplication\n"
        "from napari_deepem.widgets.docks import annotate, export, pick, train\n"
        "app, viewer = QApplication([]), ViewerModel()\n"
        "docks = annotate.Annotate(viewer), train.Train(viewer), pick.Pick(viewer), "
        "export.Export(viewer)\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"], done.stderr


def test_annotate_counts_here_and_everywhere(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)
    link.mark("positive").add([[1.0, 1.0], [5.0, 5.0]])
    dock.micrograph.value = "m1"
    dock.mark_positive.native.click()
    viewer.layers.selection.active.add([[2.0, 2.0]])
    dock.mark_negative.native.click()
    viewer.layers.selection.active.add([[3.0, 3.0]])
    assert dock.counts.value == "1 particle, 1 non-particle here; 3 and 1 on 2 micrographs"


def test_box_size_is_shown_in_angstrom_too(viewer: ViewerModel) -> None:
    dock = Annotate(viewer)
    dock.box_size.value = 40
    assert session_of(viewer).box_size_px == 40
    assert dock.in_angstrom.value == "= 80 Å"


def test_empty_viewer_says_what_to_open() -> None:
    viewer = ViewerModel()
    annotate, train, pick, export = (dock(viewer) for dock in (Annotate, Train, Pick, Export))
    assert not annotate.mark_positive.enabled
    assert "Open a micrograph" in annotate.mark_positive.tooltip
    assert "Open Sample" in annotate.hint.value
    assert not train.train.enabled
    assert train.train.tooltip == train.status.value
    assert "Open a micrograph" in train.status.value
    assert not pick.score.enabled
    assert "Open a micrograph" in pick.status.value
    assert not export.save.enabled
    assert "score a micrograph" in export.status.value


def test_train_says_what_is_missing(viewer: ViewerModel) -> None:
    dock = Train(viewer)
    session_of(viewer).box_size_px = 24
    assert "Mark at least one particle" in dock.status.value
    link_of(viewer).mark("positive").add([[20.0, 20.0]])
    assert dock.train.enabled
    session_of(viewer).box_size_px = 64
    assert "does not fit m2 (90 x 60 px)" in dock.status.value


def test_blank_epochs_are_the_recipes_own(viewer: ViewerModel) -> None:
    dock, session = Train(viewer), session_of(viewer)
    dock.epochs.value = "7"
    assert session.epochs == 7
    dock.epochs.value = ""
    assert session.epochs == 0
    session.epochs = 3
    assert dock.epochs.value == "3"


def test_pick_starts_from_the_model_and_counts(viewer: ViewerModel) -> None:
    dock, session = Pick(viewer), session_of(viewer)
    score_current(viewer)
    assert dock.picked.value == "2 of 2 kept here"
    assert dock.threshold.value == pytest.approx(0.42)
    assert dock.std_range.value == pytest.approx((0.5, 1.5))
    assert dock.min_distance.value == pytest.approx(5.0)
    dock.threshold.value = 0.7
    assert dock.picked.value == "1 of 2 kept here"
    assert dock.scores.line.value() == pytest.approx(0.7)
    dock.scores.line.setValue(0.95)
    assert dock.threshold.value == pytest.approx(0.95)
    assert dock.picked.value == "0 of 2 kept here"
    dock.use_optimum.native.click()
    assert dock.use_optimum.text == "Use F2 optimum (0.42)"
    assert session.threshold == pytest.approx(0.42)
    dock.std_range.value = (0.0, 0.9)
    assert dock.picked.value == "0 of 2 kept here"


def test_pick_says_how_many_picks_are_right_while_the_slider_moves(viewer: ViewerModel) -> None:
    dock = Pick(viewer)
    score_current(viewer)
    assert not dock.picked.tooltip
    mixture = ScoreMixture(Bell(-0.5, 0.5), Bell(2.0, 0.5), share=0.5)
    score_current(viewer, **mixture.as_summary())
    assert dock.picked.value == "2 of 2 kept here, about 52% right"
    assert "held-out labels" in dock.picked.tooltip
    dock.threshold.value = 0.7
    assert dock.picked.value == "1 of 2 kept here, about 100% right"
    dock.threshold.value = 0.95
    assert dock.picked.value == "0 of 2 kept here"


def test_train_says_how_many_picks_are_right_at_the_threshold(viewer: ViewerModel) -> None:
    dock = Train(viewer)
    score_current(viewer, estimated_precision=0.934)
    assert dock.summary.value.endswith("F2 threshold 0.42, about 93% of picks right there")


def test_scored_micrograph_is_not_scored_again(viewer: ViewerModel) -> None:
    dock = Pick(viewer)
    score_current(viewer)
    assert not dock.score.enabled
    assert dock.score_all.enabled
    dock.micrograph.value = "m1"
    assert dock.score.enabled
    assert dock.picked.value == ""


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


def test_trained_model_leaves_train_ready_whatever_its_std_range(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    def training(*_):
        def job():
            yield from ()
            return model(std_range=(0.5, 12.0))

        return job

    monkeypatch.setattr("napari_deepem.session.jobs.training", training)
    pick, train, session = Pick(viewer), Train(viewer), session_of(viewer)
    session.box_size_px = 24
    link_of(viewer).mark("positive").add([[20.0, 20.0]])
    score_current(viewer)
    train.train.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert train.train.enabled
    assert pick.std_range.value == pytest.approx((0.5, 12.0))


def test_closed_dock_comes_back_as_it_was(viewer: ViewerModel, qtbot) -> None:
    score_current(viewer)
    dock = Pick(viewer)
    dock.threshold.value = 0.7
    with qtbot.waitSignal(dock.native.destroyed):
        dock.native.deleteLater()
    session_of(viewer).threshold = 0.65  # nothing that is gone is told
    again = Pick(viewer)
    assert again.threshold.value == pytest.approx(0.65)
    assert again.picked.value == "1 of 2 kept here"


def test_model_is_saved_and_loaded_through_the_docks(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    from napari_deepem.core.network.architecture import Architecture
    from napari_deepem.core.network.model import Model
    from napari_deepem.core.network.network import Network

    dock, session = Train(viewer), session_of(viewer)
    network = Network(Architecture.for_box(24)).eval()
    session.model = Model(
        network, "modern", 48, Sampling(2), 2.0, threshold=0.3, std_range=(0.1, 2.0)
    )
    path = str(tmp_path / "model.safetensors")
    dialog = "napari_deepem.widgets.docks.train.QFileDialog"
    monkeypatch.setattr(f"{dialog}.getSaveFileName", lambda *_: (path, ""))
    monkeypatch.setattr(f"{dialog}.getOpenFileName", lambda *_: (path, ""))
    dock.save.native.click()
    assert dock.status.value == f"Saved {path}"
    session.model = None
    session.threshold = 0.9
    dock.load.native.click()
    qtbot.waitUntil(lambda: session.model is not None)
    assert session.threshold == pytest.approx(0.3)
    assert "Loaded model.safetensors" in dock.status.value
    assert "box 48 px, binning 2" in dock.summary.value

    Path(path).write_text("broken")
    dock.load.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert "model.safetensors" in dock.status.value
    assert session.model is not None


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


def test_labels_outside_are_said(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)
    link.mark("positive").add([[1.0, 1.0], [1.0, 500.0]])
    assert dock.counts.value == (
        "1 particle, 0 non-particles here; 1 and 0 on 1 micrograph; "
        "1 label outside the image not counted"
    )
    dock.micrograph.value = "m1"
    assert "outside" not in dock.counts.value
    link.mark("negative").add([[-9.0, 1.0]])  # alone
    assert dock.counts.value.endswith("1 label outside the image not counted")


def test_marks_are_loaded_from_a_file(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock = Annotate(viewer)
    path = tmp_path / "by_hand.star"
    write_coordinates(path, Picks(np.array([[10.0, 80.0], [80.0, 10.0], [20.0, 30.0]])))
    dialog = "napari_deepem.widgets.docks.label_import.QFileDialog.getOpenFileName"
    monkeypatch.setattr(dialog, lambda *_: (str(path), ""))
    dock.elsewhere.load.native.click()
    loaded = "Loaded 2 particles; 1 outside the image left out."
    qtbot.waitUntil(lambda: dock.status.value == loaded)
    assert dock.counts.value.startswith("2 particles, ")
    path.write_text("no table")
    dock.elsewhere.load.native.click()
    qtbot.waitUntil(
        lambda: "by_hand.star" in dock.status.value and "Reading" not in dock.status.value
    )
    dock.micrograph.value = "m1"
    assert dock.status.value == ""
    assert not Annotate(ViewerModel()).elsewhere.load.enabled


def test_marks_of_a_folder_are_loaded_for_all_micrographs(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    for name in ("m1", "m2"):
        write_coordinates(tmp_path / f"{name}.star", Picks(np.array([[10.0, 80.0], [20.0, 30.0]])))
    dialog = "napari_deepem.widgets.docks.label_import.QFileDialog.getExistingDirectory"
    monkeypatch.setattr(dialog, lambda *_: str(tmp_path))
    dock.elsewhere.load_folder.native.click()
    qtbot.waitUntil(lambda: dock.status.value == "Loaded 4 particles on 2 micrographs.")
    assert dock.counts.value == "2 particles, 0 non-particles here; 4 and 0 on 2 micrographs"
    dock.undo.native.click()
    assert session.annotated() == {}
    assert not dock.undo.enabled
    assert dock.redo.enabled


def test_background_is_drawn_to_be_reviewed(viewer: ViewerModel, qtbot) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    assert not dock.elsewhere.draw.enabled
    assert "Mark particles here first" in dock.elsewhere.draw.tooltip
    viewer.layers["m2"].data = np.random.default_rng(0).normal(size=(240, 300))
    session.box_size_px = 24
    link_of(viewer).mark("positive").add([[30.0, 40.0]])
    dock.elsewhere.draw.native.click()
    qtbot.waitUntil(lambda: dock.status.value.startswith("Drew 10 non-particles"))
    assert len(session.labels_of("m2").negative_yx) == 10
    assert "1 particle, 10 non-particles here" in dock.counts.value


def test_tools_are_shown_as_they_are_in_use(viewer: ViewerModel) -> None:
    dock, link = Annotate(viewer), link_of(viewer)

    def down() -> list[str]:
        return [tool for tool, button in dock.tools.items() if button.native.isChecked()]

    dock.mark_positive.native.click()
    assert down() == ["positive"]
    dock.tools["erase"].native.click()
    assert down() == ["erase"]
    assert viewer.layers.selection.active.mode == "pan_zoom"
    link.session.current = "m1"
    assert down() == ["erase"]  # goes along
    dock.tools["erase"].native.click()
    assert down() == []
    dock.mark_negative.native.click()
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

    dock.filtered.value = True
    qtbot.waitUntil(lambda: shown_on("m2"))
    layer = viewer.layers["Filtered"]
    low, high = layer.contrast_limits
    session.display.contrast_sigmas = 1.5
    assert np.diff(layer.contrast_limits)[0] == pytest.approx((high - low) / 2)
    viewer.layers["m2"].translate = (70.0, -30.0)
    np.testing.assert_allclose(layer.extent.world[0], viewer.layers["m2"].extent.world[0])
    width = layer.data.shape[1]
    dock.low_pass.value = 60
    qtbot.waitUntil(lambda: layer.data.shape[1] < width)
    dock.micrograph.value = "m1"
    assert not shown_on("m2")
    qtbot.waitUntil(lambda: shown_on("m1"))
    assert session.micrographs == before
    assert [name for name in before if session.micrographs[name] is not before[name]] == []
    dock.filtered.value = False
    assert "Filtered" not in viewer.layers
    assert session.current == "m1"


def test_optimum_is_marked_only_where_labels_were_held_out(viewer: ViewerModel) -> None:
    dock, session = Pick(viewer), session_of(viewer)
    session.model = model(held_out_recall=0.9)
    assert dock.use_optimum.enabled
    assert dock.use_optimum.text == "Use F2 optimum (0.42)"
    assert dock.scores.optimum == pytest.approx(0.42)
    session.threshold = 0.9
    session.model = model()
    assert session.threshold == pytest.approx(0.42)
    assert not dock.use_optimum.enabled
    assert dock.use_optimum.text == "Use F2 optimum"
    assert "mark particles on a second micrograph" in dock.use_optimum.tooltip
    assert dock.scores.optimum is None
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
        go_on.wait(10)
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
