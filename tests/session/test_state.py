from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from learnt_scores import summary_of
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import (
    TOO_FEW_HELD_OUT,
    TOO_FEW_PICKS,
    evidence_of,
    judge,
)
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.types import Candidates, Labels, Micrograph, ScoreMap
from napari_deepem.session import Scored, Session
from napari_deepem.session.pick_cache import LARGEST_ERROR_HERE


def micrograph(name: str = "a", shape: tuple[int, int] = (200, 300)) -> Micrograph:
    return Micrograph(np.zeros(shape, dtype=np.float32), name, 2.0)


def model(threshold: float = 0.5, **summary: object) -> SimpleNamespace:
    return SimpleNamespace(
        min_distance_px=None,
        threshold=threshold,
        std_range=(0.5, 1.5),
        box_size_px=50,
        recipe="modern",
        pixel_size=None,
        summary=summary,
    )


def spread_candidates(count: int) -> Candidates:
    """Candidates in a row whose logits are those of two bells at -2 and 2; stds of 1 and 3."""
    rng = np.random.default_rng(0)
    logits = np.where(np.arange(count) < 0.3 * count, 2.0, -2.0) + rng.normal(size=count)
    scores = np.sort(1 / (1 + np.exp(-logits)))[::-1]
    centres = np.stack([np.zeros(count), 100.0 * np.arange(count)], axis=1)
    return Candidates(centres, scores, np.where(np.arange(count) % 4, 1.0, 3.0), 50)


def scored_by(model: SimpleNamespace, micrograph: Micrograph) -> Scored:
    """Three candidates far from each other, with scores 0.9, 0.6, 0.2 and stds 1, 1, 3."""
    candidates = Candidates(
        centres_yx=np.array([[10.0, 10.0], [100.0, 20.0], [20.0, 200.0]]),
        scores=np.array([0.9, 0.6, 0.2]),
        stds=np.array([1.0, 1.0, 3.0]),
        box_size_px=50,
    )
    grid = np.zeros((2, 2), dtype=np.float32)
    return Scored(micrograph, model, ScoreMap(grid, grid, 0.0, 1.0, 50), candidates)


@pytest.fixture
def session() -> Session:
    """A session with one scored micrograph."""
    session = Session()
    session.micrographs = {"a": micrograph()}
    session.current = "a"
    session.model = model()
    session.scored = {"a": scored_by(session.model, session.micrographs["a"])}
    return session


def test_sessions_share_nothing(session: Session) -> None:
    other = Session()
    assert other.micrographs == {}
    assert other.scored == {}
    assert other.training is not session.training


@pytest.mark.parametrize(
    ("field", "value"),
    [("threshold", 1.1), ("box_size_px", 0), ("recipe", "best"), ("binning", 5), ("seed", -1)],
)
def test_impossible_value_is_refused(field: str, value: object) -> None:
    session = Session()
    before = getattr(session, field)
    with pytest.raises(ValidationError):
        setattr(session, field, value)
    assert getattr(session, field) == before


def test_ends_of_std_range_are_put_in_order() -> None:
    assert Session(std_range=(2.0, 1.0)).std_range == (1.0, 2.0)


def test_picks_follow_threshold_and_std_range(session: Session) -> None:
    counts = []
    session.events.picks.connect(lambda picks: counts.append(len(picks)))
    session.threshold = 0.7
    session.threshold = 0.1  # the third candidate's std lies outside 0.5 to 1.5
    session.std_range = (0.0, 5.0)
    session.min_distance_px = 150.0  # the second is 90 px from the first, the third 190 px
    assert counts == [1, 2, 3, 2]


def test_distance_is_a_quarter_of_the_box_until_chosen(session: Session) -> None:
    assert session.distance_px() == pytest.approx(12.5)
    session.min_distance_px = 7.0
    assert session.distance_px() == 7.0


def test_new_model_brings_its_threshold_and_forgets_scores(session: Session) -> None:
    session.threshold, session.min_distance_px = 0.1, 3.0
    session.model = model(threshold=0.25)
    assert session.threshold == 0.25
    assert session.std_range == (0.5, 1.5)
    assert session.min_distance_px is None
    assert session.scored == {}
    assert session.picks is None


def test_scores_go_with_the_micrograph_they_are_of(session: Session) -> None:
    session.micrographs = {**session.micrographs, "b": micrograph("b")}
    assert list(session.scored) == ["a"]
    session.micrographs = {**session.micrographs, "a": micrograph("a")}
    assert session.scored == {}
    assert session.picks is None


def test_picks_are_of_the_current_micrograph(session: Session) -> None:
    session.micrographs = {**session.micrographs, "b": micrograph("b")}
    session.current = "b"
    assert session.picks is None
    session.current = "a"
    assert session.picks is not None
    assert len(session.picks) == 2


@pytest.mark.parametrize("box_size_px", [24, 60, 120, 180, 4096])
def test_sampling_is_that_of_the_training(box_size_px: int) -> None:
    chosen = TrainingSettings(box_size_px).chosen_sampling
    assert Session(box_size_px=box_size_px).chosen_sampling == chosen
    assert Session(box_size_px=box_size_px, binning=2).chosen_sampling == Sampling(2)


def test_labels_of_closed_micrographs_are_not_trained_on() -> None:
    session = Session(micrographs={"a": micrograph()})
    session.labels = {"a": Labels.of([[1, 1]]), "gone": Labels.of([[2, 2]])}
    assert list(session.labelled()) == ["a"]


def test_f2_optimum_is_known_only_from_held_out_labels() -> None:
    session = Session()
    assert session.f2_optimum is None
    session.model = model(0.3, epochs=5)
    assert session.f2_optimum is None
    session.model = model(0.3, held_out_recall=0.0)
    assert session.f2_optimum == 0.3


def test_estimate_follows_threshold_range_and_micrograph(session: Session) -> None:
    assert session.estimated_precision.withheld == TOO_FEW_HELD_OUT  # the model knows nothing
    mixture = ScoreMixture(Bell(-2.0, 1.0), Bell(2.0, 1.0), share=0.3)
    session.model = model(threshold=0.5, **summary_of(mixture))
    scored = scored_by(session.model, session.micrographs["a"])
    session.scored = {"a": scored}
    assert session.estimated_precision.withheld == TOO_FEW_PICKS
    found = spread_candidates(300)
    session.candidates = {"a": found}
    for threshold, std_range in ((0.7, (0.5, 1.5)), (0.3, (0.5, 1.5)), (0.3, (0.0, 5.0))):
        session.threshold, session.std_range = threshold, std_range
        evidence = evidence_of(found, session.model, PickCriteria(threshold, std_range))
        assert session.estimated_precision == judge(evidence, LARGEST_ERROR_HERE)
        assert session.estimated_precision.precision is not None
    session.threshold = 1.0
    assert session.estimated_precision is None  # of no picks
    session.threshold, session.current = 0.1, None
    assert session.estimated_precision is None
