"""Jobs of a real SLURM pick what this process picks, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from distributed import Client, Security

from blobs import blob_micrograph
from cli_runs import run
from napari_deepem.io.images import write_image
from napari_deepem.io.models import save_model
from networks import lively_model
from patience import PATIENCE_S
from places import ROOT
from slurm import needs_slurm, running_slurm
from worker_runs import MAIN, Run, picked_files

pytestmark = needs_slurm

MICROGRAPHS = 4
ARRAY = f"""#!/bin/sh
#SBATCH --array=0-{MICROGRAPHS - 1} --output=/dev/null
export PYTHONPATH={ROOT / "src"} OMP_NUM_THREADS=1
exec {sys.executable} -c "{MAIN}" pick data/m$SLURM_ARRAY_TASK_ID.mrc --model model.safetensors \\
    --workers 1 --format box,star,particles --out array --progress quiet
"""


@pytest.fixture(scope="module", autouse=True)
def _slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_slurm(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs, a model, and what this process picks of them."""
    folder = tmp_path_factory.mktemp("picking")
    for seed in range(MICROGRAPHS):
        micrograph, _ = blob_micrograph(seed)
        write_image(folder / "data" / f"m{seed}.mrc", micrograph.image, 2.0)
    save_model(lively_model(24), folder / "model.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        picking = ("pick", "data", "--model", "model.safetensors", "--out", "expected")
        assert run(*picking, "--workers", 1, "--format", "box,star,particles") == 0
    return folder


def queued_jobs() -> str:
    command = ["squeue", "--noheader"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_jobs_pick_the_same_and_take_nobody_without_the_runs_certificates(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = "cores: 1\nmemory: 1GB\nwalltime: '00:10:00'\nlog_directory: logs\n"
    environment = f'["export PYTHONPATH={ROOT / "src"}", "export OMP_NUM_THREADS=1"]'
    (folder / "config.yaml").write_text(f"{config}job_script_prologue: {environment}\n")
    jobs = ("--cluster", "slurm", "--jobs", 2, "--cluster-config", "config.yaml")
    picking = Run(
        "data", "--model", "model.safetensors", "--out", "jobs", *jobs,
        "--format", "box,star,particles", cwd=folder,
    )  # fmt: skip
    next(picking.micrographs())
    (address, *_) = [
        word.strip("'")
        for log in (folder / "logs").iterdir()
        for line in log.read_text().splitlines()
        if "Waiting to connect to" in line
        for word in line.split()
        if "//" in word
    ]
    assert address.startswith("tls://")
    for stranger in (address, address.replace("tls", "tcp")):
        with pytest.raises(OSError, match=r"(?i)connect|ssl|certificate|closed"):
            Client(stranger, security=Security.temporary() if "tls" in stranger else None,
                   timeout=3)  # fmt: skip
    assert picking.end() == (0, "")
    assert picked_files(folder / "jobs") == picked_files(folder / "expected")
    assert queued_jobs() == ""


def test_array_job_of_single_micrographs_picks_into_one_folder(folder: Path) -> None:
    (folder / "array.sh").write_text(ARRAY)
    subprocess.run(["sbatch", "array.sh"], cwd=folder, check=True)
    last = monotonic() + PATIENCE_S
    while queued_jobs() and monotonic() < last:  # `sbatch --wait` would look every ten seconds
        sleep(0.2)
    picked, expected = picked_files(folder / "array"), picked_files(folder / "expected")
    assert picked == expected


def test_what_slurm_says_of_a_job_is_told_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "wrong.yaml").write_text("cores: 1\nmemory: 1GB\nqueue: nowhere\n")
    jobs = ("--cluster", "slurm", "--jobs", 1, "--cluster-config", "wrong.yaml")
    assert run("pick", "data", "--model", "model.safetensors", "--out", "none", *jobs) == 2
    text = capsys.readouterr().err
    assert text.startswith("napari-deepem: wrong.yaml: SLURM takes no job: ")
    assert "invalid partition specified: nowhere" in text
    assert text.count("\n") == 1
    assert not (folder / "none").exists()
