"""A folder of three micrographs, opened as a series on a viewer without a window."""

import threading
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_deepem.controllers.viewer_link import ViewerLink, link_of
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Candidates, ScoreMap
from napari_deepem.io.images import write_image
from patience import PATIENCE_S
from pretended_scores import pretend_to_score

SHAPES = {"m1": (60, 90), "m2": (60, 90), "m10": (80, 70)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three micrographs, the last one of another shape."""
    rng = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        write_image(tmp_path / f"{name}.mrc", rng.normal(size=shape).astype(np.float32), 2.0)
    return tmp_path


@pytest.fixture
def opened(folder: Path, qtbot):
    """Open the folder, or another one, in a viewer; closed in the end."""
    links = []

    def open_in(viewer: ViewerModel, place: Path = folder, apart: bool = False) -> ViewerLink:
        link = link_of(viewer)
        links.append((link, viewer))  # a link holds its viewer weakly
        link.autosave.open_folder(place, apart)
        qtbot.waitUntil(lambda: not link.autosave.message)  # first: the last folder has one, too
        qtbot.waitUntil(lambda: link.session.current in link.session.micrographs)
        return link

    yield open_in
    for link, _ in links:
        link.autosave.close()


def go_to(link: ViewerLink, name: str, qtbot) -> None:
    """Show another micrograph, and wait until it is read."""
    link.session.current = name
    qtbot.waitUntil(lambda: name in link.session.micrographs)


def visible(viewer: ViewerModel) -> set[str]:
    """Names of the layers that are shown, but the filtered picture: it comes a moment later."""
    return {layer.name for layer in viewer.layers if layer.visible} - {"Filtered"}


def some_model() -> Model:
    """An untrained model of the smallest box."""
    network = Network(Architecture.for_box(24)).eval()
    return Model(network, "modern", 24, Sampling(1), 2.0, threshold=0.4, std_range=(0.0, 5.0))


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the two candidates of each micrograph get; m10 can't be scored."""
    given = {"m1": 0.9, "m2": 0.5}

    def score(micrograph, model, *_, **__):
        yield TilesDone(1, 1)
        if micrograph.name not in given:
            raise InputError(f"{micrograph.name} is too small")
        grid = np.full((5, 8), given[micrograph.name], dtype=np.float32)
        found = Candidates(
            np.array([[20.0, 30.0], [50.0, 50.0]]),
            np.array([given[micrograph.name], 0.45]),
            np.ones(2),
            24,
        )
        return ScoreMap(grid, grid, 5.0, 10.0, 24), found

    pretend_to_score(monkeypatch, score)
    return given


@pytest.fixture
def slow_score(monkeypatch: pytest.MonkeyPatch):
    """Scores are the micrograph's mean, and wait for this to be set after the first tile."""
    go_on = threading.Event()

    def score(micrograph, model, *_, **__):
        grid = np.full((5, 8), micrograph.image.mean(), dtype=np.float32)
        score_map = ScoreMap(grid, grid, 5.0, 10.0, 24)
        yield TilesDone(1, 2, score_map)
        assert go_on.wait(PATIENCE_S)
        yield TilesDone(2, 2, score_map)
        found = Candidates(np.array([[20.0, 30.0]]), np.array([0.9]), np.ones(1), 24)
        return score_map, found

    pretend_to_score(monkeypatch, score)
    yield go_on
    go_on.set()
