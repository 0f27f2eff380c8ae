from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.evaluate import as_json_values, evaluate_files
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates

TRUTH = np.array([[10.0, 20.0], [50.0, 60.0], [90.0, 30.0]])
PROMISED = ("ap", "f1", "precision", "recall", "f2", "f2_threshold", "n_picks", "n_truth")


def write(folder: Path, name: str, centres_yx: np.ndarray, *scores: float) -> Path:
    values = np.array(scores) if scores else None
    write_coordinates(folder / name, Picks(centres_yx, values, 40))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write(tmp_path / "truth", "a.csv", TRUTH)


def test_picks_of_every_format_are_evaluated_alike(tmp_path: Path, truth: Path) -> None:
    results = []
    for suffix in (".csv", ".star"):
        picks = write(tmp_path / suffix, f"a{suffix}", TRUTH + 2.0, 0.9, 0.8, 0.7)
        results.append(evaluate_files(picks, truth, 40).evaluation)
    for result in results:
        assert (result.ap, result.f1, result.precision, result.recall) == (1, 1, 1, 1)
        assert (result.n_picks, result.n_truth, result.radius_px) == (3, 3, 10)
        assert result.f2_threshold == pytest.approx(0.7)


def test_boxes_below_cryolos_threshold_are_told_of(tmp_path: Path, truth: Path) -> None:
    picks = write(tmp_path / "picks", "a.cbox", TRUTH, 0.9, 0.8, 0.1)
    (remark,) = evaluate_files(picks, truth, 40).remarks
    assert "below its threshold" in remark


def test_particles_that_the_truth_has_twice_count_once(tmp_path: Path, truth: Path) -> None:
    """C.6: they halved recall and average precision."""
    write(truth, "a.csv", np.concatenate([TRUTH, TRUTH + 1.5]))
    picks = write(tmp_path / "picks", "a.csv", TRUTH, 0.9, 0.8, 0.7)
    result = evaluate_files(picks, truth, 40)
    assert (result.evaluation.recall, result.evaluation.ap, result.evaluation.n_truth) == (1, 1, 3)
    assert result.remarks == ("3 particles are there twice and count once.",)


def test_picks_that_repeat_another_one_stay_wrong_and_are_said(tmp_path: Path, truth: Path) -> None:
    """C.6"""
    picks = write(tmp_path / "picks", "a.csv", np.concatenate([TRUTH, TRUTH[:1]]))
    result = evaluate_files(picks, truth, 40)
    assert (result.evaluation.precision, result.evaluation.n_picks) == (0.75, 4)
    assert result.remarks == ("1 pick repeats another one: counted as wrong.",)


def test_radius_is_a_quarter_of_the_box_unless_given(tmp_path: Path, truth: Path) -> None:
    picks = write(tmp_path / "picks", "a.csv", TRUTH + np.array([0.0, 9.0]), 0.9, 0.8, 0.7)
    assert evaluate_files(picks, truth, 40).evaluation.recall == 1.0
    assert evaluate_files(picks, truth, 32).evaluation.recall == 0.0
    assert evaluate_files(picks, truth, 32, 9.5).evaluation.recall == 1.0


def test_micrographs_of_one_side_are_left_out_and_named(tmp_path: Path, truth: Path) -> None:
    write(truth, "only_truth.csv", TRUTH)
    picks = write(tmp_path / "picks", "a.csv", TRUTH, 0.9, 0.8, 0.7)
    write(picks, "only_picks.csv", TRUTH, 0.9, 0.8, 0.7)
    result = evaluate_files(picks, truth, 40)
    assert result.names == ["a"]
    assert result.without_truth == ["only_picks"]
    assert result.without_picks == ["only_truth"]
    assert (result.evaluation.n_picks, result.evaluation.n_truth) == (3, 3)


def test_micrograph_with_an_empty_file_of_picks_counts(tmp_path: Path, truth: Path) -> None:
    write(truth, "b.csv", TRUTH)
    picks = write(tmp_path / "picks", "a.csv", TRUTH, 0.9, 0.8, 0.7)
    write(picks, "b.csv", np.empty((0, 2)))
    result = evaluate_files(picks, truth, 40).evaluation
    assert (result.n_truth, result.recall) == (6, 0.5)


def test_single_files_are_compared_whatever_they_are_called(tmp_path: Path, truth: Path) -> None:
    picks = write(tmp_path, "mine.csv", TRUTH, 0.9, 0.8, 0.7) / "mine.csv"
    result = evaluate_files(picks, truth / "a.csv", 40)
    assert result.evaluation.ap == 1.0
    assert (result.names, result.without_truth, result.without_picks) == (["mine"], [], [])
    assert result.other_name == "a"


def test_format_with_scores_is_taken_where_there_are_two(tmp_path: Path, truth: Path) -> None:
    picks = write(tmp_path / "picks", "a.box", TRUTH)
    write(picks, "a.star", TRUTH, 0.9, 0.8, 0.7)
    assert evaluate_files(picks, truth, 40).evaluation.f2_threshold == pytest.approx(0.7)


def test_names_that_do_not_agree_are_shown(tmp_path: Path, truth: Path) -> None:
    write(truth, "b.csv", TRUTH)
    picks = write(tmp_path / "picks", "m1.csv", TRUTH)
    with pytest.raises(InputError, match=r"has m1, .* has a; names must agree"):
        evaluate_files(picks, truth, 40)


def test_empty_truth_is_refused(tmp_path: Path) -> None:
    truth = write(tmp_path / "truth", "a.csv", np.empty((0, 2)))
    picks = write(tmp_path / "picks", "a.csv", TRUTH)
    with pytest.raises(InputError, match=r"the truth in .* is empty"):
        evaluate_files(picks, truth, 40)


@pytest.mark.parametrize("length", [0.0, -3.0, float("nan"), float("inf")])
def test_box_and_radius_must_be_lengths(tmp_path: Path, truth: Path, length: float) -> None:
    with pytest.raises(InputError, match="must be positive"):
        evaluate_files(truth, truth, length)
    with pytest.raises(InputError, match="must be positive"):
        evaluate_files(truth, truth, 40, length)


def test_figures_are_json_with_those_at_the_best_f2(tmp_path: Path, truth: Path) -> None:
    centres = np.vstack([TRUTH, [[200.0, 200.0]]])
    picks = write(tmp_path / "picks", "a.csv", centres, 0.9, 0.8, 0.7, 0.2)
    result = evaluate_files(picks, truth, 40).evaluation
    values = json.loads(json.dumps(as_json_values(result)))
    assert {name: values[name] for name in PROMISED} == {
        name: getattr(result, name) for name in PROMISED
    }
    assert (values["precision"], values["recall"]) == (0.75, 1.0)
    at_f2 = tuple(values[f"{name}_at_f2"] for name in ("precision", "recall", "f1"))
    assert at_f2 == (1.0, 1.0, 1.0)


def test_picks_without_scores_have_no_figures_at_the_best_f2(truth: Path) -> None:
    values = as_json_values(evaluate_files(truth, truth, 40).evaluation)
    assert values["f2_threshold"] is None
    assert "f1_at_f2" not in values
    assert values["recall"] == 1.0
