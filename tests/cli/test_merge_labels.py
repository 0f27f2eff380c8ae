"""`napari-deepem merge-labels`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import Refusal, run
from napari_deepem.core.types import Labels, Picks
from napari_deepem.io.coordinates import write_coordinates


def coordinates(folder: Path, positions: list[tuple[int, int]]) -> Path:
    folder.mkdir()
    write_coordinates(folder / "m1.star", Picks(Labels.of(positions).positive_yx))
    return folder


def test_agreement_is_one_line_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anna = coordinates(tmp_path / "anna", [(10, 10), (90, 90)])
    ben = coordinates(tmp_path / "ben", [(13, 14)])
    assert run("merge-labels", anna, ben, "--out", tmp_path / "out", "--box", 40) == 0
    output = capsys.readouterr()
    figures = json.loads(output.out)
    assert output.out.count("\n") == 1
    assert figures["f1"] == pytest.approx(2 / 3)
    assert (figures["n_first"], figures["n_second"], figures["n_both"]) == (2, 1, 1)
    assert (figures["radius_px"], figures["median_distance_px"]) == (10, 5)
    assert figures["micrographs"]["m1"]["n_both"] == 1
    assert "F1 0.667 within 10 px" in output.err


def test_folder_without_labels_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = coordinates(tmp_path / "anna", [(10, 10)])
    refuse = Refusal(capsys, tmp_path)
    (tmp_path / "empty").mkdir()
    refuse("merge-labels", anna, tmp_path / "empty", "--out", tmp_path / "out", "--box", 40)
    refuse("merge-labels", anna, tmp_path / "none.session", "--out", tmp_path / "out", "--box", 40)
