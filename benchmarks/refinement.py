"""The learning loop of Fig. 2, where the truth says which picks a user would accept.

    python benchmarks/refinement.py [--start anew] [--seeds 3] [--figure docs/images/refinement.png]

Starts from a few clicks on one simulated micrograph. In every round the model picks two more; a
pick within a quarter of the box of a particle is accepted, every other one is rejected, and the
model is trained again. Judged on micrographs that no round has seen, beside a model that was
trained on every particle of all micrographs. Prints one Markdown row a round.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from napari_deepem import (
    Labels,
    Picks,
    evaluate,
    find_candidates,
    refine,
    score,
    select_picks,
    train,
)
from napari_deepem.batch.figures import saved_figure
from napari_deepem.core.evaluation.metrics import match
from napari_deepem.core.evaluation.verdicts import labels_of_verdicts
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.model import Model
from napari_deepem.core.simulation import (
    Optics,
    Projector,
    SimulatedMicrograph,
    SimulationSettings,
    klh_volume,
    simulate_set,
)
from napari_deepem.core.training.refinement import RefinementStart

BOX_PX = 112
PIXEL_SIZE = 4.7  # A: the KLH-like particle fits the box
RADIUS_PX = SAME_PARTICLE_BOXES * BOX_PX
CLICKS = 10
ROUNDS = 3
PICKED_EACH_ROUND = 2
TESTED = 8
CONDITIONS = {"snr": 0.03, "particles": 40, "ice_gradient": 0.05, "contamination": 2.0}


@dataclass(frozen=True, slots=True)
class Result:
    """How good a model is on micrographs that it has not seen, and what it cost to get there."""

    ap: float
    precision: float  # at the model's own threshold and range of standard deviations
    recall: float
    accepted: int  # in this round
    rejected: int
    seconds: float  # of one core, to train


def simulate(count: int, seed: int) -> list[SimulatedMicrograph]:
    """KLH-like particles among twice the embedded sample's dirt; carbon on every other one."""
    settings = SimulationSettings(
        optics=Optics(pixel_size=PIXEL_SIZE),
        count=count,
        seed=seed,
        box_size_px=BOX_PX,
        carbon=0.5,
        noise="detector",
        **CONDITIONS,
    )
    return list(simulate_set(Projector(klh_volume(PIXEL_SIZE)), settings))


def verdict(picks: Picks, truth_yx: np.ndarray) -> Labels:
    """What somebody who knows the truth says of picks."""
    right = match(picks.centres_yx, truth_yx, RADIUS_PX, picks.scores)
    return labels_of_verdicts(
        picks, picks.centres_yx[right], picks.centres_yx[~right], box_size_px=BOX_PX
    )


def pick(model: Model, simulated: SimulatedMicrograph) -> Picks:
    """Pick with what the model found to be best."""
    candidates = find_candidates(score(simulated.micrograph, model))
    return select_picks(candidates, threshold=model.threshold, std_range=model.std_range)


def judge(
    model: Model, test: Sequence[SimulatedMicrograph], labels: Sequence[Labels], seconds: float
) -> Result:
    """Compare what a model picks with the truth."""
    candidates = [find_candidates(score(one.micrograph, model)) for one in test]
    truth = [one.truth_yx for one in test]
    ranking = [select_picks(found, threshold=0.0) for found in candidates]
    picks = [
        select_picks(found, threshold=model.threshold, std_range=model.std_range)
        for found in candidates
    ]
    chosen = evaluate(picks, truth, RADIUS_PX)
    return Result(
        evaluate(ranking, truth, RADIUS_PX).ap,
        chosen.precision,
        chosen.recall,
        sum(len(marked.positive_yx) for marked in labels),
        sum(len(marked.negative_yx) for marked in labels),
        seconds,
    )


def go_round(
    sample: Sequence[SimulatedMicrograph],
    test: Sequence[SimulatedMicrograph],
    seed: int,
    start: RefinementStart,
) -> list[Result]:
    """From clicks on the first micrograph through all rounds; one result for each model."""
    clicked = np.random.default_rng(seed).permutation(sample[0].truth_yx)[:CLICKS]
    labels = [Labels.of(clicked)]
    began = process_time()
    model = train([sample[0].micrograph], labels, BOX_PX, seed=seed, labels_complete=False)
    results = [judge(model, test, labels, process_time() - began)]
    for first in range(1, len(sample), PICKED_EACH_ROUND):
        new = sample[first : first + PICKED_EACH_ROUND]
        labels = [verdict(pick(model, one), one.truth_yx) for one in new]
        began = process_time()
        model = refine(
            model,
            [one.micrograph for one in new],
            labels,
            earlier=[one.micrograph for one in sample[:first]],
            start=start,
        )
        results.append(judge(model, test, labels, process_time() - began))
    return results


def train_on_everything(
    sample: Sequence[SimulatedMicrograph], test: Sequence[SimulatedMicrograph], seed: int
) -> Result:
    """What could be had from the same micrographs by marking every particle."""
    labels = [Labels.of(one.truth_yx) for one in sample]
    began = process_time()
    model = train([one.micrograph for one in sample], labels, BOX_PX, seed=seed)
    return judge(model, test, labels, process_time() - began)


def draw(path: Path, loops: list[list[Result]], everything: list[Result]) -> None:
    """Average precision, and precision and recall at the threshold, against the round."""
    rounds = range(len(loops[0]))
    with saved_figure(path, 9.0, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for loop in loops:
            left.plot(rounds, [result.ap for result in loop], color="#1f77b4", lw=0.8, alpha=0.5)
        means = {
            name: np.mean([[getattr(r, name) for r in loop] for loop in loops], axis=0)
            for name in ("ap", "precision", "recall")
        }
        left.plot(rounds, means["ap"], "o-", color="#1f77b4", label="mean of the seeds")
        limit = float(np.mean([result.ap for result in everything]))
        left.axhline(limit, color="0.4", ls="--", label="every particle marked")
        left.set(ylabel="average precision")
        right.plot(rounds, means["precision"], "o-", color="#d62728", label="precision")
        right.plot(rounds, means["recall"], "o-", color="#2ca02c", label="recall")
        right.set(ylabel="at the model's own threshold")
        for axes in (left, right):
            axes.set_xticks(rounds, [f"{CLICKS} clicks", *map(str, rounds[1:])])
            axes.set(xlabel="round of verification")
            axes.grid(alpha=0.3)
            axes.legend(loc="lower right", frameon=False)


def main() -> None:
    """Parse the command line, go round, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", choices=("anew", "weights"), default="anew")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--figure", type=Path, default=Path("docs/images/refinement.png"))
    arguments = parser.parse_args()
    test = simulate(TESTED, seed=1000)
    loops, everything = [], []
    for seed in range(arguments.seeds):
        sample = simulate(1 + ROUNDS * PICKED_EACH_ROUND, seed)
        loops.append(go_round(sample, test, seed, arguments.start))
        everything.append(train_on_everything(sample, test, seed))
        for number, result in enumerate([*loops[-1], everything[-1]]):
            print(seed, number, result, flush=True)
    print_table(loops, everything)
    draw(arguments.figure, loops, everything)


def print_table(loops: list[list[Result]], everything: list[Result]) -> None:
    """One Markdown row a round."""
    names = [f"{CLICKS} clicks", *(f"round {n}" for n in range(1, ROUNDS + 1)), "everything"]
    for name, results in zip(names, [*zip(*loops, strict=True), everything], strict=True):
        aps = [result.ap for result in results]
        mean = {key: np.mean([getattr(r, key) for r in results]) for key in Result.__slots__}
        print(
            f"| {name} | {mean['accepted']:.0f} | {mean['rejected']:.0f} "
            f"| {mean['ap']:.3f} ({min(aps):.3f} to {max(aps):.3f}) | {mean['precision']:.3f} "
            f"| {mean['recall']:.3f} | {mean['seconds']:.0f} s |"
        )


if __name__ == "__main__":
    main()
