"""What stands in the way is said in one line, and the line goes as soon as nothing does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.types import Candidates, Labels, Micrograph
from napari_deepem.session import Session, readiness


def micrograph(name: str = "a", shape: tuple[int, int] = (400, 600)) -> Micrograph:
    return Micrograph(np.zeros(shape, np.float32), name)


def model(box_size_px: int = 100) -> SimpleNamespace:
    return SimpleNamespace(
        min_distance_px=None,
        box_size_px=box_size_px,
        threshold=0.5,
        std_range=(0.0, 2.0),
        recipe="modern",
        summary={},
    )


def candidates() -> Candidates:
    return Candidates(np.array([[5.0, 5.0]]), np.array([0.9]), np.array([1.0]), 100)


@pytest.fixture
def session() -> Session:
    return Session(box_size_px=100, micrographs={"a": micrograph()}, current="a")


def test_nothing_can_be_begun_before_a_micrograph_is_open(session: Session) -> None:
    assert "Open a micrograph" in readiness.why_not_begin(Session())
    assert readiness.why_not_begin(session) == ""
    assert readiness.why_not_begin(Session(files={"a": Path("a.mrc")})) == ""


def test_only_what_is_in_memory_can_be_annotated(session: Session) -> None:
    assert "Open a micrograph" in readiness.why_not_annotate(Session())
    assert "Open a micrograph" in readiness.why_not_annotate(Session(files={"a": Path("a.mrc")}))
    assert readiness.why_not_annotate(session) == ""


def test_background_is_drawn_away_from_labelled_particles(session: Session) -> None:
    assert readiness.why_not_draw_background(Session()) == readiness.OPEN_FIRST
    assert "Mark particles here first" in readiness.why_not_draw_background(session)
    session.labels = {"a": Labels.of(negative_yx=[[5, 5]])}
    assert "Mark particles here first" in readiness.why_not_draw_background(session)
    session.labels = {"a": Labels.of([[5, 5]])}
    assert readiness.why_not_draw_background(session) == ""


def test_training_needs_a_particle_and_a_box_that_fits(session: Session) -> None:
    assert "Open a micrograph" in readiness.why_not_train(Session())
    session.micrographs = {"a": micrograph(), "small": micrograph("small", (90, 400))}
    assert "Mark at least one particle" in readiness.why_not_train(session)
    session.labels = {"a": Labels.of(negative_yx=[[1, 1]])}
    assert "Mark at least one particle" in readiness.why_not_train(session)
    session.labels = {"a": Labels.of([[5, 5]]), "small": Labels.of([[5, 5]])}
    assert "does not fit small (400 x 90 px)" in readiness.why_not_train(session)
    session.labels = {"a": Labels.of([[5, 5]]), "small": Labels.of()}
    assert readiness.why_not_train(session) == ""


@pytest.mark.parametrize(
    ("box_size_px", "binning", "says"),
    [(40, 2, "A box of 20 px after binning"), (800, 1, "A box of 800 px after binning")],
)
def test_box_that_no_network_takes_is_said(box_size_px: int, binning: int, says: str) -> None:
    session = Session(box_size_px=box_size_px, binning=binning, start="chance")
    session.micrographs = {"a": micrograph(shape=(900, 900))}
    session.labels = {"a": Labels.of([[400, 400]])}
    assert says in readiness.why_not_train(session)
    assert readiness.why_not_train(session).endswith("change the box or the binning.")
    session.binning = "auto"
    assert readiness.why_not_train(session) == ""


def test_general_network_is_trained_as_it_is(session: Session) -> None:
    session.labels = {"a": Labels.of([[5, 5]])}
    session.recipe = "wide"
    assert "The recipe wide does not train the general network" in readiness.why_not_train(session)
    session.start = "chance"
    assert readiness.why_not_train(session) == ""
    session.start, session.recipe, session.binning = "general", "modern", 4
    assert "the general network takes 44 px" in readiness.why_not_train(session)


def test_refining_needs_a_model_of_this_box_and_something_to_learn(session: Session) -> None:
    assert readiness.why_not_refine(session) == readiness.why_not_train(session) != ""
    session.labels = {"a": Labels.of([[5, 5]])}
    assert readiness.why_not_refine(session) == "There is no model yet: press Train."
    session.model, session.labels = model(), {}
    assert "no labels and no verdicts" in readiness.why_not_refine(session)
    session.labels = {"a": Labels.of([[5, 5]])}
    assert readiness.why_not_refine(session) == ""
    assert readiness.why_not_train_by_verdicts(session) == "Accept or reject some picks first."
    session.verdicts = {"a": Labels.of([[5, 5]])}
    assert readiness.why_not_train_by_verdicts(session) == ""
    session.box_size_px = 120
    for why_not in (readiness.why_not_refine, readiness.why_not_train_by_verdicts):
        assert "The box is 120 px now, the model's 100 px" in why_not(session)


def test_scoring_needs_a_micrograph_and_a_model(session: Session) -> None:
    assert "Open a micrograph" in readiness.why_not_score(Session(), [])
    assert "No model" in readiness.why_not_score(session, ["a"])
    assert "No model" in readiness.why_not_score_all(session)
    session.model = model()
    assert readiness.why_not_score(session, ["a"]) == ""
    assert readiness.why_not_score(session, []) == ""


def test_excluded_micrographs_are_not_scored(session: Session) -> None:
    session.micrographs = {"a": micrograph(), "b": micrograph("b")}
    session.model, session.excluded = model(), frozenset("a")
    assert "a is excluded" in readiness.why_not_score(session, ["a"])
    assert readiness.why_not_score(session, ["a", "b"]) == ""
    session.excluded = frozenset("ab")
    assert "All of them are excluded" in readiness.why_not_score_all(session)


def test_all_are_scored_when_what_is_not_excluded_is(session: Session) -> None:
    session.micrographs = {"a": micrograph(), "b": micrograph("b")}
    session.model = model()
    assert readiness.why_not_score_all(session) == ""
    session.candidates = {"a": candidates()}
    assert readiness.why_not_score_all(session) == ""
    session.excluded = frozenset("b")
    assert "is scored with this model" in readiness.why_not_score_all(session)


def test_picks_are_there_to_be_reviewed_once_something_is_scored(session: Session) -> None:
    assert "press Score" in readiness.why_not_review(session)
    session.candidates = {"a": candidates()}
    assert readiness.why_not_review(session) == ""


def test_gallery_says_why_it_is_empty(session: Session) -> None:
    """E.11: of what is scored and not kept, nobody has to score it first."""
    assert "press Score" in readiness.why_gallery_is_empty(session, ["a"], 0)
    session.candidates = {"a": candidates()}
    session.threshold = 0.95
    assert "lower the threshold" in readiness.why_gallery_is_empty(session, ["a", "b"], 0)
    session.threshold, session.review_only_open = 0.5, True
    assert "has a verdict" in readiness.why_gallery_is_empty(session, ["a", "b"], 0)
    assert "press Score" in readiness.why_gallery_is_empty(session, ["b"], 0)
    assert readiness.why_gallery_is_empty(session, ["b"], 1) == ""


def test_what_is_to_be_saved_must_be_there(session: Session) -> None:
    assert "score a micrograph" in readiness.why_not_save(session, "picks", "this")
    assert "mark particles" in readiness.why_not_save(session, "labels", "all")
    assert "choose micrographs" in readiness.why_not_save(session, "picks", "chosen")
    session.candidates = {"a": candidates()}
    assert readiness.why_not_save(session, "picks", "this") == ""
    session.excluded = frozenset("a")
    assert "score a micrograph" in readiness.why_not_save(session, "picks", "all")


def test_folder_is_not_opened_over_a_training_or_another_micrograph(tmp_path: Path) -> None:
    session, files = Session(), {"m1": tmp_path / "m1.mrc"}
    image = np.zeros((60, 90), np.float32)
    session.micrographs = {"m1": Micrograph(image, "m1", 2.0, tmp_path / "m1.mrc")}
    assert readiness.why_not_open(session, files) == ""
    session.micrographs = {"m1": Micrograph(image, "m1", 2.0, tmp_path.parent / "m1.mrc")}
    assert readiness.why_not_open(session) == ""
    assert "m1 is open" in readiness.why_not_open(session, files)
    session.micrographs = {}
    session.training.running = True
    assert "being trained" in readiness.why_not_open(session)
