import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.types import Candidates, Labels, Micrograph, PickCounts, ScoreMap
from napari_deepem.io.coordinates import (
    FORMATS,
    format_called,
    read_coordinate_set,
    read_coordinates,
)
from napari_deepem.io.coordinates.rows import NO_SCORE
from napari_deepem.session import Scored, Session
from napari_deepem.session.export_plan import (
    Plan,
    plan,
    writing,
)

CENTRES_YX = np.array([[40.0, 130.0], [90.0, 60.0]])


@pytest.fixture
def session() -> Session:
    """Two scored micrographs, 150 rows by 200 columns, with the same two candidates."""
    session = Session(threshold=0.5)
    session.model = SimpleNamespace(
        min_distance_px=None,
        threshold=0.5,
        std_range=(0.0, 5.0),
        box_size_px=30,
        recipe="modern",
        summary={},
    )
    grid = np.zeros((2, 2), dtype=np.float32)
    session.micrographs = {name: Micrograph(np.zeros((150, 200)), name) for name in "ab"}
    session.current = "a"
    session.scored = {
        name: Scored(
            micrograph,
            session.model,
            ScoreMap(grid, grid, 0.0, 1.0, 30),
            Candidates(CENTRES_YX, np.array([0.9, 0.8]), np.ones(2), 30),
        )
        for name, micrograph in session.micrographs.items()
    }
    return session


def written_by(made: Plan):
    return finish(writing(made))


@pytest.mark.parametrize("format", [each.name for each in FORMATS if not each.is_one_file])
def test_file_holds_the_picks_in_original_pixels(
    session: Session, format: str, tmp_path: Path
) -> None:
    written_by(plan(session, "picks", "this", tmp_path, [format]))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path == format_called(format).file_of(tmp_path, "a")
    written = read_coordinates(path)
    np.testing.assert_allclose(written.centres_yx, CENTRES_YX, atol=0.51)


def test_all_picks_go_to_files_named_as_their_micrographs(session: Session, tmp_path: Path) -> None:
    session.threshold = 0.85
    folder = tmp_path / "picks"  # made where it is missing
    written = written_by(plan(session, "picks", "all", folder, ["star", "csv"]))
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.star", "b.csv", "b.star"]
    assert [len(read_coordinates(path)) for path in folder.iterdir()] == [1, 1, 1, 1]
    assert (written.micrographs, written.counts.picks, len(written.files)) == (2, 2, 4)


def test_only_chosen_and_no_excluded_micrographs_are_written(
    session: Session, tmp_path: Path
) -> None:
    session.excluded = frozenset("b")
    assert plan(session, "picks", "all", tmp_path, ["star"]).names == ("a",)
    session.excluded, session.chosen = frozenset(), frozenset("b")
    assert plan(session, "picks", "chosen", tmp_path, ["star"]).names == ("b",)
    session.excluded = frozenset("b")
    with pytest.raises(InputError, match="choose micrographs"):
        plan(session, "picks", "chosen", tmp_path, ["star"])


def test_micrographs_without_scores_are_counted(session: Session, tmp_path: Path) -> None:
    session.files = {"c": tmp_path / "c.mrc"}
    assert plan(session, "picks", "all", tmp_path, ["star"]).not_scored == 1


def test_rejected_picks_are_left_out(session: Session, tmp_path: Path) -> None:
    session.verdicts = {"a": Labels.of([[0.0, 0.0]], [CENTRES_YX[1] + 2.0])}
    written = written_by(plan(session, "picks", "all", tmp_path, ["csv"]))
    assert written.counts == PickCounts(3, 1, 1)
    np.testing.assert_array_equal(
        read_coordinates(tmp_path / "a.csv").centres_yx, [CENTRES_YX[0], [0.0, 0.0]]
    )


@pytest.mark.parametrize("format", [each.name for each in FORMATS])
def test_every_format_holds_picks_by_hand_beside_the_networks(
    session: Session, format: str, tmp_path: Path
) -> None:
    session.headers = dict.fromkeys("ab", ((150, 200), 2.0))
    session.verdicts = {
        "a": Labels.of([[20.0, 30.0]], [CENTRES_YX[0]], [[20.0, 30.0]]),
        "b": Labels.of([[20.0, 30.0]], unsure_yx=[[20.0, 30.0]]),
    }
    written_by(plan(session, "picks", "all", tmp_path, [format]))
    back = read_coordinate_set(tmp_path, ["a", "b"])
    for name, expected_yx in (("a", CENTRES_YX[1:]), ("b", CENTRES_YX)):
        picks = session.selection.picks_of(name)
        np.testing.assert_array_equal(picks.centres_yx, [*expected_yx, (20.0, 30.0)])
        np.testing.assert_allclose(back[name].centres_yx, picks.centres_yx, atol=0.51)
        if back[name].scores is not None:  # what it can't know it does not make up
            np.testing.assert_allclose(back[name].scores[:-1], picks.scores[:-1])
            assert np.isnan(picks.scores[-1])
            assert back[name].scores[-1] == NO_SCORE


def test_picks_by_hand_on_what_was_never_scored_nor_in_memory_are_written(
    session: Session, tmp_path: Path
) -> None:
    session.files = {"c": tmp_path / "c.mrc", "d": tmp_path / "d.mrc"}
    session.headers = {**session.headers, "c": ((150, 200), 2.0)}
    session.labels = {"d": Labels.of([[1.0, 1.0]])}  # of the training that is to come
    session.verdicts = {"c": Labels.of([[20.0, 30.0]], unsure_yx=[[20.0, 30.0]])}
    made = plan(session, "picks", "all", tmp_path, ["csv"])
    assert (made.names, made.not_scored) == (("c", "a", "b"), 2)
    assert written_by(made).counts == PickCounts(4, 1, 0)
    assert read_coordinates(tmp_path / "c.csv").centres_yx.tolist() == [[20.0, 30.0]]


def test_formats_that_hold_them_get_candidates_below_the_threshold_but_no_rejected_ones(
    session: Session, tmp_path: Path
) -> None:
    session.threshold = 0.85
    written_by(plan(session, "picks", "this", tmp_path, ["cbox", "csv"]))
    assert len(read_coordinates(tmp_path / "a.csv")) == 1
    np.testing.assert_array_equal(read_coordinates(tmp_path / "a.cbox").centres_yx, CENTRES_YX)
    session.verdicts = {"a": Labels.of([], [CENTRES_YX[1] + 2.0])}
    written = written_by(plan(session, "picks", "this", tmp_path, ["cbox", "csv"]))
    assert len(read_coordinates(tmp_path / "a.cbox")) == 1
    assert written.counts == PickCounts(1, 0, 0)


def test_labelled_particles_come_back_with_their_box(session: Session, tmp_path: Path) -> None:
    session.box_size_px = 40
    session.labels = {
        "a": Labels.of(CENTRES_YX, [[1.0, 1.0]]),
        "b": Labels.of(negative_yx=[[2.0, 2.0]]),
        "closed": Labels.of([[3.0, 3.0]]),
    }
    written_by(plan(session, "labels", "all", tmp_path, ["box"]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.box"]
    back = read_coordinates(tmp_path / "a.box")
    np.testing.assert_array_equal(back.centres_yx, CENTRES_YX)
    assert back.box_size_px == 40


def test_files_of_others_are_those_that_the_session_did_not_write(
    session: Session, tmp_path: Path
) -> None:
    hand_made = tmp_path / "b.star"
    hand_made.write_text("clicked for an hour")
    made = plan(session, "picks", "all", tmp_path, ["star"])
    assert session.written.others(made.paths()) == [hand_made]
    session.written.update(written_by(made).files)
    assert session.written.others(made.paths()) == []
    os.utime(tmp_path / "a.star", ns=(1, 1))  # somebody has changed it since
    assert session.written.others(made.paths()) == [tmp_path / "a.star"]
    assert Session().written.others(made.paths()) == [tmp_path / "a.star", hand_made]


def test_nothing_to_save_is_said(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="score a micrograph"):
        plan(Session(), "picks", "this", tmp_path, ["star"])
    with pytest.raises(InputError, match="score a micrograph"):
        plan(Session(), "picks", "all", tmp_path, ["star"])
    with pytest.raises(InputError, match="mark particles"):
        plan(Session(), "labels", "all", tmp_path, ["star"])
    with pytest.raises(InputError, match="format"):
        plan(session, "picks", "all", tmp_path, [])


def test_folder_that_is_a_file_is_said(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        written_by(plan(session, "picks", "this", tmp_path / "file", ["star"]))


def test_file_that_is_another_one_on_this_disk_is_not_replaced(
    session: Session, tmp_path: Path
) -> None:
    """B.1: as on disks that take A.star for a.star."""
    (tmp_path / "b.star").symlink_to("a.star")
    with pytest.raises(InputError, match=r"b\.star is a\.star on this disk"):
        written_by(plan(session, "picks", "all", tmp_path, ["star"]))


def test_link_in_place_of_a_file_is_replaced_not_followed(session: Session, tmp_path: Path) -> None:
    """B.1"""
    (tmp_path / "out").mkdir()
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "out" / "a.star").symlink_to(tmp_path / "theirs")
    written_by(plan(session, "picks", "this", tmp_path / "out", ["star"]))
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "out" / "a.star").is_symlink()


def test_stopped_export_leaves_whole_files_and_no_file_of_a_part(
    session: Session, tmp_path: Path
) -> None:
    made, stopped = plan(session, "picks", "all", tmp_path, ["csv", "topaz"]), []
    steps = writing(made, stop=lambda: bool(stopped))
    assert next(steps) == 1
    stopped.append(True)
    written = finish(steps)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.csv"]
    assert len(read_coordinates(tmp_path / "a.csv")) == len(CENTRES_YX)
    assert (written.micrographs, written.counts.picks, len(written.files)) == (1, 2, 1)
    assert written.left_out == tuple(
        path.name for path in format_called("topaz").files_of(tmp_path, "ab")
    )
