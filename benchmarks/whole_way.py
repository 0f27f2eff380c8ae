"""Measure where time goes from a file to its picks, and what preparing costs in memory.

    python benchmarks/whole_way.py

A float32 file of 7420 x 7676 px, boxes of 180 px, binned 4x; every step as `batch.pick` does it,
several times, and the least time of each: of the clock, and of all threads of the processor, which
does not count waiting for it. Prints a JSON of seconds, shares and MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from scipy import ndimage

from napari_deepem import Labels, simulate_sample, train
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.devices import chosen_device
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria, select_picks
from napari_deepem.core.picking.scoring import score_prepared
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.types import Micrograph
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import read_micrograph, write_image

SHAPE, BOX_PX, ZOOM = (7420, 7676), 180, 1.5  # of the embedded sample, whose boxes are 120 px
MEMORY_SIDE_PX = 8192
Result = TypeVar("Result")

MEMORY = """
import numpy as np
from napari_deepem.core.preprocessing.prepare import prepare_image
def peak(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
side, binning, band = {side}, {binning}, {band}
image = np.random.default_rng(0).random((side, side), dtype=np.float32)
if band: image[:, -band:] = 0.0
prepare_image(image[:64, :64].copy(), 8, Sampling(1))
before = peak()
prepare_image(image, 45 * binning, Sampling(binning))
print((peak() - before) / 1e6)
"""


def measure(repeats: int = 3) -> dict[str, Any]:
    """Seconds of every step and their shares, overlap of reading and scoring, MB of preparing."""
    model, image = _model_and_image()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "micrograph.mrc"
        write_image(path, image, 1.0)
        steps = _steps(path, model, repeats)
        overlap = _overlap(path, model)
    defects = _defects(image, model, repeats)
    memory = _memory() if Path("/proc/self/status").exists() else {}
    return {
        "seconds": steps,
        "shares": {
            clock: {name: seconds / sum(of.values()) for name, seconds in of.items()}
            for clock, of in steps.items()
        },
        "preparing": defects,
        "overlap": overlap,
        "memory_mb": memory,
        "threads": torch.get_num_threads(),
    }


def _model_and_image() -> tuple[Model, np.ndarray]:
    """A model, and the sample's first micrograph again and again, enlarged."""
    (made,) = simulate_sample(1)
    enlarged = ndimage.zoom(made.micrograph.image.astype(np.float32), ZOOM, order=1)
    labels = Labels.of((made.truth_yx + 0.5) * ZOOM - 0.5)
    model = train([Micrograph(enlarged, "m", 1.0)], [labels], BOX_PX, epochs=4)
    tiles = [-(-wanted // side) for wanted, side in zip(SHAPE, enlarged.shape, strict=True)]
    return model, np.tile(enlarged, tiles)[: SHAPE[0], : SHAPE[1]]


def _steps(path: Path, model: Model, repeats: int) -> dict[str, dict[str, float]]:
    least: dict[str, dict[str, float]] = {"wall": {}, "cpu": {}}

    def timed(name: str, work: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        started, used = time.perf_counter(), time.process_time()
        result = work(*arguments, **options)
        spent = {"wall": time.perf_counter() - started, "cpu": time.process_time() - used}
        for clock, seconds in spent.items():
            least[clock][name] = min(seconds, least[clock].get(name, np.inf))
        return result

    for _ in range(repeats):
        micrograph = timed("read", read_micrograph, path)
        prepared = timed("prepare", prepare_micrograph, micrograph, BOX_PX, model.binning)
        scored = timed(
            "score",
            lambda image: finish(score_prepared(image, model.network, device=chosen_device())),
            prepared,
        )
        found = replace(scored, shape=prepared.shape, smoothing=model.smoothing)
        candidates = timed("find candidates", find_candidates, found)
        picks = timed("select", select_picks, candidates, threshold=model.threshold)
        timed("write", write_coordinates, path.with_suffix(".star"), picks)
    return least


def _defects(image: np.ndarray, model: Model, repeats: int) -> dict[str, float]:
    """Processor seconds of preparing with and without a padded band, a dead row and a gap."""
    spoilt = image.copy()
    spoilt[:, -200:] = spoilt[300] = spoilt[500:502] = 0.0
    least = {"without": np.inf, "with": np.inf}
    for _ in range(repeats):
        for name, some in (("without", image), ("with", spoilt)):
            started = time.process_time()
            prepare_micrograph(Micrograph(some, "m"), BOX_PX, model.sampling)
            least[name] = min(least[name], time.process_time() - started)
    return {**least, "ratio": least["with"] / least["without"]}


def _overlap(path: Path, model: Model, count: int = 4) -> dict[str, float]:
    """Seconds a micrograph of the same file under several names, picked by `pick_files`."""
    links = [path.with_name(f"link_{index}.mrc") for index in range(count)]
    for link in links:
        link.symlink_to(path)
    started = time.perf_counter()
    settings = PickSettings(PickCriteria.of_model(model))
    job = pick_files(links, model, path.parent / "picks", settings)
    waited = [done.seconds for done in job]
    return {"wall_each": (time.perf_counter() - started) / count, "of_last": waited[-1]}


def _memory() -> dict[str, float]:
    """MB above the image itself that preparing takes at most, in a process of its own."""
    measured = {}
    for binning, band in ((1, 0), (1, 500), (4, 0), (4, 500)):
        script = MEMORY.format(side=MEMORY_SIDE_PX, binning=binning, band=band)
        told = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        name = f"binning {binning}" + (", padded" if band else "")
        measured[name] = float(told.stdout)
    return measured


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
