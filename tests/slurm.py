"""SLURM on one node, started for tests where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from places import ROOT

IS_INSTALLED = all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch", "munged"))
NOT_INSTALLED = "SLURM is not installed: sh scripts/slurm_packages.sh"
SCRIPT = ROOT / "scripts" / "slurm_cluster.sh"

# For a test, a class or a module (`pytestmark`); conftest.py skips what has it without SLURM.
needs_slurm = pytest.mark.slurm


@contextmanager
def running_slurm(folder: Path) -> Iterator[None]:
    """A block in which programs of SLURM find one node of 4 processors, this machine."""
    if os.geteuid() != 0:
        pytest.skip("SLURM is started by root alone")
    start = subprocess.run(
        ["sh", SCRIPT, "start", folder], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if start.returncode:
        pytest.skip(f"SLURM does not start here: {start.stderr.strip()}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
            yield
    finally:
        subprocess.run(["sh", SCRIPT, "stop", folder], check=True)
