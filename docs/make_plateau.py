"""Make docs/images/plateau.png: how training the paper's way starts; prints a table too.

A minute on one core: eight micrographs at an SNR of 0.01, and four of the embedded sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_deepem import Labels
from napari_deepem.batch.figures import saved_figure
from napari_deepem.batch.simulate import load_particle
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import score_crops
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.simulation import (
    SAMPLE_BOX_PX,
    Optics,
    SimulatedMicrograph,
    SimulationSettings,
    simulate_sample,
    simulate_set,
)
from napari_deepem.core.training.dataset import Field, positives_and_negatives, prepare_fields
from napari_deepem.core.training.learners import PaperLearner
from napari_deepem.core.training.recipes import DEEPEM2017

PICTURE = Path(__file__).parent / "images" / "plateau.png"
EPOCHS = 24
BINNING, BOX_PX = 3, SAMPLE_BOX_PX // 3
SHOWN = (0, 2, 4, 6, 8, 10, 24)  # epochs of the table


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """One training, epoch by epoch; the first element is before it."""

    losses: list[float]
    differences: list[float]  # mean score of held-out particles minus that of background
    spreads: list[list[float]]  # between held-out boxes, of the maps of S2, S4 and S6 and the score


def main() -> None:
    """Train and draw."""
    noisy, sample = fields_of(simulate_snr(0.01)), fields_of(simulate_sample(4))
    at_001 = [run(noisy, seed) for seed in range(3)]
    runs = {
        "SNR 0.01, three seeds": ("C0", at_001),
        "embedded sample": ("C1", [run(sample, 0)]),
        "SNR 0.01, first weights literally in [0, 1]": ("C3", [run(noisy, 0, literal=True)]),
    }
    draw(runs)
    print("| epoch | S2 | S4 | S6 | score | loss |\n|---|---|---|---|---|---|")
    for epoch in SHOWN:
        spreads = " | ".join(f"{spread:.4f}" for spread in at_001[0].spreads[epoch])
        print(f"| {epoch} | {spreads} | {at_001[0].losses[epoch]:.3f} |")


def simulate_snr(snr: float) -> list[SimulatedMicrograph]:
    """Eight micrographs with 60 of the embedded particle each."""
    particle = load_particle()
    settings = SimulationSettings(
        optics=Optics(particle.pixel_size, 300.0, 2.7, 0.1, 100.0),
        count=8,
        snr=snr,
        particles=60,
        box_size_px=SAMPLE_BOX_PX,
    )
    return list(simulate_set(particle.projector, settings))


def fields_of(simulated: list[SimulatedMicrograph]) -> list[Field]:
    """Prepared micrographs with all labels; the last quarter is held out."""
    return prepare_fields(
        (made.micrograph for made in simulated),
        [Labels.of(made.truth_yx) for made in simulated],
        SAMPLE_BOX_PX,
        Sampling(BINNING),
    )


def run(fields: list[Field], seed: int, *, literal: bool = False) -> Run:
    """Train on three quarters of the fields and look at the others after every epoch."""
    rng = np.random.default_rng(seed)
    n_training = len(fields) * 3 // 4
    boxes = positives_and_negatives(fields[n_training:], BOX_PX, BOX_PX / 2, rng)
    learner = PaperLearner(Architecture.for_box(BOX_PX), fields[:n_training], DEEPEM2017, rng)
    if literal:
        with torch.no_grad():
            for weights in learner.network.parameters():
                weights.copy_(torch.from_numpy(rng.random(weights.shape)))
    result = Run([], [], [])
    for epoch in range(EPOCHS + 1):
        result.losses.append(learner.run_epoch() if epoch else float("nan"))
        network = learner.trained()
        particles, background = (score_crops(some, network) for some in boxes)
        result.differences.append(float(particles.mean() - background.mean()))
        spread = float(np.concatenate([particles, background]).std())
        result.spreads.append([*map_spreads(network, np.concatenate(boxes)), spread])
    return result


@torch.inference_mode()
def map_spreads(network: Network, boxes: NDArray[np.float32]) -> list[float]:
    """Standard deviation between boxes of the elements of S2, S4 and S6, on average."""
    maps, spreads = torch.from_numpy(boxes)[:, None], []
    for convolve, pool in zip(network.convolutions, network.pools, strict=True):
        maps = pool(network.activation(convolve(maps)))
        spreads.append(float(maps.std(dim=0).mean()))
    return spreads


def draw(runs: dict[str, tuple[str, list[Run]]]) -> None:
    """Losses on the left, how far particles and background are apart on the right."""
    with saved_figure(PICTURE, 9.6, 3.6) as figure:
        left, right = figure.subplots(1, 2)
        for label, (colour, results) in runs.items():
            for index, result in enumerate(results):
                named = {"color": colour, "label": label if index == 0 else None}
                left.plot(result.losses, **named)
                right.semilogy(np.abs(result.differences), **named)
        left.axhline(1 / 8, color="grey", lw=0.8, ls=":")
        left.text(EPOCHS, 1 / 8, "1/8", color="grey", ha="right", va="bottom", fontsize=8)
        left.set(xlabel="epoch", ylabel="loss (eq 4)", ylim=(0, 0.27))
        right.set(xlabel="epoch", ylabel="mean score: particles minus background")
        left.legend(fontsize=7, loc=(0.38, 0.68))


if __name__ == "__main__":
    main()
