"""Picks are set into their layer once, whatever brings them: a score, a turn, a threshold."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Points

from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.io.images import write_image
from napari_deepem.layers.micrographs import image_layer_data
from napari_deepem.layers.tags import find_layer
from napari_deepem.layers.verdict_points import show_verdicts
from napari_deepem.session import Scored, Session

SHAPE = (60, 90)
MODEL = SimpleNamespace(summary={}, box_size_px=24)


@pytest.fixture
def viewer() -> ViewerModel:
    """Two micrographs, m1 and m2; m2 is shown."""
    viewer = ViewerModel()
    for name in ("m1", "m2"):
        data, arguments, _ = image_layer_data(Micrograph(np.zeros(SHAPE), name, 2.0))
        viewer.add_image(data, **arguments)
    link_of(viewer).session.threshold = 0.5
    return viewer


def candidates(*scores: float) -> Candidates:
    centres_yx = np.array([[10.0, 10.0 + 30 * index] for index in range(len(scores))])
    return Candidates(centres_yx, np.array(scores), np.ones(len(scores)), 24)


def score(session: Session, *scores: float) -> None:
    """Score the current micrograph."""
    grid = np.full((5, 8), scores[0], dtype=np.float32)
    score_map = ScoreMap(grid, np.ones_like(grid), 5.0, 10.0, 24)
    micrograph = session.micrographs[session.current]
    scored = Scored(micrograph, MODEL, score_map, candidates(*scores))
    session.scored = {**session.scored, session.current: scored}


def picks_layer(viewer: ViewerModel) -> Points:
    return find_layer(viewer.layers, "picks")


class Counts:
    """How often the layers of results were set since it was last asked."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._picks = self._score_maps = 0
        picks_layer(viewer).events.features.connect(self._on_picks)
        find_layer(viewer.layers, "scores").events.data.connect(self._on_score_map)

    def _on_picks(self) -> None:
        self._picks += 1

    def _on_score_map(self) -> None:
        self._score_maps += 1

    def told(self) -> tuple[int, int]:
        """How often picks were set, and a score map."""
        told = self._picks, self._score_maps
        self._picks = self._score_maps = 0
        return told


def test_picks_are_shown_once_a_score_a_turn_and_a_threshold(viewer) -> None:
    session = link_of(viewer).session
    score(session, 0.9, 0.6)
    counts = Counts(viewer)
    assert len(picks_layer(viewer).data) == 2

    session.current = "m1"  # not scored
    assert not picks_layer(viewer).visible
    assert counts.told() == (0, 0)
    score(session, 0.8, 0.7, 0.6)
    assert picks_layer(viewer).visible
    assert len(picks_layer(viewer).data) == 3
    assert counts.told() == (1, 1)

    for name, number in (("m2", 2), ("m1", 3), ("m2", 2)):
        session.current = name
        assert len(picks_layer(viewer).data) == number
        assert counts.told() == (1, 1)
    session.threshold = 0.7
    assert len(picks_layer(viewer).data) == 1
    assert counts.told() == (1, 0)
    score(session, 0.95, 0.9)  # by another training
    assert counts.told() == (1, 1)
    session.threshold = 0.71  # cuts nothing off
    assert counts.told() == (0, 0)


def test_picks_come_back_once_after_a_micrograph_without_any(viewer) -> None:
    session = link_of(viewer).session
    score(session, 0.9, 0.6)
    counts = Counts(viewer)
    session.current = "m1"
    session.current = "m2"
    assert picks_layer(viewer).visible
    assert counts.told() == (0, 0)  # they are there still


def test_picks_of_a_series_are_shown_once_a_page(tmp_path: Path, qtbot) -> None:
    viewer = ViewerModel()
    session = link_of(viewer).session
    files = {name: tmp_path / f"{name}.mrc" for name in ("a", "b", "c")}
    for path in files.values():
        write_image(path, np.random.default_rng(0).normal(size=SHAPE), 2.0)
    session.threshold = 0.5
    session.files, session.current = files, "a"
    qtbot.waitUntil(lambda: "a" in session.micrographs)
    score(session, 0.9)
    counts = Counts(viewer)
    session.candidates = {**session.candidates, "b": candidates(0.8, 0.7)}
    for name, number in (("b", 2), ("a", 1), ("b", 2)):
        session.current = name
        qtbot.waitUntil(lambda name=name: name in session.micrographs)
        assert picks_layer(viewer).visible
        assert len(picks_layer(viewer).data) == number
        assert counts.told() == (1, 0)
    score(session, 0.85, 0.75)  # the page that is shown
    assert counts.told() == (1, 1)


def test_map_that_grows_is_shown_as_it_grows_and_goes_where_it_is_given_up(viewer) -> None:
    session = link_of(viewer).session
    grids = [np.full((5, 8), value, dtype=np.float32) for value in (0.1, 0.2)]
    for grid in grids:
        session.scored_so_far = "m2", ScoreMap(grid, np.ones_like(grid), 5.0, 10.0, 24)
        assert find_layer(viewer.layers, "scores").data is grid
    session.current = "m1"
    assert not find_layer(viewer.layers, "scores").visible
    session.current = "m2"
    assert find_layer(viewer.layers, "scores").visible
    session.scored_so_far = None
    assert not find_layer(viewer.layers, "scores").visible


def test_filtered_picture_covers_no_score_map_and_review_lies_on_picks(
    viewer: ViewerModel, qtbot
) -> None:
    """E.7: whichever of them came first, and with a micrograph that is opened last."""
    session = link_of(viewer).session
    viewer.layers["m2"].data = np.random.default_rng(0).normal(size=SHAPE)
    image = viewer.layers["m2"]
    place = np.array([[20.0, 20.0]])
    show_verdicts(viewer, image, 24, accepted_yx=place, rejected_yx=place, selected_yx=place)
    score(session, 0.9)
    session.display.filtered = True
    qtbot.waitUntil(lambda: find_layer(viewer.layers, "display") is not None)
    noise = np.random.default_rng(1).normal(size=SHAPE)
    data, arguments, _ = image_layer_data(Micrograph(noise, "m3", 2.0))
    viewer.add_image(data, **arguments)
    names = [layer.name for layer in viewer.layers]
    ours = [name for name in names if name != "Filtered"]  # of m3 it is made in a moment
    assert ours == ["m1", "m2", "m3", "Score map", "Picks", "Review"]
    session.current = "m2"
    qtbot.waitUntil(lambda: "Filtered" in viewer.layers)
    assert [layer.name for layer in viewer.layers].index("Filtered") == 3
