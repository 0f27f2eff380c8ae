"""Scoring a micrograph densely against box by box; its memory; time against size.

python benchmarks/scoring.py [--boxes 256] [--device auto]

Box by box is the paper's way: every box at a step of 20 px cut out and evaluated with its four
rotations, in batches. So many boxes of it are measured and the time scaled to all of them.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_deepem.core.jobs import finish
from napari_deepem.core.network.architecture import TABLE_1, Architecture
from napari_deepem.core.network.devices import chosen_device
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import score, score_crops, score_prepared
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.recipes import MODERN, WIDE
from napari_deepem.core.types import Float32Array, Micrograph

PAPER_STEP_PX = 20
SIDES = {"inflammasome": 1880, "19s": 1880, "26s": 1880, "klh": 2048}  # of the paper's micrographs
SIZES = (1024, 2048, 4096, 8192)  # px, for memory and time
WANTED = {"inflammasome": 45, "19s": 75, "26s": 60, "klh": 500}  # times as fast as box by box
REPEATS = 3

Measured = dict[str, Any]


def architectures() -> dict[str, Architecture]:
    """Table 1's, and the default recipes' at the inflammasome's box."""
    box = TABLE_1["inflammasome"]
    ours = {
        recipe.name: Architecture(box.box_px, box.kernels, box.pools, recipe.maps, "relu")
        for recipe in (MODERN, WIDE)
    }
    return TABLE_1 | ours


def measure(boxes: int = 256, device: str = "auto") -> Measured:
    """Everything below, as numbers by name."""
    torch.manual_seed(0)
    peak = peak_gflops()
    return {
        "device": str(chosen_device(device)),
        "peak_gflops": peak,
        "presets": {
            name: measure_speed(architecture, SIDES.get(name, 1880), boxes, device, peak)
            for name, architecture in architectures().items()
        },
        "sizes": {
            name: [measure_size(name, size, device) for size in SIZES] for name in architectures()
        },
    }


def measure_speed(
    architecture: Architecture, side: int, boxes: int, device: str, peak: float
) -> Measured:
    """Seconds for one micrograph both ways, and what share of a matrix product's rate that is."""
    network = Network(architecture).eval()
    image = noise(side)
    box = architecture.box_px
    total = ((side - box) // PAPER_STEP_PX + 1) ** 2
    corners = np.random.default_rng(1).integers(0, side - box + 1, (boxes, 2))
    crops = np.stack([image[r : r + box, c : c + box] for r, c in corners])
    one_by_one = shortest(lambda: score_crops(crops, network), 1) * total / boxes
    chosen = chosen_device(device)
    whole = shortest(lambda: finish(score_prepared(image, network, None, chosen)))
    at_20 = shortest(lambda: finish(score_prepared(image, network, PAPER_STEP_PX, chosen)))
    scores = finish(score_prepared(image, network, None, chosen)).scores
    gflop = convolution_gflop(architecture, side)
    return {
        "side": side,
        "boxes": total,
        "scores": int(scores.size),
        "box_by_box_s": one_by_one,
        "dense_s": whole,
        "dense_at_20_s": at_20,
        "ratio": one_by_one / whole,
        "gflop": gflop,
        "share_of_peak": gflop / whole / peak,
    }


def convolution_gflop(architecture: Architecture, side: int) -> float:
    """Operations of the convolutions, done directly, of the four rotations of a micrograph."""
    size, total, maps = float(side), 0.0, (1, *architecture.maps)
    for k, (kernel, pool) in enumerate(zip(architecture.kernels, architecture.pools, strict=True)):
        total += 2 * kernel**2 * maps[k] * maps[k + 1] * size**2
        size /= pool
    return 4 * total / 1e9


def measure_size(name: str, size: int, device: str) -> Measured:
    """Seconds, and peak memory above what the process and the image take, in a fresh process."""
    told = subprocess.run(
        [sys.executable, __file__, "--one", name, str(size), "--device", device],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(told.stdout))


def one_size(name: str, size: int, device: str) -> Measured:
    """What `measure_size` asks a fresh process for."""
    network = Network(architectures()[name]).eval()
    model = Model(network, name, network.architecture.box_px, Sampling(1), None, 0.5, (0.0, 9.0))
    score(Micrograph(noise(300), "small"), model, device=device)  # libraries are loaded
    micrograph = Micrograph(noise(size), "large")
    before = peak_bytes(reset=True)
    seconds = shortest(lambda: score(micrograph, model, device=device), 1)
    return {"side": size, "seconds": seconds, "peak_bytes": peak_bytes() - before}


def peak_bytes(*, reset: bool = False) -> int:
    """Most memory that was resident so far (Linux; elsewhere 0); from now on if reset."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def peak_gflops(side: int = 2048) -> float:
    """Rate of a large float32 matrix product."""
    a, b = torch.randn(2, side, side)
    return 2 * side**3 / shortest(lambda: a @ b, 7) / 1e9


def noise(side: int) -> Float32Array:
    """A square image like a prepared micrograph."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((side, side), dtype=np.float32)


def shortest(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Least wall time of some runs after one to warm up; a single run is not repeated."""
    if repeats > 1:
        work()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=256)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one_size(arguments.one[0], int(arguments.one[1]), arguments.device)))
        return
    print(f"# {platform.processor() or platform.machine()}, torch {torch.__version__}")
    print(json.dumps(measure(arguments.boxes, arguments.device), indent=1))


if __name__ == "__main__":
    main()
