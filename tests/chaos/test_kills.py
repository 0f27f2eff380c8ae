"""Commands that are killed, and run again (item 4): a few here, hundreds by `make chaos`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from places import ROOT

COMMANDS = ("pick", "simulate", "session", "train", "refine", "tune")


@pytest.mark.skipif(sys.platform == "win32", reason="forks and signals are those of POSIX")
def test_same_command_makes_good_what_a_kill_has_left() -> None:
    options = [option for name in COMMANDS for option in ("--command", name)]
    done = subprocess.run(
        [sys.executable, "chaos/kills.py", "--at-events", "--runs", "8", "--seed", "3", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("8 kills, 0 failures, seed 3\n")
