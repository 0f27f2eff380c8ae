from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.jobs import finish
from napari_deepem.core.types import Candidates
from napari_deepem.session import Session, review_gallery
from napari_deepem.session.review_gallery import (
    gallery,
    gallery_at,
    give_verdict,
    making_gallery,
    verdicts_on,
)


def candidates(*rows: tuple[float, float, float, float]) -> Candidates:
    """From (row, col, score, std)."""
    table = np.array(rows)
    return Candidates(table[:, :2], table[:, 2], table[:, 3], 40)


@pytest.fixture
def session() -> Session:
    """Two scored micrographs, boxes of 40 px, threshold 0.5."""
    session = Session(box_size_px=40, threshold=0.5, std_range=(0.0, 3.0))
    session.files = {name: Path(f"{name}.mrc") for name in "ab"}
    session.model = SimpleNamespace(
        min_distance_px=None,
        box_size_px=40,
        threshold=0.5,
        std_range=(0.0, 3.0),
        recipe="modern",
        summary={},
    )
    session.candidates = {
        "a": candidates((50, 50, 0.9, 1.0), (52, 50, 0.8, 1.0), (200, 50, 0.45, 2.0)),
        "b": candidates((50, 50, 0.7, 0.5), (300, 300, 0.6, 5.0)),
    }
    return session


def test_gallery_holds_picks_in_order(session: Session) -> None:
    shown = gallery(session, ["a", "b"], "best")
    assert [shown.name_of(row) for row in range(len(shown))] == ["a", "b"]
    np.testing.assert_array_equal(shown.scores, [0.9, 0.7])  # 0.8 is too near, 0.6 too uneven
    np.testing.assert_array_equal(gallery(session, ["a", "b"], "worst").scores, [0.7, 0.9])
    np.testing.assert_array_equal(gallery(session, ["a", "b"], "std_low").stds, [0.5, 1.0])
    np.testing.assert_array_equal(gallery(session, ["a", "b"], "std_high").stds, [1.0, 0.5])
    assert len(gallery(session, ["a"], "best")) == 1
    assert len(gallery(session, ["elsewhere"], "best")) == 0


def test_doubtful_ones_below_the_threshold_are_shown_too(session: Session) -> None:
    np.testing.assert_array_equal(gallery(session, ["a", "b"], "doubt").scores, [0.45, 0.7, 0.9])


def test_long_gallery_ends_and_says_how_many_there_are(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_gallery, "MOST_SHOWN", 1)
    shown = gallery(session, ["a", "b"], "best")
    assert (len(shown), shown.found) == (1, 2)


def test_gallery_follows_threshold_and_distance(session: Session) -> None:
    session.min_distance_px, session.threshold = 1.0, 0.75
    np.testing.assert_array_equal(gallery(session, ["a", "b"], "best").scores, [0.9, 0.8])


def test_job_makes_the_gallery_of_the_moment_in_which_it_was_asked_for(session: Session) -> None:
    expected = gallery(session, ["a", "b"], "best")
    job = making_gallery(session, ["a", "b"], "best")
    session.threshold = 0.95
    session.model = None  # and with it all candidates
    found = finish(job())
    np.testing.assert_array_equal(found.centres_yx, expected.centres_yx)
    assert len(gallery(session, ["a", "b"], "best")) == 0


def test_some_rows_of_a_gallery_are_one(session: Session) -> None:
    shown = gallery(session, ["a", "b"], "best").only(np.array([False, True]))
    assert (len(shown), shown.found, shown.name_of(0)) == (1, 1, "b")
    np.testing.assert_array_equal(shown.scores, [0.7])


def test_gallery_of_what_has_no_verdict_yet_gets_shorter(session: Session) -> None:
    shown = gallery(session, ["a", "b"], "best")
    give_verdict(session, shown.by_name(np.array([0])), "rejected")
    left = gallery(session, ["a", "b"], "best", only_open=True)
    assert [left.name_of(row) for row in range(len(left))] == ["b"]


def test_last_verdict_holds_and_can_be_taken_back(session: Session) -> None:
    shown = gallery(session, ["a", "b"], "best")
    give_verdict(session, shown.by_name(np.array([0, 1])), "accepted")
    assert verdicts_on(session, shown).tolist() == [1, 1]
    assert review_gallery.counts(session) == (2, 0, 2)
    give_verdict(session, shown.by_name(np.array([0])), "rejected")
    assert verdicts_on(session, shown).tolist() == [-1, 1]
    assert review_gallery.counts(session) == (1, 1, 2)
    give_verdict(session, shown.by_name(np.array([0, 1])), None)
    assert verdicts_on(session, shown).tolist() == [0, 0]
    assert review_gallery.counts(session) == (0, 0, 0)
    assert session.with_verdicts() == {}


def test_verdict_speaks_for_what_another_model_picks_there(session: Session) -> None:
    give_verdict(session, gallery(session, ["a"], "best").by_name(np.array([0])), "rejected")
    session.candidates = {"a": candidates((58, 50, 0.9, 1.0), (61, 50, 0.9, 1.0))}
    session.min_distance_px = 1.0
    assert verdicts_on(session, gallery(session, ["a"], "best")).tolist() == [-1, 0]  # 8, 11 px


def test_row_nearest_to_a_place_is_found_on_its_micrograph_only(session: Session) -> None:
    shown = gallery(session, ["a", "b"], "doubt")
    assert shown.row_at("a", np.array([195.0, 55.0]), 20) == 0
    assert shown.row_at("b", np.array([195.0, 55.0]), 20) is None
    assert shown.row_at("c", np.array([50.0, 50.0]), 20) is None


def test_gallery_of_places_holds_them_in_the_order_given(session: Session) -> None:
    places = {"b": np.array([[300.0, 300.0]]), "a": np.array([[200.0, 50.0], [50.0, 50.0]])}
    shown = gallery_at(session, {**places, "closed since": np.zeros((1, 2))})
    assert [shown.name_of(row) for row in range(len(shown))] == ["b", "a", "a"]
    np.testing.assert_array_equal(shown.scores, [0.6, 0.45, 0.9])
    assert shown.found == 3
    assert len(gallery_at(session, {})) == 0


def test_gallery_of_more_than_fits_in_memory_is_that_of_all(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    session = Session()
    session.candidates = {
        f"m{number}": Candidates(
            rng.uniform(0, 1000, (30, 2)),
            np.sort(rng.integers(50, 100, 30) / 100)[::-1],  # with ties
            np.ones(30),
            2,
        )
        for number in range(9)
    }
    names = list(session.candidates)
    monkeypatch.setattr(review_gallery, "MOST_SHOWN", 40)
    expected = gallery(session, names, "best")
    monkeypatch.setattr(review_gallery, "WAITING", 50)
    shown = gallery(session, names, "best")
    assert shown.found == expected.found == 9 * 30
    np.testing.assert_array_equal(shown.centres_yx, expected.centres_yx)
    np.testing.assert_array_equal(shown.which, expected.which)
