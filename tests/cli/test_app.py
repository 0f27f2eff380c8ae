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
                *("--model", "--box", "--out", "--format", "--threshold", "--std-range"),
                *("--min-distance", "--step", "--all-candidates"),
            ],
        ),
        ("propose-box", ["--device"]),
        ("evaluate", ["--truth", "--box", "--radius", "--plot"]),
        (
            "extract",
            [
                *("--micrographs", "--box", "--out", "--bin", "--to", "--invert", "--normalize"),
                *("--ctf", "--pixel-size", "--voltage", "--cs", "--amplitude-contrast"),
            ],
        ),
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


@pytest.mark.parametrize(
    "arguments",
    [
        ("pick", "", "--model", "m.safetensors", "--out", "picks"),
        ("pick", "data", "--model", "m.safetensors", "--out", ""),
        ("simulate", "--out", ""),
    ],
)
def test_argument_that_is_empty_is_refused(refusal: Refusal, arguments: tuple[str, ...]) -> None:
    """B.6: as a variable that is not set makes it; it would stand for the present folder."""
    assert "an argument is empty" in refusal(*arguments)


FULL = Path("/dev/full")  # every write to it fails as on a full disk


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_work_goes_on_where_nothing_can_be_told_of_it(tmp_path: Path) -> None:
    """C.7: a log on a full disk, and a reader of the log that has gone."""
    assert SCRIPT is not None
    options = ("simulate", "--count", "2", "--size", "256", "256", "--particles", "2", "--out")
    with FULL.open("w") as full:
        ended = subprocess.run([SCRIPT, *options, tmp_path / "full"], stderr=full)
    assert ended.returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([SCRIPT, *options, tmp_path / "pipe"], stderr=writer)
    os.close(writer)
    assert ended.returncode == 0
    for folder in ("full", "pipe"):
        assert len(list((tmp_path / folder).glob("*.mrc"))) == 2


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_result_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """C.7"""
    assert SCRIPT is not None
    (tmp_path / "m.csv").write_text("x,y\n1,2\n")
    options = ("evaluate", "m.csv", "--truth", "m.csv", "--box", "24")
    with FULL.open("w") as full:
        ended = subprocess.run(
            [SCRIPT, *options], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, text=True
        )
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("napari-deepem: a file or the output: No space left")
    assert "Traceback" not in ended.stderr
