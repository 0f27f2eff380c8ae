"""Particles that the general network proposes before anything is labelled or trained."""

import numpy as np
import pytest
from napari.components import ViewerModel
from superqt.utils._qthreading import WorkerBase

from napari_deepem.core.network.general import general_model
from napari_deepem.core.types import Labels
from napari_deepem.io.models import save_model
from napari_deepem.layers.tags import find_layer
from napari_deepem.session import export_plan, readiness
from napari_deepem.session.proposals import question_before, state_of_proposals
from napari_deepem.session.training_input import TrainingInput
from series import some_model

pytestmark = pytest.mark.usefixtures("qapp")
BOX_PX = 24


@pytest.fixture
def link(opened, scores: dict[str, float]):
    link = opened(ViewerModel())
    link.session.box_size_px = BOX_PX
    return link


def propose(link, names: list[str], qtbot) -> None:
    """Propose particles, and wait until that is done."""
    link.proposing.propose(names)
    qtbot.waitUntil(lambda: not link.proposing.running)
    link.session.threshold = 0.6  # whatever the network came with


def test_particles_are_proposed_without_labels_and_without_a_model(link, qtbot) -> None:
    session = link.session
    propose(link, session.current_alone, qtbot)
    assert (session.proposes, session.trained_model) == (True, None)
    assert session.model.box_size_px == BOX_PX
    assert list(session.candidates) == ["m1"]
    assert len(session.picks) == 1
    assert find_layer(link.viewer.layers, "picks").visible
    assert state_of_proposals(session).startswith("1 particle proposed here. ")
    assert session.rounds == ()


def test_all_are_proposed_on_with_the_current_one_first(link, scorings, qtbot) -> None:
    link.session.current = "m2"
    propose(link, link.session.names, qtbot)
    assert list(link.session.candidates) == ["m2", "m1"]
    assert "m10" in link.session.problems
    model = link.session.model
    propose(link, link.session.names, qtbot)  # the same network goes on
    assert link.session.model is model


def test_proposals_of_another_box_are_said_to_be_and_are_made_anew(link, qtbot) -> None:
    session = link.session
    propose(link, ["m1"], qtbot)
    assert "proposed here already" in readiness.why_not_propose(session, ["m1"])
    session.box_size_px = 30
    assert state_of_proposals(session) == (
        "Proposed with a box of 24 px: propose anew for one of 30 px."
    )
    assert readiness.why_not_propose(session, ["m1"]) == ""
    propose(link, ["m1"], qtbot)
    assert session.model.box_size_px == 30
    assert state_of_proposals(session).startswith("1 particle proposed here")


def test_proposal_for_a_box_that_is_not_wanted_any_more_is_none(link, qtbot) -> None:
    link.proposing.propose(["m1"])
    link.session.box_size_px = 30
    qtbot.waitUntil(lambda: not link.proposing.running)
    assert link.session.model is None


def test_cancelled_proposal_leaves_no_model(link, qtbot) -> None:
    link.proposing.propose(["m1"])
    link.proposing.cancel()
    assert not link.proposing.running
    WorkerBase.await_workers(60_000)
    qtbot.wait(1)  # what it would have delivered
    assert link.session.model is None
    assert link.session.proposing.message == "Cancelled."


def test_trained_model_is_asked_for_before_it_is_replaced(link) -> None:
    session = link.session
    assert (question_before(session), readiness.why_not_propose_unasked(session)) == ("", "")
    session.model = some_model()
    assert session.trained_model is session.model
    assert "Replace the trained model?" in question_before(session)
    assert "asks before" in readiness.why_not_propose_unasked(session)


def test_box_must_fit_and_the_micrograph_be_in_use(link) -> None:
    session = link.session
    session.box_size_px = 70
    assert "does not fit m1 (90 x 60 px)" in readiness.why_not_propose(session, ["m1"])
    session.box_size_px, session.excluded = BOX_PX, frozenset({"m1"})
    link.proposing.propose(["m1"])
    assert "m1 is excluded" in session.proposing.message
    assert not link.proposing.running


def test_verdicts_on_proposals_teach_the_first_training_with_clicks(link, qtbot) -> None:
    session = link.session
    propose(link, ["m1", "m2"], qtbot)
    session.threshold = 0.3
    assert "Accept at least one pick" in readiness.why_not_train(session)
    assert readiness.why_not_refine(session) == readiness.NOT_TRAINED
    session.verdicts = {"m1": Labels.of([[20.0, 30.0]]), "m2": Labels.of((), [[20.0, 30.0]])}
    session.labels = {"m1": Labels.of([[40.0, 20.0]])}
    assert readiness.why_not_train_by_verdicts(session) == ""
    first, second = TrainingInput.of(session).items()
    np.testing.assert_array_equal(first.labels.positive_yx, [[40.0, 20.0], [20.0, 30.0]])
    np.testing.assert_array_equal(first.labels.unsure_yx, [[50.0, 50.0]])
    assert not first.complete
    np.testing.assert_array_equal(second.labels.negative_yx, [[20.0, 30.0]])


def test_proposals_are_kept_with_their_network_and_can_be_exported(
    link, opened, tmp_path, qtbot
) -> None:
    session = link.session
    propose(link, ["m1"], qtbot)
    plan = export_plan.plan(session, "picks", "all", tmp_path, [".star"])
    assert [len(plan.picks_of(name)[0]) for name in plan.names] == [1]
    link.autosave.close()
    again = opened(ViewerModel()).session
    assert again.proposes
    assert again.model.box_size_px == BOX_PX
    assert list(again.candidates) == ["m1"]
    assert state_of_proposals(again) == state_of_proposals(session)


def test_general_network_in_a_file_is_no_round_of_training(link, tmp_path, qtbot) -> None:
    session = link.session
    link.training.load(save_model(general_model(BOX_PX), tmp_path / "general.safetensors"))
    qtbot.waitUntil(lambda: session.model is not None)
    assert session.proposes
    assert session.rounds == ()
