"""The main line on real micrographs; skipped where they are not beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_deepem.cli import main


def test_three_micrographs_of_apoferritin_teach_to_pick_a_fourth(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "apoferritin"
    *training, unseen = sorted(folder.glob("*.mrc"))[:4]
    model, picks = tmp_path / "model.safetensors", tmp_path / "picks"
    coords = ("--coords", folder, "--box", 88)
    commands: list[tuple[object, ...]] = [
        ("train", *training, *coords, "--out", model, "--epochs", 2),
        ("pick", unseen, "--model", model, "--out", picks, "--all-candidates"),
        ("evaluate", picks, "--truth", folder, "--box", 88),
    ]
    for command in commands:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in command])
        assert end.value.code == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["ap"] > 0.9
    assert figures["f2"] > 0.9
    assert figures["n_truth"] > 100
