"""The Train dock: what it says before, during and after a training."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from blobs import BOX_PX, blob_micrograph
from napari_deepem.controllers.debounced_job import Refresh
from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.controllers.wording import time_left
from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.simulation import SAMPLE_BOX_PX, simulate_sample
from napari_deepem.core.training.recipes import MODERN, RECIPES
from napari_deepem.core.types import Labels
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.session import Session
from napari_deepem.widgets.docks.train import STRIP_COLUMNS, Train, numbers_of

PLUGIN = "napari-deepem"
pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture(autouse=True)
def _no_dock_dies_in_a_job() -> Iterator[None]:
    """Qt crashes where Python's collector, run in a job's thread, comes upon a widget."""
    yield
    gc.collect()


@pytest.fixture
def _quick_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "modern", replace(MODERN, batches_per_epoch=4, batch_size=16))
        yield


def open_blobs(viewer: Any, *seeds: int) -> Session:
    """Micrographs of blobs, all marked by a click each."""
    session = session_of(viewer)
    session.box_size_px = BOX_PX
    for seed in seeds:
        micrograph, centres = blob_micrograph(seed)
        data, arguments, _ = image_layer_data(micrograph)
        viewer.add_image(data, **arguments)
        session.current = micrograph.name
        link_of(viewer).mark("positive").add(centres)
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
    assert dock.use_suggested.text == "Suggested: 40 px (80 Å)"
    assert session.box_size_px == BOX_PX
    dock.use_suggested.native.click()
    assert session.box_size_px == dock.box_size.value == 40
    assert (dock.use_suggested.enabled, dock.use_suggested.tooltip) == (
        False,
        "The box has this size.",
    )


@pytest.mark.usefixtures("_quick_recipe")
def test_stopped_training_keeps_its_best_and_goes_on(qtbot) -> None:
    viewer = ViewerModel()
    dock, session = Train(viewer), open_blobs(viewer, 1, 2)
    assert dock.more.tooltip == "There is no model yet: press Train."
    assert dock.stop.tooltip == dock.discard.tooltip == "Nothing is being trained."
    session.epochs = 900
    dock.train.native.click()
    qtbot.waitUntil(lambda: len(session.history) >= 3, timeout=60_000)
    assert "s left" in dock.status.value or "min left" in dock.status.value
    assert (dock.train.enabled, dock.train.tooltip) == (False, "Training is running.")
    dock.stop.native.click()
    assert "the best so far is kept" in dock.status.value
    qtbot.waitUntil(lambda: not session.training.running, timeout=60_000)
    epochs = len(session.history)
    assert dock.status.value.startswith(f"Trained, the best of {epochs} epochs kept")
    first = session.model
    assert first.summary["stopped"]["epochs"] == 900
    (done,) = session.rounds
    assert (done.number, done.start, done.epochs) == (1, "new", epochs)
    parts = [*first.summary["trained_on"], *first.summary["held_out"]]
    assert done.particles == sum(part["particles"] for part in parts)

    # more clicks, and on from there
    session.epochs = 1
    session.current = "blobs_1"
    link_of(viewer).mark("negative").add([[5.0, 5.0]])
    dock.more.native.click()
    qtbot.waitUntil(lambda: not session.training.running, timeout=60_000)
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
    (simulated,) = simulate_sample(1)
    data, arguments, _ = image_layer_data(simulated.micrograph)
    viewer.add_image(data, **arguments)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Train")
    session = session_of(viewer)
    session.box_size_px = SAMPLE_BOX_PX
    assert not dock.strip.isVisible()
    link_of(viewer).mark("positive").add(simulated.truth_yx)
    qtbot.waitUntil(lambda: dock.strip.isVisible(), timeout=20_000)
    assert dock.strip.counts == [STRIP_COLUMNS, STRIP_COLUMNS]
    assert "(40 x 40 px, binned by 3)" in dock.seen.value
    qtbot.waitUntil(lambda: session.suggested_box_px is not None, timeout=20_000)
    assert dock.use_suggested.text.startswith(f"Suggested: {session.suggested_box_px} px (")
    session.binning = 2
    qtbot.waitUntil(lambda: "(60 x 60 px, binned by 2)" in dock.seen.value, timeout=20_000)


def test_time_left_is_told_from_the_second_epoch_on() -> None:
    assert time_left(1, 40, 0.0) == ""
    assert time_left(11, 31, 10.0) == ", about 20 s left"
    assert time_left(11, 31, 100.0) == ", about 3 min left"


def test_best_epoch_is_named() -> None:
    history = [EpochDone(1, 9, 0.5, 0.4, 0.9), EpochDone(2, 9, 0.3, 0.5, 0.8)]
    assert numbers_of(history) == (
        "loss 0.300; held-out boxes: loss 0.500, AP 0.800 (best 0.900 in epoch 1)"
    )
    assert numbers_of([EpochDone(1, 9, 0.5, None, None)]) == "loss 0.500"
    assert numbers_of([]) == ""


def test_small_jobs_wait_until_they_are_seen_and_only_the_last_one_counts(qtbot) -> None:
    widget, asked, results = QWidget(), [], []
    qtbot.addWidget(widget)

    def job_of() -> Any:
        asked.append(len(asked))
        number = asked[-1]

        def job() -> Iterator[None]:
            yield
            return number

        return job

    refresh = Refresh(widget, job_of, results.append, delay_ms=1)
    refresh.ask()
    qtbot.wait(50)
    assert asked == []
    widget.show()
    qtbot.waitUntil(lambda: results == [0])
    for _ in range(5):
        refresh.ask()
    qtbot.waitUntil(lambda: results == [0, 1])


def test_labels_of_the_strip_are_marks_and_verdicts(qtbot) -> None:
    viewer = ViewerModel()
    session = open_blobs(viewer, 1)
    session.review = {"blobs_1": Labels.of([[50.0, 50.0]])}
    dock = Train(viewer)
    job = dock._strip_job()
    assert job is not None
    stream = job()
    next(stream)
    with pytest.raises(StopIteration) as end:
        next(stream)
    found = end.value.value
    assert len(found.positives) == STRIP_COLUMNS
    dock._show_strip(replace(found, marked=STRIP_COLUMNS))
    assert dock.seen.value.endswith("particles; non-particles")
    assert np.ptp(found.positives) > 0
