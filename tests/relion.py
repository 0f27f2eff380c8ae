"""RELION's own programs as judges of our files, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

IS_INSTALLED = shutil.which("relion_refine") is not None
NOT_INSTALLED = "RELION is not installed: sh scripts/relion_packages.sh"

# For a test, a class or a module (`pytestmark`); conftest.py skips what has it without RELION.
needs_relion = pytest.mark.relion


def run_relion(folder: Path, program: str, *arguments: object, timeout_s: float = 60) -> str:
    """What a program of RELION says, run in a folder, which its relative names count from.

    The test fails, showing all of that, where the program fails or takes longer than `timeout_s`.
    """
    command = [program, *map(str, arguments)]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        pytest.fail(f"{' '.join(command)}: not done after {timeout_s:g} s\n{output}", pytrace=False)
    if run.returncode != 0:
        pytest.fail(f"{' '.join(command)}: exit code {run.returncode}\n{run.stdout}", pytrace=False)
    return run.stdout
