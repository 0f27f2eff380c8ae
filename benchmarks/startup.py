"""How long commands take before their work begins, in seconds of a processor: user and system.

    python benchmarks/startup.py [--runs 5]

Prints a table of the least of some runs, each an interpreter of its own. `pick` is measured up to
where it asks for the scores of its first micrograph: all is imported, the model is loaded and the
micrograph read. What it costs beyond `import torch` is ours; that second is every program's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
from pages import table

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.models import save_model

BOX_PX = 24
COMMAND = "from napari_deepem.cli import main; main()"
UNTIL_SCORES = """
import os
from napari_deepem.cli import main
from napari_deepem.core.picking import scoring
scoring.score_tiles = lambda *_, **__: os._exit(99)
main()
"""
WITHOUT_END = "import os, torch; os._exit(99)"  # as a picking ends that is stopped


def main() -> None:
    """Measure all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_files(folder)
        picks = ("pick", "m.mrc", "--model", "m.safetensors", "--out", "picks")
        evaluation = ("evaluate", "m.csv", "--truth", "m.csv", "--box", str(BOX_PX))
        torch_s = least(runs, folder, 99, WITHOUT_END)
        pick_s = least(runs, folder, 99, UNTIL_SCORES, *picks)
        rows = [
            ("`napari-deepem --help`", least(runs, folder, 0, COMMAND, "--help")),
            ("`napari-deepem evaluate`, whole", least(runs, folder, 0, COMMAND, *evaluation)),
            ("`import torch`", torch_s),
            ("`napari-deepem pick`, until it scores", pick_s),
            ("the same beyond `import torch`", pick_s - torch_s),
        ]
    print(table(["", "s of a processor"], [(what, f"{seconds:.2f}") for what, seconds in rows]))


def make_files(folder: Path) -> None:
    """A small micrograph, a coordinate file and a model with random weights."""
    noise = np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32)
    write_image(folder / "m.mrc", noise, 2.0)
    write_coordinates(folder / "m.csv", Picks(np.array([[40.0, 50.0]])))
    network = Network(Architecture.for_box(BOX_PX)).eval()
    model = Model(network, "modern", BOX_PX, Sampling(1), None, 0.5, (0.7, 1.8))
    save_model(model, folder / "m.safetensors")


def least(runs: int, folder: Path, code: int, program: str, *arguments: str) -> float:
    """Seconds of a processor that a program takes in a fresh interpreter, to end with this code."""
    command = [sys.executable, "-c", program, *arguments]
    seconds = []
    for _ in range(runs + 1):  # the first fills the caches of the disk
        before = getrusage(RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        after = getrusage(RUSAGE_CHILDREN)
        if done.returncode != code:
            raise SystemExit(done.stderr)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds[1:])


if __name__ == "__main__":
    main()
