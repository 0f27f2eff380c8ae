from types import SimpleNamespace

import numpy as np
import pytest

from learnt_scores import random_candidates as candidates_of
from learnt_scores import summary_of, with_learnt_scores
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import TOO_FEW_HELD_OUT, evidence_of, judge
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.types import Candidates, Picks
from napari_deepem.session import Session
from napari_deepem.session.pick_cache import LARGEST_ERROR_HERE


@pytest.fixture
def session() -> Session:
    """Three scored micrographs."""
    session = Session(std_range=(0.2, 0.9))
    session.candidates = {name: candidates_of(seed) for seed, name in enumerate("abc")}
    session.current = "a"
    return session


def work_out(session: Session) -> int:
    return sum(1 for _ in session.selection.steps())


def picks_of(session: Session, candidates: Candidates) -> Picks:
    return session.criteria.picks_of(candidates)


def test_picks_of_any_micrograph_are_those_that_are_exported(session: Session) -> None:
    for threshold, distance in ((0.5, None), (0.1, None), (0.1, 60.0), (0.99, 0.0)):
        session.threshold, session.min_distance_px = threshold, distance
        for name, found in session.candidates.items():
            picks = session.selection.picks_of(name)
            assert picks is not None
            np.testing.assert_array_equal(picks.centres_yx, picks_of(session, found).centres_yx)
    assert session.selection.picks_of("unknown") is None


def test_all_are_counted_once_there_was_time(session: Session) -> None:
    selection = session.selection
    assert selection.count_of("a") == len(session.picks)
    assert selection.total() is None
    assert work_out(session) == 2  # the current one is known
    for threshold in (0.5, 0.2, 1.0):
        session.threshold = threshold
        expected = {
            name: len(picks_of(session, found)) for name, found in session.candidates.items()
        }
        assert {name: selection.count_of(name) for name in "abc"} == expected
        assert selection.total() == (sum(expected.values()), 3)
    assert work_out(session) == 0
    session.std_range = (0.0, 0.5)
    assert selection.total() is None
    assert work_out(session) == 2


def test_what_is_excluded_or_scored_anew_is_not_counted_as_before(session: Session) -> None:
    work_out(session)
    session.excluded = frozenset({"b"})
    total = session.selection.total()
    assert total == (
        sum(len(picks_of(session, session.candidates[name])) for name in "ac"),
        2,
    )
    session.candidates = {**session.candidates, "c": candidates_of(7)}
    assert session.selection.count_of("c") is None
    assert work_out(session) == 1


def test_same_picks_are_not_announced_again(session: Session) -> None:
    counts = []
    session.events.picks.connect(lambda picks: counts.append(len(picks)))
    score = float(session.picks.scores[-1])
    session.threshold = score
    session.threshold = score - 1e-9
    session.candidates = {**session.candidates, "d": candidates_of(8)}
    assert counts == []
    session.threshold = 0.9
    assert len(counts) == 1


def test_estimate_is_of_the_micrograph_that_is_asked_for(session: Session) -> None:
    mixture = ScoreMixture(Bell(-1.0, 1.0), Bell(1.0, 1.0), share=0.5)
    model = SimpleNamespace(recipe="modern", summary=summary_of(mixture, misfit=0.5))
    for name in "abca":
        evidence = evidence_of(session.candidates[name], model, PickCriteria(0.5, (0.2, 0.9)))
        estimate = session.selection.estimated_precision(name, model)
        assert estimate == judge(evidence, LARGEST_ERROR_HERE)
        assert estimate.precision is not None
    session.candidates = {**session.candidates, "a": candidates_of(9)}
    unknown = session.selection.estimated_precision(
        "a", SimpleNamespace(recipe="modern", summary={})
    )
    assert unknown.withheld == TOO_FEW_HELD_OUT
    session.threshold = 1.0
    assert session.selection.estimated_precision("a", model) is None


def test_adaptive_threshold_is_that_of_the_criteria_on_every_micrograph(session: Session) -> None:
    mixture = with_learnt_scores(session, share=0.1)
    work_out(session)
    plain = session.selection.total()
    session.adaptive_threshold = True
    assert session.criteria.mixture.share == pytest.approx(mixture.share)
    assert work_out(session) == 2
    for name, candidates in session.candidates.items():
        picks = session.selection.picks_of(name)
        expected = picks_of(session, candidates)
        assert picks is not None
        np.testing.assert_array_equal(picks.centres_yx, expected.centres_yx)
        assert session.selection.count_of(name) == len(expected)
    assert session.selection.total()[0] > plain[0]  # half of them look like particles, not a tenth
    session.threshold = 0.7
    assert work_out(session) == 0
    assert session.selection.total()[0] == sum(
        len(picks_of(session, each)) for each in session.candidates.values()
    )
    session.adaptive_threshold, session.threshold = False, 0.5
    work_out(session)
    assert session.selection.total() == plain


def test_threshold_is_plain_where_the_model_learnt_nothing_of_scores(session: Session) -> None:
    with_learnt_scores(session)
    session.adaptive_threshold = True
    session.model = SimpleNamespace(**{**vars(session.model), "summary": {}})
    assert session.criteria.mixture is None


def test_threshold_of_one_micrograph_leaves_the_others_alone(session: Session) -> None:
    with_learnt_scores(session)
    session.threshold = 0.5
    work_out(session)
    counts = {name: session.selection.count_of(name) for name in "abc"}
    session.own_thresholds = {"b": 0.9}
    assert session.selection.count_of("a") == counts["a"]
    assert session.selection.count_of("b") < counts["b"]
    for adapts in (False, True):
        session.adaptive_threshold = adapts
        own = session.series_criteria.on("b").picks_of(session.candidates["b"])
        assert own.scores.min() >= 0.9
        np.testing.assert_array_equal(session.selection.picks_of("b").centres_yx, own.centres_yx)
    session.threshold = 0.1
    assert len(session.selection.picks_of("b")) == len(own)
    session.model = SimpleNamespace(**{**vars(session.model), "threshold": 0.4})
    assert session.own_thresholds == {}  # scores of another model mean something else
