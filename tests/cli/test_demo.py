"""`napari-deepem demo`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest

from blobs import BOX_PX
from cli_runs import Refusal, run


def test_demo_on_own_data_shows_its_table(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", sample, "--box", BOX_PX, "--out", tmp_path / "demo", "--no-view")
    assert run("demo", *options) == 0
    shown = capsys.readouterr()
    assert "average precision" in shown.out
    assert "blobs_4" in shown.out
    assert "Training on 3 micrographs" in shown.err
    assert "epoch 3/3" in shown.err


@pytest.mark.parametrize(
    ("display", "options", "shown"),
    [(":0", [], True), (":0", ["--no-view"], False), ("", [], False)],
    ids=["display", "display, but not wanted", "no display"],
)
def test_demo_opens_napari_on_its_result_where_there_is_a_display(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    display: str,
    options: list[str],
    shown: bool,
) -> None:
    opened: list[tuple[list[Path], Path]] = []
    window = ModuleType("napari_deepem.widgets.windows")  # the real one takes seconds to load
    window.show_results = lambda files, model: opened.append((files, model))  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "napari_deepem.widgets.windows", window)
    monkeypatch.setattr("napari_deepem.cli.demo.window_required", nullcontext)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("QT_QPA_PLATFORM", "")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    out = tmp_path / "demo"
    assert run("demo", "--data", sample, "--box", BOX_PX, "--out", out, *options) == 0
    held_out = [sample / "blobs_4.mrc"]
    assert opened == ([(held_out, out / "model.safetensors")] if shown else [])


def test_demo_needs_two_labelled_micrographs(refusal: Refusal, data: Path) -> None:
    (data / "blobs_2.csv").unlink()
    options = ("--data", data, "--box", BOX_PX, "--out", "demo", "--no-view")
    assert "give at least two" in refusal("demo", *options)


WRONG_ARGUMENTS: dict[str, tuple[tuple[object, ...], str]] = {
    "data without box": (("demo", "--data", "data", "--no-view"), "--data and --box"),
    "box without data": (("demo", "--box", 24, "--no-view"), "--data and --box"),
    "data missing": (("demo", "--data", "none", "--box", 24, "--no-view"), "none: no such"),
    "box 0": (("demo", "--data", "data", "--box", 0, "--no-view"), "whole number from 12"),
    "out below a file": (("demo", "--out", "file/demo", "--no-view"), "is a file"),
}


@pytest.mark.parametrize("kind", WRONG_ARGUMENTS)
@pytest.mark.usefixtures("wrong_paths")
def test_arguments_that_cannot_be_used(refusal: Refusal, kind: str) -> None:
    arguments, message = WRONG_ARGUMENTS[kind]
    assert message in refusal(*arguments)
