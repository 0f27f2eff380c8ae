"""Make the general network anew, from nothing but chance: `make general`.

It can be stopped and started again: micrographs that are made and batches that are trained are kept.
On two cores it takes about an hour.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from checkpoints import Checkpoint
from micrographs import MadeMicrograph, make_micrograph
from training import Pool, batches_done, calibrated, new_trainee

from napari_deepem import save_model
from napari_deepem.io.atomic import replacing

PART = 100  # micrographs in a file
TRIED = 2  # parts that are not trained on: the threshold is set there
WEIGHTS = Path(__file__).parents[1] / "src/napari_deepem/core/network/general.safetensors"


def main() -> None:
    """Make what is missing, train on from where training stopped, write the network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("general-output"))
    parser.add_argument("--micrographs", type=int, default=3000)
    parser.add_argument("--batches", type=int, default=16_000)
    parser.add_argument("--maps", type=int, nargs=3, default=[16, 32, 32])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    parts = [
        (given.out / f"micrographs_{given.seed}_{number:03d}.npz", given.seed, number)
        for number in range(-(-given.micrographs // PART) + TRIED)
    ]
    _make_parts([part for part in parts if not part[0].exists()], given.processes)
    torch.set_num_threads(given.processes)
    pools = [_read(path) for path, _, _ in parts]
    maps = (given.maps[0], given.maps[1], given.maps[2])
    checkpoint = Checkpoint(given.out / f"training_{given.seed}.safetensors")
    trainee = new_trainee(maps, given.batches, given.seed)
    checkpoint.restore(trainee)
    start = time.monotonic()
    losses = []
    for done, loss in batches_done(trainee, Pool.joined(pools[TRIED:])):
        losses.append(loss)
        if done % 250 == 0 or done == given.batches:
            checkpoint.keep(trainee)
            minutes = (time.monotonic() - start) / 60
            print(f"{done} of {given.batches} batches, loss {np.mean(losses):.4f}, {minutes:.1f} min")
            losses.clear()
    model = calibrated(trainee, Pool.joined(pools[:TRIED]))
    print(f"threshold {model.threshold:.3f}: {save_model(model, given.weights)}")


def _make_parts(missing: list[tuple[Path, int, int]], processes: int) -> None:
    with ProcessPoolExecutor(processes) as pool:
        for done, _ in enumerate(pool.map(_make_part, missing), start=1):
            print(f"{done * PART} of {len(missing) * PART} micrographs")


def _make_part(part: tuple[Path, int, int]) -> None:
    path, seed, number = part
    made = list(_micrographs(seed, number))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            images=np.array([one.prepared for one in made], dtype=np.float16),
            centres_yx=np.concatenate([one.centres_yx for one in made]),
            counts=np.array([len(one.centres_yx) for one in made]),
        )


def _micrographs(seed: int, number: int) -> Iterator[MadeMicrograph]:
    for index in range(number * PART, (number + 1) * PART):
        yield make_micrograph(np.random.default_rng([seed, index]))


def _read(path: Path) -> Pool:
    with np.load(path) as file:
        ends = np.cumsum(file["counts"])[:-1]
        return Pool.of(file["images"], np.split(file["centres_yx"], ends))


if __name__ == "__main__":
    main()
