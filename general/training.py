"""The training of the general network: on pieces of made micrographs, every box of a piece at once.

A piece of 92 px holds 49 boxes at the network's own step, for the cost of four and a half boxes cut
out one by one. How much of a particle a box is falls off from 1 near its centre to 0 at a
quarter of the box: so places off centre, between particles and on edges are all learnt from.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from micrographs import BOX_PX
from numpy.typing import NDArray
from torch.nn import functional

from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.cpu_training_pass import keep_freed_memory
from napari_deepem.core.network.network import Network
from napari_deepem.core.training.crops import flip_and_turn

STEPS = 7  # boxes along a piece
STEP_PX = 8  # of the network
PIECE_PX = BOX_PX + STEP_PX * (STEPS - 1)
PIECES = 32  # in a batch
MARGIN_PX = BOX_PX // 2  # of 0 around micrographs, as scoring has it
CENTRED = 0.6  # share of the pieces that are drawn around a particle
CERTAIN, NEVER = 0.06, 0.25  # boxes off centre: up to here a particle, from there on none
POSITIVE_SHARE = 0.35  # of the weight of a batch: of particles
RATE, RISING = 5e-3, 0.1  # the highest learning rate, and the share of batches until then
KEEPS = 0.998  # of the running average of weights, a batch
LARGEST_VALUE = 60.0  # of a prepared pixel: half precision holds it to a few hundredths


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """Made micrographs with a margin of 0, and their particles."""

    images: NDArray[np.float16]  # (n, side, side)
    centres_yx: Sequence[NDArray[np.float64]]  # in the images with their margins

    @classmethod
    def of(cls, images: NDArray[np.float16], centres_yx: Sequence[NDArray[np.float64]]) -> Pool:
        """The pool of prepared micrographs, to which the margin is added."""
        margins = ((0, 0), (MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX))
        limited = np.clip(images, -LARGEST_VALUE, LARGEST_VALUE)
        return cls(np.pad(limited, margins), [yx + MARGIN_PX for yx in centres_yx])

    @classmethod
    def joined(cls, pools: Sequence[Pool]) -> Pool:
        """All micrographs of some pools."""
        images = np.concatenate([pool.images for pool in pools])
        return cls(images, [yx for pool in pools for yx in pool.centres_yx])


class Trainee:
    """A network that is being trained, and how far it is."""

    def __init__(self, maps: tuple[int, int, int], batches: int, seed: int) -> None:
        by_box = Architecture.for_box(BOX_PX)
        shape = Architecture(BOX_PX, by_box.kernels, by_box.pools, maps, "relu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Network(shape, batch_norm=True)
        self.network = network.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(network)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, fused=True)
        self.batches, self.done, self.seed = batches, 0, seed

    @property
    def rate(self) -> float:
        """The learning rate of the next batch: it rises, then falls to nothing."""
        progress = self.done / self.batches
        if progress < RISING:
            return RATE * (0.04 + 0.96 * (1 - cos(pi * progress / RISING)) / 2)
        return RATE * (1 + cos(pi * (progress - RISING) / (1 - RISING))) / 2


def losses_of(trainee: Trainee, pool: Pool, bfloat16: bool = False) -> Iterator[float]:
    """The losses of all batches that are left; each is trained on when it is asked for.

    What a batch shows depends on the seed and its number alone.
    """
    keep_freed_memory()
    network = trainee.network.train()
    while trainee.done < trainee.batches:
        rng = np.random.default_rng([trainee.seed, trainee.done])
        pieces, targets = turned(*draw_pieces(pool, rng), rng)
        gain = rng.normal(1.0, 0.15, (PIECES, 1, 1))
        offset = rng.normal(0.0, 0.1, (PIECES, 1, 1))
        images = torch.from_numpy((pieces * gain + offset).astype(np.float32))[:, None]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(images)
        loss = balanced_loss(logits.float(), torch.from_numpy(targets))
        for group in trainee.optimiser.param_groups:
            group["lr"] = trainee.rate
        trainee.optimiser.zero_grad()
        loss.backward()
        trainee.optimiser.step()
        trainee.done += 1
        _update_average(trainee)
        yield loss.item()


@torch.no_grad()
def _update_average(trainee: Trainee) -> None:
    keep = min(KEEPS, trainee.done / (trainee.done + 9))
    now = trainee.network.state_dict()
    for name, values in trainee.average.state_dict().items():
        if values.is_floating_point():
            values.lerp_(now[name], 1 - keep)


def draw_pieces(
    pool: Pool, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, piece, piece) pieces, and (n, steps, steps) how much of a particle each box is."""
    highest = pool.images.shape[1] - PIECE_PX
    pieces = np.empty((PIECES, PIECE_PX, PIECE_PX), dtype=np.float32)
    targets = np.zeros((PIECES, STEPS, STEPS), dtype=np.float32)
    for index, chosen in enumerate(rng.integers(len(pool.images), size=PIECES)):
        centres = pool.centres_yx[chosen]
        corner = rng.integers(0, highest + 1, 2)
        if len(centres) and rng.random() < CENTRED:
            reach = PIECE_PX / 3
            middle = centres[rng.integers(len(centres))] + rng.uniform(-reach, reach, 2)
            corner = np.clip(np.rint(middle - PIECE_PX / 2).astype(int), 0, highest)
        row, col = corner
        pieces[index] = pool.images[chosen, row : row + PIECE_PX, col : col + PIECE_PX]
        targets[index] = targets_of(centres - corner)
    return pieces, targets


def targets_of(centres_yx: NDArray[np.float64]) -> NDArray[np.float32]:
    """(steps, steps) how much of a particle each box of a piece is, by (n, 2) places in it."""
    near = centres_yx[(np.abs(centres_yx - PIECE_PX / 2) < PIECE_PX).all(axis=1)]
    if not len(near):
        return np.zeros((STEPS, STEPS), dtype=np.float32)
    middles = STEP_PX * np.arange(STEPS)[:, None] + (BOX_PX - 1) / 2
    rows, cols = np.square(middles - near[:, 0]), np.square(middles - near[:, 1])
    distance = np.sqrt((rows[:, None] + cols[None]).min(axis=2)) / BOX_PX
    return np.clip((NEVER - distance) / (NEVER - CERTAIN), 0.0, 1.0).astype(np.float32)


def turned(
    pieces: NDArray[np.float32], targets: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pieces and their targets, alike in one of eight orientations each."""
    state = rng.bit_generator.state
    pieces = flip_and_turn(pieces, rng)
    rng.bit_generator.state = state
    return pieces, flip_and_turn(targets, rng)


def balanced_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in which particles weigh as much as if a third of all boxes were theirs."""
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    particle = (each * targets).sum() / targets.sum().clamp(min=1.0)
    other = (each * (1 - targets)).sum() / (1 - targets).sum()
    return POSITIVE_SHARE * particle + (1 - POSITIVE_SHARE) * other
