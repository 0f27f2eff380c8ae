"""All commands alike, as users call them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli_runs import Refusal, run
from napari_deepem import __version__
from napari_deepem.io.coordinates import read_coordinates

SCRIPT = shutil.which("napari-deepem", path=str(Path(sys.executable).parent))


def test_help_and_version_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("demo", "train", "pick", "evaluate"))
    assert run("--version") == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("demo", ["--data", "--box", "--out", "--no-view"]),
        ("train", ["--coords", "--box", "--out", "--bin", "--recipe", "--epochs", "--seed"]),
        (
            "pick",
            [
                *("--model", "--out", "--format", "--threshold", "--std-range"),
                *("--min-distance", "--step", "--all-candidates"),
            ],
        ),
        ("evaluate", ["--truth", "--box", "--radius", "--plot"]),
        (
            "refine",
            [
                *("--model", "--out", "--picks", "--accepted", "--rejected", "--start"),
                *("--epochs", "--seed", "--earlier", "--coords", "--forget"),
            ],
        ),
    ],
)
def test_every_promised_option_is_documented(
    capsys: pytest.CaptureFixture[str], command: str, options: list[str]
) -> None:
    assert run(command, "--help") == 0
    shown = capsys.readouterr().out
    assert [option for option in options if option not in shown] == []


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_wait_without_spinning_unless_the_user_says_so(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "")  # so that it is put back
    monkeypatch.delenv("OMP_WAIT_POLICY")
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    assert run("--version") == 0
    assert os.environ["OMP_WAIT_POLICY"] == (given or "PASSIVE")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("guess",), "guess"),
        (("pick", "data", "--model", "m.safetensors", "--out", "picks", "--guess"), "--guess"),
    ],
    ids=["command", "option"],
)
@pytest.mark.usefixtures("data")
def test_what_is_unknown_is_refused(
    refusal: Refusal, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(*arguments)


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    assert SCRIPT is not None, "the package is not installed beside this Python"
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_installed_command_picks(sample: Path, model: Path, tmp_path: Path) -> None:
    done = call("pick", sample / "blobs_4.mrc", "--model", model, "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert len(read_coordinates(tmp_path / "p" / "blobs_4.star")) > 3


def test_installed_command_refuses_in_one_line(tmp_path: Path) -> None:
    done = call("evaluate", tmp_path / "none", "--truth", tmp_path, "--box", 24)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("napari-deepem: ")
    assert done.stderr.count("\n") == 1
