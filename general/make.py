"""Make the general network anew, from nothing but chance: `make general`.

It can be stopped and started again: made micrographs and trained batches are kept.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import checkpoints
import numpy as np
import torch
from micrographs import make_micrograph
from threshold import best_threshold
from training import Pool, Trainee, losses_of

from napari_deepem import save_model
from napari_deepem.core.network.general import GENERAL_RECIPE
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.io.atomic import replacing

PART = 100  # micrographs in a file
TRIED = 2  # files that are not trained on: they set the threshold
TOLD = 250  # batches from one line to the next, and from one checkpoint to the next
STD_RANGE = (0.0, 10.0)  # of picks: any, nearly; a prepared micrograph has 1
WEIGHTS = Path(__file__).parents[1] / "src/napari_deepem/core/network/general.safetensors"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of made micrographs: the same whenever it is made."""

    path: Path
    seed: int
    number: int


def main() -> None:
    """Make what is missing, train on from where training stopped, write the network."""
    given = _arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.processes)
    parts = [
        Part(given.out / f"micrographs_{given.seed}_{number:03d}.npz", given.seed, number)
        for number in range(TRIED + -(-given.micrographs // PART))
    ]
    make_parts([part for part in parts if not part.path.exists()], given.processes)
    pools = [read_part(part.path) for part in parts]
    trainee = Trainee(tuple(given.maps), given.batches, given.seed)
    checkpoint = given.out / f"training_{given.seed}.safetensors"
    checkpoints.restore(trainee, checkpoint)
    train(trainee, Pool.joined(pools[TRIED:]), checkpoint, given.bfloat16)
    network = trainee.average.without_batch_norm().to(memory_format=torch.contiguous_format)
    threshold = best_threshold(network, Pool.joined(pools[:TRIED]))
    box_px = network.architecture.box_px
    model = Model(network, GENERAL_RECIPE, box_px, Sampling(1), None, threshold, STD_RANGE)
    print(f"threshold {threshold:.3f}, written to {save_model(model, given.weights)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("general-output"))
    parser.add_argument("--micrographs", type=int, default=5200)
    parser.add_argument("--batches", type=int, default=30_000)
    parser.add_argument("--maps", type=int, nargs=3, default=[24, 48, 64])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument(
        "--bfloat16",
        action="store_true",
        help="train in half precision, where a CPU is made for it",
    )
    return parser.parse_args()


def make_parts(missing: list[Part], processes: int) -> None:
    """Make the files that are missing, side by side."""
    with ProcessPoolExecutor(processes) as pool:
        for done, _ in enumerate(pool.map(make_part, missing), start=1):
            print(f"{done * PART} of {len(missing) * PART} micrographs", flush=True)


def make_part(part: Part) -> None:
    """Make a file; each micrograph depends on the seed and its own number alone."""
    numbers = range(part.number * PART, (part.number + 1) * PART)
    made = [make_micrograph(np.random.default_rng([part.seed, number])) for number in numbers]
    with replacing(part.path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            images=np.array([one.prepared for one in made], dtype=np.float16),
            centres_yx=np.concatenate([one.centres_yx for one in made]),
            counts=np.array([len(one.centres_yx) for one in made]),
        )


def read_part(path: Path) -> Pool:
    """The micrographs of a file."""
    with np.load(path) as file:
        ends = np.cumsum(file["counts"])[:-1]
        return Pool.of(file["images"], np.split(file["centres_yx"], ends))


def train(trainee: Trainee, pool: Pool, checkpoint: Path, bfloat16: bool) -> None:
    """Train what is left of a training, which is kept now and then."""
    start, losses = time.monotonic(), []
    for loss in losses_of(trainee, pool, bfloat16):
        losses.append(loss)
        if trainee.done % TOLD == 0 or trainee.done == trainee.batches:
            checkpoints.keep(trainee, checkpoint)
            minutes = (time.monotonic() - start) / 60
            loss = float(np.mean(losses))
            print(
                f"{trainee.done} of {trainee.batches} batches, loss {loss:.4f}, {minutes:.1f} min",
                flush=True,
            )
            losses.clear()


if __name__ == "__main__":
    main()
