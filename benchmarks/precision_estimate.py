"""How near the estimated precision is to the truth, on simulated micrographs.

    python benchmarks/precision_estimate.py [--seeds 3] [--plot docs/images/precision_estimate.png]

Networks are trained on micrographs of the embedded particle, all of them or 20 of each labelled,
and pick micrographs like these, and others with fewer or more particles, more dirt or less signal;
also some on which no figure is to be believed: with white particles, or at another pixel size that
no header tells. Prints a Markdown table: how often the estimate is told at the threshold that
training chose (best F2), and its error. The plot also shows thresholds where precision is poor.
Takes about a minute of one core a training.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from napari_deepem import (
    Candidates,
    Labels,
    Micrograph,
    PickCriteria,
    evaluate,
    find_candidates,
    score,
    train,
)
from napari_deepem.batch.figures import saved_figure
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.pick import pick_candidates
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate, judge
from napari_deepem.core.picking.score_evidence import sum_of
from napari_deepem.core.simulation import (
    Optics,
    Projector,
    SimulatedMicrograph,
    SimulationSettings,
    klh_volume,
    simulate_set,
)
from napari_deepem.core.types import FloatArray

PIXEL_SIZE = 4.4  # A
BOX_PX = 120
TOLERANCE = 0.05
PER_SET = 4  # micrographs of each unknown set
SHIFTS = (-1.0, 0.0, 1.0)  # of the F2 threshold, in logits


@dataclass(frozen=True, slots=True)
class Regime:
    """What a user has labelled."""

    name: str
    micrographs: int
    labels_each: int | None  # None: all
    colour: str


REGIMES = (
    Regime("12 micrographs, all particles", 12, None, "#2ca02c"),
    Regime("12 micrographs, 20 of each", 12, 20, "#1f77b4"),
    Regime("4 micrographs, all particles", 4, None, "#d62728"),
)
KNOWN = SimulationSettings(
    optics=Optics(pixel_size=PIXEL_SIZE),
    particles=40,
    box_size_px=BOX_PX,
    contamination=1.0,
    carbon=0.5,
    ice_gradient=0.05,
)
SNRS = (0.01, 0.005)


@dataclass(frozen=True, slots=True)
class Result:
    """One set of micrographs, picked by one network at one threshold."""

    regime: str
    unknown: str
    shift: float
    precision: float
    estimate: PrecisionEstimate

    @property
    def error(self) -> float | None:
        """How much too high the estimate is; None where it is withheld."""
        told = self.estimate.precision
        return None if told is None else told - self.precision


def unknown_sets(known: SimulationSettings) -> dict[str, SimulationSettings]:
    """What users meet after training."""
    return {
        "alike": known,
        "a quarter of the particles": replace(known, particles=known.particles // 4),
        "half as many again": replace(known, particles=known.particles * 3 // 2),
        "four times the dirt": replace(known, contamination=4 * known.contamination),
        "three quarters of the signal": replace(known, snr=0.75 * known.snr),
    }


def foreign(alike: list[SimulatedMicrograph]) -> dict[str, list[tuple[Micrograph, FloatArray]]]:
    """Micrographs that a model was not made for, with the centres of their particles."""
    return {
        "white particles": [
            (replace(one.micrograph, image=-one.micrograph.image), one.truth_yx) for one in alike
        ],
        "twice the pixel size": [
            (binned(one.micrograph), (one.truth_yx - 0.5) / 2) for one in alike
        ],
    }


def binned(micrograph: Micrograph) -> Micrograph:
    """The same at half as many pixels along a side, of a size that nothing tells."""
    height, width = (side // 2 for side in micrograph.shape)
    blocks = micrograph.image[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return replace(micrograph, image=blocks.mean(axis=(1, 3)), pixel_size=None)


def results_of(seed: int, snr: float) -> Iterator[Result]:
    """Train in every regime and pick every unknown set."""
    projector = Projector(klh_volume(PIXEL_SIZE))
    known = replace(KNOWN, snr=snr, seed=1000 * seed)
    labelled = list(simulate_set(projector, replace(known, count=12)))
    simulated = {
        name: list(simulate_set(projector, replace(like, count=PER_SET, seed=known.seed + 1 + k)))
        for k, (name, like) in enumerate(unknown_sets(known).items())
    }
    unknown = {
        name: [(one.micrograph, one.truth_yx) for one in sample]
        for name, sample in simulated.items()
    }
    unknown |= foreign(simulated["alike"])
    for regime in REGIMES:
        model = train_in(regime, labelled, seed)
        for name, sample in unknown.items():
            candidates = [find_candidates(score(micrograph, model)) for micrograph, _ in sample]
            truth = [truth_yx for _, truth_yx in sample]
            for shift in SHIFTS:
                threshold = float(expit(logit(model.threshold) + shift))
                compared = compare(candidates, truth, model, threshold)
                yield Result(regime.name, name, shift, *compared)


def train_in(regime: Regime, labelled: list[SimulatedMicrograph], seed: int) -> Model:
    """Train on the first micrographs, with as many labels of each as the regime has."""
    rng = np.random.default_rng(seed)
    chosen = labelled[: regime.micrographs]
    return train(
        [one.micrograph for one in chosen],
        [Labels.of(rng.permutation(one.truth_yx)[: regime.labels_each]) for one in chosen],
        BOX_PX,
        seed=seed,
        labels_complete=regime.labels_each is None,
    )


def compare(
    candidates: list[Candidates], truth: list[FloatArray], model: Model, threshold: float
) -> tuple[float, PrecisionEstimate]:
    """Precision of all picks, and its estimate."""
    criteria = replace(PickCriteria.of_model(model), threshold=threshold)
    picked = [pick_candidates(each, model, criteria) for each in candidates]
    estimate = judge(sum_of(evidence for _, evidence in picked))
    evaluation = evaluate([picks for picks, _ in picked], truth, SAME_PARTICLE_BOXES * BOX_PX)
    return evaluation.precision, estimate


def print_table(results: list[Result]) -> None:
    """One row a regime and set, at the F2 threshold, and one of all sets that are not foreign."""
    print(
        "| labelled | picked | precision | told | mean error | largest | within 0.05 or withheld |"
    )
    print("|---|---|---|---|---|---|---|")
    at_f2 = [result for result in results if result.shift == 0]
    known, strange = list(unknown_sets(KNOWN)), list(foreign([]))
    for regime in REGIMES:
        of_regime = [result for result in at_f2 if result.regime == regime.name]
        for names in ([name] for name in (*known, *strange)):
            _print_row(regime.name, names[0], [r for r in of_regime if r.unknown in names])
        _print_row(regime.name, "**the first five**", [r for r in of_regime if r.unknown in known])
    reasons = Counter(result.estimate.withheld for result in at_f2 if result.estimate.withheld)
    for reason, count in reasons.most_common():
        print(f"\nwithheld {count} of {len(at_f2)} times: {reason}")


def _print_row(regime: str, name: str, row: list[Result]) -> None:
    precisions = [result.precision for result in row]
    errors = np.array([result.error for result in row if result.error is not None])
    mean, largest = (
        (f"{errors.mean():+.3f}", f"{np.abs(errors).max():.3f}") if len(errors) else ("", "")
    )
    wrong = int(np.sum(np.abs(errors) > TOLERANCE))
    print(
        f"| {regime} | {name} | {min(precisions):.2f} to {max(precisions):.2f} | "
        f"{len(errors)} of {len(row)} | {mean} | {largest} | {len(row) - wrong} of {len(row)} |"
    )


def draw(path: Path, results: list[Result]) -> None:
    """Estimates against the truth: at the F2 threshold filled, a logit off it as rings."""
    with saved_figure(path, 5.2, 5.2) as figure:
        axes = figure.subplots()
        axes.fill_between(
            [0, 1], [-TOLERANCE, 1 - TOLERANCE], [TOLERANCE, 1 + TOLERANCE], color="#ddd"
        )
        axes.plot([0, 1], [0, 1], color="#888", lw=1)
        for regime in REGIMES:
            for at_f2 in (False, True):
                points = [
                    (result.precision, result.estimate.precision)
                    for result in results
                    if result.regime == regime.name
                    and (result.shift == 0) == at_f2
                    and result.estimate.precision is not None
                ]
                axes.plot(
                    *np.array(points).reshape(-1, 2).T,
                    ls="",
                    marker="o",
                    ms=5,
                    mec=regime.colour,
                    mfc=regime.colour if at_f2 else "none",
                    label=regime.name if at_f2 else None,
                )
        told = [result for result in results if result.error is not None]
        lowest = min(min(r.precision, r.estimate.precision or 0.0) for r in told)
        span = (max(0.0, lowest - 0.03), 1.02)
        axes.set(xlim=span, ylim=span, xlabel="precision", ylabel="estimated precision")
        axes.set_title("filled: F2 threshold; rings: a logit below or above", fontsize=9)
        axes.legend(loc="upper left", frameon=False, fontsize=8)
        axes.set_aspect("equal")


def main() -> None:
    """Parse the command line, train, compare, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    results = [
        result
        for seed in range(arguments.seeds)
        for snr in SNRS
        for result in results_of(seed, snr)
    ]
    print_table(results)
    if arguments.plot is not None:
        draw(arguments.plot, results)


if __name__ == "__main__":
    main()
