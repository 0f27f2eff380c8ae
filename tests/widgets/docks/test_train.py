"""The Train dock: what it says before, during and after a training."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from blobs import BOX_PX, blob_micrograph
from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.types import Labels
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session import Session
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.train import STRIP_COUNT, Train
from napari_deepem.widgets.docks.training_texts import numbers_of, summary_of
from quick_recipes import shorten_recipes
from scored_viewer import model, score_current
from simulated import simulated_micrograph

PLUGIN = "napari-deepem"
pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def _quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        shorten_recipes(patch, batches_per_epoch=4, batch_size=16)
        yield


def open_blobs(viewer: Any, *seeds: int) -> Session:
    """Micrographs of blobs, all labelled by a click each."""
    session = session_of(viewer)
    session.box_size_px = BOX_PX
    for seed in seeds:
        micrograph, centres = blob_micrograph(seed)
        data, arguments, _ = image_layer_data(micrograph)
        viewer.add_image(data, **arguments)
        session.current = micrograph.name
        link_of(viewer).start_labelling("positive").add(centres)
    return session


def test_advice_is_given_and_does_not_block() -> None:
    viewer = ViewerModel()
    dock = Train(viewer)
    assert not dock.advice.visible
    open_blobs(viewer, 1)
    assert dock.train.enabled
    assert dock.advice.value.splitlines() == [
        "• Only 9 particles so far: 20 or more teach much better.",
        "• All are on blobs_1: its right-hand part is held out to find the threshold. Particles "
        "on a second micrograph tell more.",
    ]
    open_blobs(viewer, 2, 3)
    assert dock.advice.value == ""


def test_box_that_no_network_takes_is_said_before() -> None:
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1)
    session.binning = 2
    assert not dock.train.enabled
    assert "leaves 12 px" in dock.train.tooltip
    session.binning = "auto"
    assert dock.train.enabled


def test_suggested_box_is_offered_and_never_forced() -> None:
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1)
    assert not dock.use_suggested.visible
    session.suggested_box_px = 40
    assert dock.use_suggested.text == "Suggested: 40 px"
    assert dock.use_suggested.tooltip.startswith("40 px = 80 Å. ")
    assert session.box_size_px == BOX_PX
    dock.use_suggested.native.click()
    assert session.box_size_px == dock.box_size.value == 40
    assert (dock.use_suggested.enabled, dock.use_suggested.tooltip) == (
        False,
        "As suggested.",
    )


def test_train_says_why_it_is_grey_and_nothing_of_an_old_training() -> None:
    """E.12: a training was over, and then the box grew larger than the micrograph."""
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1)
    session.training.end("Trained: go on in the Pick dock.")
    assert dock.status.value.startswith("Trained")
    session.box_size_px = 2816
    assert not dock.train.enabled
    assert "box of 2816 px does not fit" in dock.train.tooltip
    assert dock.status.value == dock.train.tooltip


@pytest.mark.usefixtures("_quick_recipe")
def test_bar_moves_within_epochs_and_is_full_at_the_end_alone(qtbot) -> None:
    """D.4: a bar that is full while everything is still to be done tells nothing."""
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1)
    session.epochs = 2
    shown: list[float] = []
    dock.progress.changed.connect(shown.append)
    dock.train.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    shares = [value / dock.progress.max for value in shown]
    assert shares == sorted(shares)
    assert shares[0] <= 0.1  # that all is read
    assert len(shares) > 2 + session.epochs  # batches are told, too
    assert 0.9 < shares[-1] < 1.0  # then the threshold is looked for


@pytest.mark.usefixtures("_quick_recipe")
def test_stopped_training_keeps_its_best_and_goes_on(qtbot) -> None:
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1, 2)
    assert dock.continue_training.tooltip == "There is no model yet: press Train."
    assert dock.stop.native.isHidden()
    assert dock.discard.native.isHidden()
    session.epochs = 900
    dock.train.native.click()
    qtbot.waitUntil(lambda: len(session.history) >= 3)
    qtbot.waitUntil(lambda: dock.status.value.endswith(" left"))
    assert (dock.train.enabled, dock.train.tooltip) == (False, "Training is running.")
    dock.stop.native.click()
    assert "the best so far is kept" in dock.status.value
    qtbot.waitUntil(lambda: not session.training.running)
    epochs = len(session.history)
    assert dock.status.value.startswith(f"Trained, the best of {epochs} epochs kept")
    first = session.model
    assert first.summary["stopped"]["epochs"] == 900
    by = f"by {first.summary['stopped']['n_labels']} labelled particles"
    assert f"with a quick threshold ({by})" in dock.status.value
    assert f"{by} (stopped)" in summary_of(first)
    (done,) = session.rounds
    assert (done.number, done.start, done.epochs) == (1, "new", epochs)
    parts = [*first.summary["trained_on"], *first.summary["held_out"]]
    assert done.particles == sum(part["particles"] for part in parts)

    # more clicks, and on from there
    session.epochs = 1
    session.current = "blobs_1"
    link_of(viewer).start_labelling("negative").add([[5.0, 5.0]])
    dock.continue_training.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert session.model is not first, dock.status.value
    assert session.model.summary["refined"]["start"] == "weights"
    last = session.rounds[-1]
    assert (last.number, last.start) == (2, "weights")
    assert sum(len(item.labels.negative_yx) for item in session.model.training_set) == 1
    assert last.ap_before is not None  # of the first model, on the boxes of the second


@pytest.mark.usefixtures("_plugins")
def test_dock_in_sight_suggests_a_box_and_shows_what_the_network_sees(
    make_napari_viewer, qtbot
) -> None:
    viewer = make_napari_viewer(show=True)
    simulated = simulated_micrograph()
    data, arguments, _ = image_layer_data(simulated.micrograph)
    viewer.add_image(data, **arguments)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Train")
    session = session_of(viewer)
    session.box_size_px = SAMPLE_BOX_PX
    assert not dock.strip.isVisible()
    link_of(viewer).start_labelling("positive").add(simulated.truth_yx)
    qtbot.waitUntil(lambda: dock.strip.isVisible())
    assert dock.strip.counts == [STRIP_COUNT, STRIP_COUNT]
    assert "in 44 x 44 px, shown filtered" in dock.strip_caption.value
    qtbot.waitUntil(lambda: session.suggested_box_px is not None)
    assert dock.use_suggested.text == f"Suggested: {session.suggested_box_px} px"
    session.binning = 2
    qtbot.waitUntil(lambda: "in 60 x 60 px" in dock.strip_caption.value)


def test_best_epoch_is_named() -> None:
    history = [EpochDone(1, 9, 0.5, 0.4, 0.9), EpochDone(2, 9, 0.3, 0.5, 0.8)]
    assert numbers_of(history) == (
        "loss 0.300; held-out boxes: loss 0.500, AP 0.800 (best 0.900 in epoch 1)"
    )
    assert numbers_of([EpochDone(1, 9, 0.5, None, None)]) == "loss 0.500"
    picked = [EpochDone(1, 9, 0.5, 0.4, 0.9, 0.61, labels_complete=False), history[1]]
    assert numbers_of(picked).startswith("loss 0.300; picking: AP at least 0.610 after epoch 1; ")
    assert numbers_of([]) == ""


def test_boxes_of_the_strip_are_those_of_labels_and_verdicts(qtbot) -> None:
    viewer = ViewerModel()
    session = open_blobs(viewer, 1)
    session.verdicts = {"blobs_1": Labels.of([[50.0, 50.0]])}
    dock = Train(viewer)
    job = dock._strip_job()
    assert job is not None
    stream = job()
    next(stream)
    with pytest.raises(StopIteration) as end:
        next(stream)
    boxes = end.value.value
    assert len(boxes.positives) == STRIP_COUNT
    dock._show_strip(replace(boxes, labelled=STRIP_COUNT))
    assert dock.strip_caption.value.endswith("particles; non-particles")
    assert np.ptp(boxes.positives) > 0


def test_train_says_what_is_missing(viewer: ViewerModel) -> None:
    dock = Train(viewer)
    session_of(viewer).box_size_px = 24
    assert "Mark at least one particle" in dock.status.value
    link_of(viewer).start_labelling("positive").add([[20.0, 20.0]])
    assert dock.train.enabled
    session_of(viewer).box_size_px = 64
    assert "does not fit m2 (90 x 60 px)" in dock.status.value


def test_start_is_chosen_and_what_does_not_go_with_it_is_said() -> None:
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1)
    session.box_size_px = 60
    assert (dock.start.label, dock.start.value) == ("Start from", "general")
    session.binning = 2
    assert not dock.train.enabled
    assert dock.status.value == dock.train.tooltip
    assert dock.status.value.endswith("leave the binning to it, or start from chance.")
    dock.start.value = "chance"
    assert (session.start, session.chosen_sampling.scale) == ("chance", 2.0)
    assert dock.train.enabled
    session.start = "general"
    assert dock.start.value == "general"
    session.binning, session.recipe = "auto", "wide"
    assert "The recipe wide does not train the general network on" in dock.status.value


def test_blank_epochs_are_the_recipes_own(viewer: ViewerModel) -> None:
    dock, session = Train(viewer), session_of(viewer)
    dock.epochs.value = "7"
    assert session.epochs == 7
    dock.epochs.value = ""
    assert session.epochs == 0
    session.epochs = 3
    assert dock.epochs.value == "3"


def test_train_says_how_many_picks_are_right_at_the_threshold(viewer: ViewerModel) -> None:
    dock = Train(viewer)
    score_current(viewer, estimated_precision=0.934)
    assert dock.summary.value.endswith("F2 threshold 0.42, about 93% of picks right there")


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
    link_of(viewer).start_labelling("positive").add([[20.0, 20.0]])
    score_current(viewer)
    train.train.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert train.train.enabled
    assert pick.std_range.value == pytest.approx((0.5, 12.0))


def test_model_is_saved_and_loaded_through_the_docks(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
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
    assert "box 48 px, seen in 24 x 24 px" in dock.summary.value

    Path(path).write_text("broken")
    dock.load.native.click()
    qtbot.waitUntil(lambda: not session.training.running)
    assert "model.safetensors" in dock.status.value
    assert session.model is not None
