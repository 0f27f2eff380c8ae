"""Measure how many micrographs a GPU picks in a second, and where their time goes.

    python benchmarks/gpu_picking.py                  # 300 links to 4 micrographs of 4096 x 4096
    python benchmarks/gpu_picking.py --workers 8      # processes that share the GPUs

One short command of some two minutes; the aim is 100 micrographs a second on one H200. It has
not been run yet: the figures of `docs/thousands.md` are those of a processor. It measures reading,
preparing, scoring and finding candidates one by one, then a whole run from file to file, where they
overlap. With one worker, one thread reads and prepares ahead of what is scored; where preparing
takes longer than scoring, as on a fast GPU, more workers share it. Prints a JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from napari_deepem import general_model
from napari_deepem.batch.pick import PickSettings, pick_files
from napari_deepem.batch.workforce import Workforce
from napari_deepem.core.jobs import finish
from napari_deepem.core.network.devices import chosen_device
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import prepare_for, score_tiles
from napari_deepem.io.images import read_micrograph, write_image

SIDE_PX, BOX_PX, MADE = 4096, 200, 4
WANTED_A_SECOND = 100
Result = TypeVar("Result")


def measure(count: int, workers: int) -> dict[str, Any]:
    """Seconds of each step on its own, and micrographs a second of a run with all of them."""
    model = general_model(BOX_PX)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made = [written(folder / f"made{index}.mrc", index) for index in range(MADE)]
        steps = seconds_of_steps(made[0], model)
        links = [folder / f"m{index:05d}.mrc" for index in range(count)]
        for index, link in enumerate(links):
            link.symlink_to(made[index % MADE])
        workforce = None if workers == 1 else Workforce(workers)
        settings = PickSettings(PickCriteria.of_model(model), workforce=workforce)
        started = time.perf_counter()
        first = None
        for _ in pick_files(links, model, folder / "picks", settings):
            first = first or time.perf_counter()
        ended = time.perf_counter()
    assert first is not None
    return {
        "device": device_name(),
        "cores": os.cpu_count(),
        "workers": workers,
        "seconds": steps,
        "seconds_to_the_first": first - started,
        "a_second": (count - 1) / (ended - first),
        "wanted": WANTED_A_SECOND,
    }


def written(path: Path, seed: int) -> Path:
    """A micrograph of noise, float32."""
    rng = np.random.default_rng(seed)
    write_image(path, rng.standard_normal((SIDE_PX, SIDE_PX), dtype=np.float32), 1.0)
    return path


def seconds_of_steps(path: Path, model: Model, repeats: int = 5) -> dict[str, float]:
    """The least seconds of each step of one micrograph."""
    least: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Result]) -> Result:
        started = time.perf_counter()
        result = work()
        least[name] = min(time.perf_counter() - started, least.get(name, np.inf))
        return result

    for _ in range(repeats):
        micrograph = timed("read", partial(read_micrograph, path))
        prepared = timed("prepare", partial(prepare_for, micrograph, model))
        scores = timed("score", partial(finish, score_tiles(prepared, model)))
        timed("find candidates", partial(find_candidates, scores))
    return least


def device_name() -> str:
    """What scores."""
    device = chosen_device()
    return torch.cuda.get_device_name() if device.type == "cuda" else str(device)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--micrographs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.micrographs, arguments.workers), indent=1))
