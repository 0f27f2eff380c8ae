"""What is scored next, whatever the user does meanwhile, and what becomes of the scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX, blob_micrograph
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone, finish
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import ScoreMap
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph, write_image
from napari_deepem.session import Session
from napari_deepem.session.series_scoring import SeriesScoring
from networks import lively_network

NAMES = ["blobs_1", "blobs_2", "blobs_3"]


def model(seed: int = 0) -> Model:
    return Model(
        network=lively_network(Architecture.for_box(BOX_PX), seed),
        recipe="modern",
        box_size_px=BOX_PX,
        sampling=Sampling(1),
        pixel_size=2.0,
        threshold=0.6,
        std_range=(0.5, 1.4),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in (1, 2, 3):
        micrograph, _ = blob_micrograph(seed)
        write_image(tmp_path / f"{micrograph.name}.mrc", micrograph.image, 2.0)
    return tmp_path


@pytest.fixture
def session(folder: Path) -> Session:
    """A folder is open, and its first micrograph in memory."""
    session = Session(files={name: folder / f"{name}.mrc" for name in NAMES}, folder=folder)
    session.current = NAMES[0]
    session.micrographs = {NAMES[0]: read_micrograph(folder / f"{NAMES[0]}.mrc")}
    session.model = model()
    return session


def score_next(series: SeriesScoring) -> str | None:
    """Do as a window does with the next job; returns the micrograph's name."""
    job = series.next()
    if job is None:
        return None
    try:
        scores = finish(job.steps(), series.show)
    except InputError as error:
        series.fail(str(error))
        return job.name
    if job.is_wanted():
        series.take(scores)
    else:
        series.drop()
    return job.name


def score_all(session: Session) -> SeriesScoring:
    series = SeriesScoring(session, session.names)
    while score_next(series) is not None:
        pass
    return series


def test_series_is_scored_in_its_order_and_only_what_is_in_memory_has_a_map(
    session: Session, scorings: list[str]
) -> None:
    series = score_all(session)
    assert scorings == NAMES
    assert list(session.candidates) == NAMES
    assert list(session.scored) == NAMES[:1]
    assert session.scored[NAMES[0]].micrograph is session.micrographs[NAMES[0]]
    assert session.scored[NAMES[0]].model is session.model
    assert (series.run.over, series.run.summary) == (3, "")


def test_what_is_scored_or_excluded_is_left_out_of_several(
    session: Session, scorings: list[str]
) -> None:
    session.excluded = frozenset({NAMES[2]})
    score_next(SeriesScoring(session, NAMES))
    score_all(session)
    assert scorings == NAMES[:2]
    assert SeriesScoring(session, NAMES).run.names == ()


def test_single_micrograph_without_a_score_map_is_scored_again(session: Session) -> None:
    score_all(session)
    session.current = NAMES[1]
    assert SeriesScoring(session, [NAMES[0]]).run.names == ()
    assert SeriesScoring(session, [NAMES[1]]).run.names == (NAMES[1],)


def test_what_is_closed_or_excluded_meanwhile_is_passed_over(
    session: Session, scorings: list[str]
) -> None:
    series = SeriesScoring(session, NAMES)
    score_next(series)
    session.files = {name: path for name, path in session.files.items() if name != NAMES[1]}
    session.excluded = frozenset({NAMES[2]})
    assert score_next(series) is None
    assert scorings == NAMES[:1]


def test_pixels_that_change_meanwhile_are_scored_as_they_are_now(
    session: Session, scorings: list[str]
) -> None:
    series, name = SeriesScoring(session, NAMES), NAMES[0]
    job = series.next()
    assert job is not None
    old = finish(job.steps())
    changed = replace(session.micrographs[name], image=-session.micrographs[name].image)
    session.micrographs = {name: changed}
    assert job.is_wanted()
    series.take(old)
    assert session.scored == {}
    assert score_next(series) == name
    assert session.scored[name].micrograph is changed
    assert not np.array_equal(session.scored[name].score_map.scores, old.score_map.scores)


def test_same_pixels_read_once_more_meanwhile_keep_their_scores(
    session: Session, scorings: list[str]
) -> None:
    series = SeriesScoring(session, NAMES[:1])
    job = series.next()
    assert job is not None
    scores = finish(job.steps())
    session.micrographs = {NAMES[0]: read_micrograph(session.files[NAMES[0]])}
    series.take(scores)
    assert session.scored[NAMES[0]].micrograph is session.micrographs[NAMES[0]]
    assert score_next(series) is None
    assert scorings == NAMES[:1]


def test_micrograph_that_is_opened_while_its_kept_scores_are_read_gets_them(
    session: Session, scorings: list[str]
) -> None:
    score_all(session)
    session.candidates = {}
    series = SeriesScoring(session, [NAMES[1]])
    job = series.next()
    assert job is not None
    scores = finish(job.steps())
    session.micrographs = {NAMES[1]: read_micrograph(session.files[NAMES[1]])}
    series.take(scores)
    assert score_next(series) == NAMES[1]  # once more: now the pixels in memory are looked at
    assert session.scored[NAMES[1]].micrograph is session.micrographs[NAMES[1]]
    assert scorings == NAMES


def test_micrograph_that_cannot_be_scored_is_told_and_the_others_go_on(
    session: Session, folder: Path
) -> None:
    path = folder / f"{NAMES[1]}.mrc"
    path.write_bytes(path.read_bytes()[:5000])
    series = score_all(session)
    assert list(session.candidates) == [NAMES[0], NAMES[2]]
    assert list(session.problems) == [NAMES[1]]
    assert series.run.summary == session.problems[NAMES[1]]
    assert "cut short" in series.run.summary


def test_pixel_size_that_is_not_the_models_is_remarked(session: Session, folder: Path) -> None:
    for name in NAMES[1:]:
        write_image(folder / f"{name}.mrc", blob_micrograph(4)[0].image, 4.0)
    series = score_all(session)
    assert series.run.summary.startswith("blobs_2 has 4 A/px, the model was trained at 2 A/px")
    assert series.run.summary.endswith(" (and 1 more)")


def test_another_model_ends_the_series(session: Session) -> None:
    series = SeriesScoring(session, NAMES)
    job = series.next()
    assert job is not None
    session.model = model(seed=1)
    assert not job.is_wanted()
    assert not series.drop()
    assert session.candidates == {}


def test_other_file_of_the_same_name_is_passed_over(session: Session, folder: Path) -> None:
    series = SeriesScoring(session, NAMES)
    job = series.next()
    assert job is not None
    session.files = {**session.files, NAMES[0]: folder / "elsewhere.mrc"}
    assert not job.is_wanted()
    assert series.drop()
    assert score_next(series) == NAMES[1]


def test_progress_is_that_of_the_whole_series(session: Session) -> None:
    series = SeriesScoring(session, NAMES)
    grid = np.zeros((3, 4), np.float32)
    known = ScoreMap(grid, grid, 0.0, 2.0, BOX_PX)
    series.show(TilesDone(1, 4, known))
    assert (session.scoring.done, session.scoring.total) == (1, 12)
    assert session.scored_so_far == (NAMES[0], known)
    score_next(series)
    assert session.scored_so_far is None
    series.show(TilesDone(1, 4, known))
    assert (session.scoring.done, session.scoring.total) == (5, 12)
    assert session.scored_so_far is None  # of another micrograph than the one in sight


def test_what_the_user_looks_at_comes_first_on_the_current_micrograph(session: Session) -> None:
    series = SeriesScoring(session, NAMES)
    job = series.next(first_yx=(10.0, 20.0))
    assert job is not None
    assert job.steps.args[-1] == (10.0, 20.0)
    series.run.pass_over()
    job = series.next(first_yx=(10.0, 20.0))
    assert job is not None
    assert job.steps.args[-1] is None


def test_nothing_is_kept_where_the_session_has_no_folder(session: Session, folder: Path) -> None:
    session.folder = None
    before = sorted(folder.iterdir())
    score_all(session)
    assert sorted(folder.iterdir()) == before


def test_folder_that_a_window_has_scored_is_picked_without_scoring(
    session: Session, folder: Path, scorings: list[str]
) -> None:
    score_all(session)
    paths, chosen = list(session.files.values()), model()
    settings = PickSettings(PickCriteria.of_model(chosen), formats=("csv",))
    finish(pick_files(paths, chosen, folder / "picks", settings))
    assert scorings == NAMES
    for name in NAMES:
        expected = session.criteria.picks_of(session.candidates[name])
        found = read_coordinates(folder / "picks" / f"{name}.csv")
        assert len(found) == len(expected) > 0
        np.testing.assert_allclose(found.centres_yx, expected.centres_yx, atol=1e-3)


def test_folder_that_was_picked_with_its_scores_kept_is_scored_in_a_window_from_them(
    session: Session, folder: Path, scorings: list[str]
) -> None:
    paths, chosen = list(session.files.values()), model()
    settings = PickSettings(PickCriteria.of_model(chosen), keep_scores=True)
    finish(pick_files(paths, chosen, folder / "picks", settings))
    score_all(session)
    assert scorings == NAMES
    assert list(session.candidates) == NAMES
    assert list(session.scored) == NAMES[:1]
