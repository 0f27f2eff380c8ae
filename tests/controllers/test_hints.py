"""Hints say the next step until it was done once, and then never again."""

from __future__ import annotations

import numpy as np

from napari_deepem.controllers.hints import Hints
from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.session import Session
from napari_deepem.session.first_steps import FIRST_STEPS, steps_done
from scored_viewer import model


def test_hints_go_on_as_steps_are_done_and_are_remembered() -> None:
    session = Session()
    hints = Hints(session)
    assert "Drop a folder" in hints.line
    session.micrographs = {"m1": Micrograph(np.zeros((20, 20)), "m1", 1.0)}
    assert "Set the box" in hints.line
    session.labels = {"m1": Labels.of(np.array([[5.0, 5.0]]))}
    assert "press Train" in hints.line
    assert Hints(Session()).line == hints.line  # another day: nothing said twice
    session.labels = {}
    assert "press Train" in hints.line


def test_who_does_a_later_step_needs_no_earlier_hint() -> None:
    session = Session()
    session.exporting.begin("Writing ...")
    assert steps_done(session, 0) == 0
    session.exporting.end("Wrote 3 picks of 1 micrograph to 1 file in picks")
    assert steps_done(session, 0) == len(FIRST_STEPS)


def test_dismissed_hints_do_not_come_back() -> None:
    hints, heard = Hints(Session()), list[str]()
    hints.changed.connect(lambda: heard.append(hints.line))
    hints.dismiss()
    assert heard == [""]
    assert Hints(Session()).line == ""


def test_trained_model_is_to_score_next() -> None:
    session = Session()
    session.model = model()
    assert steps_done(session, 0) == 3
    assert "Press Score" in FIRST_STEPS[3].line


def test_hint_to_save_waits_until_there_is_something() -> None:
    session = Session()
    hints = Hints(session)
    hints._keep(len(FIRST_STEPS) - 1)  # done some other day
    assert hints.line == ""
    assert not hints.is_over
    session.candidates = {"m1": Candidates(np.array([[5.0, 5.0]]), np.ones(1), np.ones(1), 24)}
    assert "Export" in hints.line


def test_hint_to_train_waits_while_a_training_runs() -> None:
    session = Session()
    hints = Hints(session)
    hints._keep(2)
    heard: list[str] = []
    hints.changed.connect(lambda: heard.append(hints.line))
    session.training.running = True
    session.training.running = False
    assert heard[0] == ""
    assert "press Train" in heard[1]
