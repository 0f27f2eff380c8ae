"""Measure training from a user's clicks against the straightforward loop.

    python benchmarks/training.py

200 particles on simulated micrographs, boxes of 112 px, the default recipe. Prints a JSON of
seconds, of the clock and of the processor: the latter does not count waiting for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
import refinement
import torch

from napari_deepem.core.jobs import EpochDone, MicrographRead, finish
from napari_deepem.core.network.model import LabelledMicrograph, Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.training import learners
from napari_deepem.core.training.dataset import Field, hold_out, prepare_fields
from napari_deepem.core.training.learners import ModernLearner
from napari_deepem.core.training.refinement import refine_epochs, settings_of
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_fields
from napari_deepem.core.types import Labels, Micrograph

CLICKS, MORE_CLICKS, MICROGRAPHS = 200, 20, 8
NEAR_FINAL = 0.98  # of the final average precision on held-out labels
EPOCHS, PROCESSES = 2, 3  # of each loop, alternately


def measure() -> dict[str, Any]:
    """Seconds of an epoch of both loops, to 98 % of the final precision, and to continue."""
    return {
        "epoch": compare_epochs(),
        **train_and_continue(),
        "threads": torch.get_num_threads(),
    }


def compare_epochs() -> dict[str, Any]:
    """Least seconds of an epoch, of the clock and of the processor, and their ratios.

    Each loop runs in processes of its own, alternately: what the one does to the allocator would
    help the other.
    """
    least: dict[str, dict[str, float]] = {"straightforward": {}, "ours": {}}
    for _ in range(PROCESSES):
        for loop, known in least.items():
            told = subprocess.run(
                [sys.executable, __file__, loop], capture_output=True, text=True, check=True
            )
            for clock, seconds in json.loads(told.stdout).items():
                known[clock] = min(seconds, known.get(clock, np.inf))
    ratios = {
        clock: least["straightforward"][clock] / least["ours"][clock] for clock in least["ours"]
    }
    return {**least, "ratio": ratios}


def epoch_seconds(loop: str) -> dict[str, float]:
    """Least seconds of an epoch of one loop in this process."""
    if loop == "straightforward":
        learners.training_logits = straightforward
        learners.keep_freed_memory = lambda: None
    settings = TrainingSettings(refinement.BOX_PX, start="chance")
    rng = np.random.default_rng(0)
    fields, _ = hold_out(clicked_fields(settings), settings.network_box_px, rng)
    learner = ModernLearner(settings.architecture, fields, settings.recipe, rng, 1 + EPOCHS)
    learner.run_epoch()
    least = {"wall": np.inf, "cpu": np.inf}
    for _ in range(EPOCHS):
        started, used = time.perf_counter(), time.process_time()
        learner.run_epoch()
        least["wall"] = min(least["wall"], time.perf_counter() - started)
        least["cpu"] = min(least["cpu"], time.process_time() - used)
    return least


def straightforward(network: Network, boxes: torch.Tensor) -> torch.Tensor:
    """The network as a module on float32 boxes, differentiated by autograd."""
    return network(boxes)[:, 0, 0]


def train_and_continue() -> dict[str, Any]:
    """Train with all epochs, then on from the model with more clicks on another micrograph."""
    settings = TrainingSettings(refinement.BOX_PX, labels_complete=False, start="chance")
    made = clicked(MICROGRAPHS + 1)
    fields = clicked_fields(settings)
    seconds, curve, model = timed(train_fields(fields, settings))
    ap = np.array([done.held_out_ap for done in curve])
    first = int(np.flatnonzero(ap >= NEAR_FINAL * ap[-1])[0])
    micrographs = {micrograph.name: micrograph for micrograph, _ in made}
    micrograph, labels = made[-1]
    more = Labels.of(labels.positive_yx[:MORE_CLICKS])
    verified = [LabelledMicrograph(micrograph.name, more, complete=False, source=None)]
    job = refine_epochs(
        model,
        verified,
        lambda item: micrographs[item.name],
        settings_of(model, start="weights"),
    )
    continued, further, _ = timed(job)
    later = np.array([done.held_out_ap for done in further])
    return {
        "epochs": len(curve),
        "seconds": seconds[-1],
        "final_held_out_ap": float(ap[-1]),
        "epochs_to_98_percent": first + 1,
        "seconds_to_98_percent": seconds[first],
        "continue_epochs": len(further),
        "continue_seconds": continued[-1],
        "continue_held_out_ap": [float(later[0]), float(later[-1])],
    }


def timed(job: Any) -> tuple[list[tuple[float, float]], list[EpochDone], Model]:
    """When each epoch was over and, last, all: clock and processor; the curve; and the model."""
    started, used = time.perf_counter(), time.process_time()
    seconds: list[tuple[float, float]] = []
    curve: list[EpochDone] = []

    def now() -> tuple[float, float]:
        return time.perf_counter() - started, time.process_time() - used

    def note(progress: MicrographRead | EpochDone) -> None:
        if isinstance(progress, EpochDone):
            seconds.append(now())
            curve.append(progress)
            print(progress.epoch, progress.held_out_ap, seconds[-1], file=sys.stderr, flush=True)

    model = finish(job, note)
    return [*seconds, now()], curve, model


def clicked(count: int) -> list[tuple[Micrograph, Labels]]:
    """Simulated micrographs, on each of which as many particles are clicked."""
    each = CLICKS // MICROGRAPHS
    return [
        (some.micrograph, Labels.of(some.truth_yx[:each])) for some in refinement.simulate(count, 0)
    ]


def clicked_fields(settings: TrainingSettings) -> list[Field]:
    """What is trained on: 25 clicks on each of 8 micrographs."""
    made = clicked(MICROGRAPHS)
    return prepare_fields(
        [micrograph for micrograph, _ in made],
        [labels for _, labels in made],
        settings.box_size_px,
        settings.chosen_sampling,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(epoch_seconds(sys.argv[1])))
    else:
        print(json.dumps(measure(), indent=1))
