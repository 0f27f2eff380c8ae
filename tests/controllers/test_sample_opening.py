"""The sample, which does not keep the window waiting (E.9)."""

from collections.abc import Iterator

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.notifications import notification_manager

from napari_deepem.controllers import sample_opening
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Micrograph
from napari_deepem.layers.label_points import points_layer_data
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.sample import LayerData, blank


def simulating(labelled: int) -> Iterator[list[LayerData]]:
    """As the sample's, of noise."""
    for number in range(3):
        noise = np.random.default_rng(number).normal(size=(1024, 1024)).astype(np.float32)
        micrograph = Micrograph(noise, f"klh_{number + 1:02d}", 4.4)
        layers = [image_layer_data(micrograph, box_size_px=120)]
        if number < labelled:
            place = np.array([[40.0, 50.0]])
            layers.append(points_layer_data(place, "positive", micrograph.name, 120))
        yield layers


@pytest.mark.usefixtures("qapp")
def test_sample_comes_one_micrograph_after_the_other(monkeypatch, qtbot) -> None:
    viewer = ViewerModel()
    monkeypatch.setattr(sample_opening, "simulating", simulating)
    monkeypatch.setattr(sample_opening.napari, "current_viewer", lambda: viewer)
    session = link_of(viewer).session
    notification_manager.records.clear()
    layers = sample_opening.open_labelled_sample()
    (told,) = notification_manager.records
    assert told.message == session.opening.message == "Simulating micrographs ..."
    assert session.opening.running
    for data in layers:
        viewer.add_layer(Layer.create(*data))
    assert list(session.micrographs) == ["klh_01"]  # blank as yet
    assert not session.micrographs["klh_01"].image.any()
    qtbot.waitUntil(lambda: not session.opening.running)
    assert list(session.micrographs) == ["klh_01", "klh_02", "klh_03"]
    assert session.micrographs["klh_01"].image.std() > 0.9
    assert viewer.layers["klh_01"].contrast_limits[1] < 4
    assert {name for name, labels in session.labels.items() if labels.can_teach} == {
        "klh_01",
        "klh_02",
    }
    assert session.current == "klh_01"
    assert session.box_size_px == 120


@pytest.mark.usefixtures("qapp")
def test_sample_that_is_opened_twice_is_there_twice(monkeypatch, qtbot) -> None:
    viewer = ViewerModel()
    monkeypatch.setattr(sample_opening, "simulating", simulating)
    monkeypatch.setattr(sample_opening.napari, "current_viewer", lambda: viewer)
    session = link_of(viewer).session
    for open_one in (sample_opening.open_sample, sample_opening.open_labelled_sample):
        for data in open_one():
            viewer.add_layer(Layer.create(*data))
        qtbot.waitUntil(lambda: not session.opening.running)
    assert len(session.micrographs) == 6
    assert all(micrograph.image.std() > 0.9 for micrograph in session.micrographs.values())
    labelled = {name for name, labels in session.labels.items() if labels.can_teach}
    assert labelled == {"klh_01 [1]", "klh_02 [1]"}


def test_sample_without_a_window_comes_whole(monkeypatch) -> None:
    monkeypatch.setattr(sample_opening, "simulating", simulating)
    monkeypatch.setattr(sample_opening.napari, "current_viewer", lambda: None)
    names = [arguments["name"] for _, arguments, _ in sample_opening.open_sample()]
    assert names == ["klh_01", "klh_02", "klh_03"]


def test_blank_has_the_shape_of_what_takes_its_place() -> None:
    pixels, arguments, kind = blank()
    assert (pixels.shape, arguments["name"], kind) == ((1024, 1024), "klh_01", "image")
