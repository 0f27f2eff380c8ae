"""The scoring of a series, and what becomes of scores that are out of date."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_deepem.io.images import write_image
from napari_deepem.layers.tags import find_layer
from series import go_to, some_model, visible

pytestmark = pytest.mark.usefixtures("qapp")


def test_micrograph_that_was_processed_again_has_no_scores(
    opened, scores: dict[str, float], folder: Path, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: not session.scoring.running)
    go_to(link, "m10", qtbot)
    write_image(folder / "m1.mrc", np.random.default_rng(1).normal(size=(60, 90)), 2.0)
    os.utime(folder / "m1.mrc", ns=(1, 1))  # another time, whatever a file system's clock
    go_to(link, "m1", qtbot)
    qtbot.waitUntil(lambda: list(session.candidates) == ["m2"])
    assert visible(link.viewer) == {"m1"}
    go_to(link, "m2", qtbot)
    qtbot.waitUntil(lambda: "m2" in session.scored)


def test_stopped_scoring_goes_on_after_the_session_is_opened_again(
    opened, scores: dict[str, float], qtbot
) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.session.events.candidates.connect(
        lambda: QTimer.singleShot(0, link.scoring.cancel)  # while the next one is scored
    )
    link.scoring.score(link.session.names)
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    assert list(link.session.candidates) == ["m1"]
    link.autosave.close()
    again = opened(ViewerModel())
    assert list(again.session.candidates) == ["m1"]
    assert again.session.picks is not None
    assert find_layer(again.viewer.layers, "picks").visible


def test_old_scores_do_not_outlast_their_model(opened, scores: dict[str, float], qtbot) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: not link.session.scoring.running)
    link.session.model = SimpleNamespace(
        min_distance_px=None,
        threshold=0.5,
        std_range=(0.0, 1.0),
        box_size_px=24,
        recipe="modern",
        summary={},
    )
    assert link.session.candidates == {}
    assert "Picks" not in visible(link.viewer)
    link.session.model = None


def test_scores_are_those_of_the_pixels_that_are_there_now(
    opened, folder: Path, slow_score, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    link.viewer.layers["m1"].data = np.full((60, 90), 0.5, dtype=np.float32)
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert session.scored["m1"].micrograph is session.micrographs["m1"]
    np.testing.assert_array_equal(session.scored["m1"].score_map.scores, np.full((5, 8), 0.5))


def test_folder_that_is_opened_again_loses_no_scores(
    opened, folder: Path, slow_score, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    asked = dict(session.files)
    link.autosave.open_folder(folder)
    qtbot.waitUntil(lambda: session.files["m1"] is not asked["m1"])
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.candidates) == ["m1", "m2"]


def test_stopped_scoring_is_over_at_once_and_another_one_may_begin(
    opened, slow_score, qtbot
) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    link.scoring.cancel()
    assert (session.scoring.running, session.scored_so_far) == (False, None)
    assert session.scoring.message == "Stopped: 0 of 2 are done."
    session.model, first = some_model(), session.model
    link.scoring.score(["m1"])
    assert session.scoring.running
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert list(session.scored) == ["m1"]
    assert session.scored["m1"].model is session.model is not first


def test_what_an_old_model_has_scored_so_far_is_not_shown(opened, slow_score, qtbot) -> None:
    link = opened(ViewerModel())
    session = link.session
    session.model = some_model()
    link.scoring.score(["m1", "m2"])
    qtbot.waitUntil(lambda: session.scored_so_far is not None)
    session.model, maps = some_model(), []
    assert session.scored_so_far is None
    session.events.scored_so_far.connect(maps.append)
    slow_score.set()
    qtbot.waitUntil(lambda: not session.scoring.running)
    assert maps == []
    assert session.candidates == {}


def test_excluded_micrograph_is_not_scored_and_that_is_said(opened, scores) -> None:
    link = opened(ViewerModel())
    link.session.model = some_model()
    link.session.excluded = frozenset({"m1"})
    link.scoring.score(["m1"])
    assert "m1 is excluded" in link.session.scoring.message
    assert not link.session.scoring.running
