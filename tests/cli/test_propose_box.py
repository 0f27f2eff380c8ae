"""`napari-deepem propose-box`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import Refusal, run
from napari_deepem.core.picking.box_proposal import propose_box
from napari_deepem.io.images import read_micrograph


def test_three_boxes_are_printed_as_json(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("propose-box", sample / "blobs_1.mrc") == 0
    printed = json.loads(capsys.readouterr().out)
    choices = propose_box([read_micrograph(sample / "blobs_1.mrc")]).choices
    assert [each["box"] for each in printed] == [choice.box_size_px for choice in choices]
    assert [each["strength"] for each in printed] == [
        pytest.approx(choice.strength, abs=1e-3) for choice in choices
    ]
    assert list(tmp_path.iterdir()) == []  # nothing is written


def test_micrograph_that_cannot_be_used_does_not_stop_the_others(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "blobs_1.mrc").write_bytes(b"none")
    assert run("propose-box", data) == 0
    output = capsys.readouterr()
    assert output.err.startswith("napari-deepem: ")
    assert "blobs_1.mrc" in output.err
    assert len(json.loads(output.out)) == 3


def test_no_micrograph_that_can_be_used_is_one_line(refusal: Refusal, data: Path) -> None:
    (data / "blobs_1.mrc").write_bytes(b"none")
    assert "blobs_1.mrc" in refusal("propose-box", data / "blobs_1.mrc")
