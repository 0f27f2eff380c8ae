"""A second window on a folder: it follows the first one, and goes on when that is closed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

from learnt_scores import random_candidates, summary_of
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.types import Candidates, Labels
from napari_deepem.io.session_file import look_into
from napari_deepem.io.session_labels import labels_in
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.session.readiness import (
    FOLLOWING,
    why_not_annotate,
    why_not_judge,
    why_not_propose,
    why_not_score,
    why_not_train,
)
from napari_deepem.widgets.docks.micrographs import Micrographs
from series import go_to, some_model

pytestmark = pytest.mark.usefixtures("qapp")
HERE_YX = [[10.0, 20.0]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_deepem.controllers.follower.LOOK_MS", 20)
    monkeypatch.setattr("napari_deepem.controllers.series_file.DELAY_MS", 20)


def test_labels_and_settings_of_the_first_window_show_in_the_second(opened, qtbot) -> None:
    first, second = opened(ViewerModel()), opened(ViewerModel())
    assert second.session.is_following
    assert "Open in another window" in second.autosave.remark
    assert second.autosave.path is None
    go_to(second, "m2", qtbot)
    first.start_labelling("positive").add(HERE_YX)
    first.session.threshold = 0.7
    first.session.verdicts = {"m1": Labels.of((), HERE_YX)}
    first.session.excluded = frozenset({"m10"})
    qtbot.waitUntil(lambda: second.session.threshold == 0.7)
    qtbot.waitUntil(lambda: "m1" in second.session.labels and bool(second.session.excluded))
    assert second.session.labels["m1"].positive_yx.tolist() == HERE_YX
    assert second.session.verdicts["m1"].negative_yx.tolist() == HERE_YX
    assert second.session.current == "m2"  # each looks where it likes
    assert not second.session.edits.can_undo  # nothing of this was done here
    go_to(second, "m1", qtbot)
    assert second.viewer.layers["m1 particles"].data.tolist() == HERE_YX


def test_label_that_is_erased_in_the_first_window_goes_in_the_second(opened, qtbot) -> None:
    first = opened(ViewerModel())
    first.start_labelling("positive").add([*HERE_YX, [30.0, 40.0]])
    first.autosave._series.write_now()
    second = opened(ViewerModel())
    assert len(second.viewer.layers["m1 particles"].data) == 2
    first.session.labels = {"m1": Labels.of([[30.0, 40.0]])}
    qtbot.waitUntil(lambda: len(second.viewer.layers["m1 particles"].data) == 1)
    assert second.viewer.layers["m1 particles"].data.tolist() == [[30.0, 40.0]]


def test_model_of_the_first_window_and_what_it_scored_come_too(opened, qtbot) -> None:
    first, second = opened(ViewerModel()), opened(ViewerModel())
    first.session.model = some_model()
    candidates = Candidates(np.array(HERE_YX), np.array([0.9]), np.ones(1), 24)
    first.session.candidates = {"m1": candidates}
    qtbot.waitUntil(lambda: second.session.model is not None and "m1" in second.session.candidates)
    first.session.candidates = {**first.session.candidates, "m2": candidates}
    qtbot.waitUntil(lambda: "m2" in second.session.candidates)
    assert second.session.picks.centres_yx.tolist() == HERE_YX


def test_adaptive_threshold_of_the_first_window_picks_the_same_in_the_second(opened, qtbot) -> None:
    first, second = opened(ViewerModel()), opened(ViewerModel())
    mixture = ScoreMixture(Bell(-1.0, 1.0), Bell(1.0, 1.0), share=0.1)
    first.session.model = replace(some_model(), summary=summary_of(mixture))
    first.session.candidates = {"m1": random_candidates(0)}
    first.session.std_range = (0.0, 1.0)
    plain = len(first.session.picks)
    first.session.adaptive_threshold = True
    qtbot.waitUntil(lambda: second.session.adaptive_threshold)
    qtbot.waitUntil(lambda: second.session.picks is not None)
    assert second.session.criteria == first.session.criteria
    assert len(second.session.picks) == len(first.session.picks) != plain


def test_nothing_can_be_changed_in_a_window_that_follows(opened) -> None:
    opened(ViewerModel())
    session = opened(ViewerModel()).session
    whys = (why_not_annotate, why_not_judge, why_not_train)
    assert {why(session) for why in whys} == {FOLLOWING}
    assert {why(session, ["m1"]) for why in (why_not_score, why_not_propose)} == {FOLLOWING}


def test_second_window_goes_on_when_the_first_is_closed(opened, folder: Path, qtbot) -> None:
    first, second = opened(ViewerModel()), opened(ViewerModel())
    second.session.threshold = 0.1  # looked at, not kept
    first.start_labelling("positive").add(HERE_YX)
    first.session.threshold = 0.6
    qtbot.waitUntil(lambda: "m1" in second.session.labels)
    first.autosave.close()
    qtbot.waitUntil(lambda: second.autosave.path == folder / SESSION_FILE)
    assert not second.session.is_following
    assert second.autosave.remark == ""
    assert second.session.threshold == 0.6
    qtbot.waitUntil(lambda: "m1" in second.session.micrographs)
    second.start_labelling("negative").add([[50.0, 60.0]])
    second.autosave.close()
    kept = labels_in(look_into(folder / SESSION_FILE))["m1"]
    assert kept.positive_yx.tolist() == HERE_YX
    assert kept.negative_yx.tolist() == [[50.0, 60.0]]


def test_window_that_follows_may_go_on_apart(opened, folder: Path, qtbot) -> None:
    first, viewer = opened(ViewerModel()), ViewerModel()
    dock, second = Micrographs(viewer), opened(viewer)
    assert "this one follows" in dock.status.value
    dock.apart.native.click()
    qtbot.waitUntil(lambda: second.autosave.path == home_of(folder) / SESSION_FILE)
    assert not second.session.is_following
    qtbot.waitUntil(lambda: "m1" in second.session.micrographs)
    second.start_labelling("positive").add(HERE_YX)
    second.autosave.close()
    assert (
        labels_in(look_into(home_of(folder) / SESSION_FILE))["m1"].positive_yx.tolist() == HERE_YX
    )
    assert not first.session.labels.get("m1", Labels.of()).can_teach


def test_window_that_goes_to_another_folder_follows_no_more(
    opened, folder: Path, tmp_path_factory: pytest.TempPathFactory, qtbot
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "n1.mrc").write_bytes((folder / "m1.mrc").read_bytes())
    first, second = opened(ViewerModel()), opened(ViewerModel())
    opened_link = second.autosave
    opened_link.open_folder(other)
    qtbot.waitUntil(lambda: opened_link.path == other / SESSION_FILE)
    first.start_labelling("positive").add(HERE_YX)
    first.autosave.close()
    qtbot.wait(100)
    assert opened_link.path == other / SESSION_FILE
    assert "m1" not in second.session.labels
