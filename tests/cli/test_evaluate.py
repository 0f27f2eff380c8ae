"""`napari-deepem evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blobs import BOX_PX
from cli_runs import Refusal, run
from napari_deepem.core.evaluation.metrics import evaluate
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates

PROMISED_FIGURES = {
    *("ap", "f1", "precision", "recall", "f2", "f2_threshold", "n_picks", "n_truth"),
}


def test_all_candidates_are_evaluated_with_one_line_of_json(
    sample: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = tmp_path / "all"
    options = ("--model", model, "--out", picks, "--all-candidates")
    assert run("pick", sample / "blobs_3.mrc", sample / "blobs_4.mrc", *options) == 0
    capsys.readouterr()
    plot = tmp_path / "figures" / "curves.png"
    assert run("evaluate", picks, "--truth", sample, "--box", BOX_PX, "--plot", plot) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    figures = json.loads(output)
    assert set(figures) >= PROMISED_FIGURES
    found = [read_coordinates(picks / f"{name}.star") for name in ("blobs_3", "blobs_4")]
    truth = [read_coordinates(sample / f"{name}.csv").centres_yx for name in ("blobs_3", "blobs_4")]
    expected = evaluate(found, truth, BOX_PX / 4)
    for name in PROMISED_FIGURES:
        assert figures[name] == pytest.approx(getattr(expected, name)), name
    assert figures["radius_px"] == BOX_PX / 4
    assert figures["ap"] > 0.9
    assert figures["n_truth"] == 18
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_table_of_picks_without_rows_is_one_of_no_picks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A.4"""
    (tmp_path / "e.star").write_text(
        "data_\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
    )
    (tmp_path / "t.csv").write_text("x,y\n20,30\n")
    options = ("--truth", tmp_path / "t.csv", "--box", 20)
    assert run("evaluate", tmp_path / "e.star", *options) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["n_picks"], figures["n_truth"], figures["recall"]) == (0, 1, 0)


def test_radius_decides_what_counts_as_found(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = read_coordinates(sample / "blobs_1.csv")
    moved = Picks(truth.centres_yx + np.array([0.0, 5.0]), np.linspace(0.9, 0.5, len(truth)))
    write_coordinates(tmp_path / "blobs_1.csv", moved)
    recalls = []
    for radius in ((), ("--radius", 4.5), ("--radius", 5.5)):
        options = ("--truth", sample, "--box", BOX_PX, *radius)
        assert run("evaluate", tmp_path / "blobs_1.csv", *options) == 0
        recalls.append(json.loads(capsys.readouterr().out)["recall"])
    assert recalls == [1.0, 0.0, 1.0]  # a quarter of the box is 6 px


def test_evaluation_tells_which_micrographs_are_left_out(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picks = tmp_path / "picks"
    for name in ("blobs_1", "other"):
        write_coordinates(picks / f"{name}.csv", Picks(np.array([[20.0, 30.0]])))
    assert run("evaluate", picks, "--truth", sample, "--box", BOX_PX) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["n_picks"] == 1
    assert "no truth: 1 (other" in output.err
    assert "no picks: 3 (blobs_2" in output.err


EVALUATE = ("evaluate", "data", "--truth", "data", "--box", BOX_PX)
WRONG_ARGUMENTS: dict[str, tuple[tuple[object, ...], str]] = {
    "picks missing": (("evaluate", "none", *EVALUATE[2:]), "none: no such file"),
    "picks bare": (("evaluate", "bare", *EVALUATE[2:]), "no coordinate files there"),
    "truth missing": ((*EVALUATE, "--truth", "none"), "none: no such file"),
    "truth of others": ((*EVALUATE, "--truth", "others"), "names must agree"),
    "truth empty": ((*EVALUATE, "--truth", "hollow"), "nothing to compare with"),
    "no truth": (("evaluate", "data", "--box", 24), "--truth"),
    "plot below a file": ((*EVALUATE, "--plot", "file/a.png"), "is a file"),
    "plot of no format": ((*EVALUATE, "--plot", "curves"), "ends in .png"),
    "plot of another format": ((*EVALUATE, "--plot", "curves.txt"), "ends in .png"),
}


@pytest.mark.parametrize("kind", WRONG_ARGUMENTS)
@pytest.mark.usefixtures("wrong_paths")
def test_arguments_that_cannot_be_used(refusal: Refusal, kind: str) -> None:
    arguments, message = WRONG_ARGUMENTS[kind]
    assert message in refusal(*arguments)
