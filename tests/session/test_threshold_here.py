"""The threshold of the current micrograph."""

import numpy as np
import pytest

from learnt_scores import with_learnt_scores
from napari_deepem.core.network.general import general_model
from napari_deepem.session import Session, threshold_here


@pytest.fixture
def session() -> Session:
    """Three scored micrographs, whose candidates look like particles more often than usual."""
    session = Session(std_range=(0.2, 0.9))
    session.current = "a"
    with_learnt_scores(session, share=0.1)
    return session


def test_plain_threshold_is_in_use_as_it_is_chosen(session: Session) -> None:
    threshold_here.choose(session, 0.4)
    assert threshold_here.in_use(session) == session.threshold == 0.4
    assert threshold_here.remark(session) == ""


def test_line_that_is_dragged_stays_where_it_was_put_while_thresholds_adapt(
    session: Session,
) -> None:
    session.adaptive_threshold = True
    for score in (0.0, 0.3, 0.9, 1.0):
        threshold_here.choose_in_use(session, score)
        assert threshold_here.in_use(session) == pytest.approx(score)
    threshold_here.choose_in_use(session, 0.3)
    assert session.threshold > 0.3
    assert session.picks.scores.min() >= 0.3
    assert "Here it is 0.30: more candidates than usual" in threshold_here.remark(session)


def test_own_threshold_begins_as_the_one_in_use_and_changes_no_pick(session: Session) -> None:
    session.adaptive_threshold = True
    before = session.picks
    threshold_here.give_own(session, True)
    np.testing.assert_array_equal(session.picks.centres_yx, before.centres_yx)
    assert threshold_here.chosen(session) == threshold_here.in_use(session)
    assert threshold_here.remark(session) == ""
    threshold_here.choose(session, 0.95)
    assert (session.threshold, session.own_thresholds) == (0.5, {"a": 0.95})
    session.current = "b"
    assert not threshold_here.has_own(session)
    threshold_here.choose(session, 0.6)
    session.current = "a"
    assert threshold_here.chosen(session) == 0.95
    threshold_here.give_own(session, False)
    assert threshold_here.chosen(session) == 0.6
    assert session.own_thresholds == {}


def test_reason_is_given_where_nothing_was_learnt_of_scores(session: Session) -> None:
    assert threshold_here.why_not_adapt(session) == ""
    session.model = None
    assert "mark more particles" in threshold_here.why_not_adapt(session)
    session.model = general_model(session.box_size_px)
    assert threshold_here.why_not_adapt(session) == threshold_here.TRAIN_FIRST
