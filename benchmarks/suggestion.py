"""What to label next: average precision against the number of labels, by ways of choosing them.

    python benchmarks/suggestion.py [--sets rubisco 26S] [--seeds 3] [--figure suggestion.png]

Somebody clicks a few particles; then, round by round, boxes are chosen, a user who knows the truth
says what they are, and the general network is trained on all labels so far. The development sets;
what was measured is remembered in `build/benchmarks` until the sources change. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import sets
import torch
from ours import FromGeneral, from_general, trained
from pages import shown, table
from scipy.special import logit
from trials import MEMORY, digest

from napari_deepem import Candidates, Labels, evaluate, find_candidates, score, select_picks
from napari_deepem.batch.figures import saved_figure
from napari_deepem.core.evaluation.label_suggestion import doubt, least_alike, rows_to_ask
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.network.box_features import box_features
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.suppression import keep_best_apart
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.training.crops import PaddedImage, box_corners
from napari_deepem.core.types import Float32Array, FloatArray
from napari_deepem.io.atomic import replacing

LABELLED = (5, 10, 20) if sets.QUICK else (5, 20, 40)  # after each round; the first are clicks
MICROGRAPHS = 2 if sets.QUICK else 3  # of each set, to label
ENOUGH = 0.98  # of the average precision that random labels reach in the end
WORTH_A_LOOK = 200  # of a micrograph, the most doubtful
COLOURS = ("#7f7f7f", "#000000", "#1f77b4", "#d62728", "#9467bd", "#2ca02c")

Mark = tuple[int, FloatArray]  # the micrograph's index, and (row, col) in original pixels


@dataclass(eq=False, slots=True)
class Known:
    """What a user has said of some micrographs."""

    positive: list[list[FloatArray]] = field(
        default_factory=lambda: [[] for _ in range(MICROGRAPHS)]
    )
    negative: list[list[FloatArray]] = field(
        default_factory=lambda: [[] for _ in range(MICROGRAPHS)]
    )

    @property
    def labels(self) -> list[Labels]:
        """The labels of every micrograph."""
        return [Labels.of(*each) for each in zip(self.positive, self.negative, strict=True)]

    def all_yx(self, index: int) -> FloatArray:
        """(n, 2) everything that has a label on a micrograph."""
        return np.reshape([*self.positive[index], *self.negative[index]], (-1, 2))

    def answer(self, mark: Mark, truth_yx: FloatArray, radius_px: float) -> None:
        """Label what is chosen: the particle there, or that there is none."""
        index, centre_yx = mark
        away = np.hypot(*(truth_yx - centre_yx).T)
        if away.min() <= radius_px:
            self.positive[index].append(truth_yx[away.argmin()])
        else:
            self.negative[index].append(centre_yx)


@dataclass(frozen=True, eq=False, slots=True)
class Choices:
    """The candidates that may be chosen, of all micrographs, best first on each."""

    sample: sets.LabelledSet
    model: Model
    known: Known
    candidates: Sequence[Candidates]
    rng: np.random.Generator

    def pool(self) -> list[tuple[Mark, float]]:
        """Marks and scores of what may be a particle and has no label."""
        marks = []
        for index, each in enumerate(self.candidates):
            for row in rows_to_ask(each, self.known.all_yx(index), self.model.threshold):
                marks.append(((index, each.centres_yx[row]), float(each.scores[row])))
        return marks

    def crops(self, marks: Sequence[Mark]) -> Float32Array:
        """(n, box, box) network pixels around them."""
        sampling, box_px = self.model.sampling, self.model.box_px
        crops = np.empty((len(marks), box_px, box_px), dtype=np.float32)
        for index, (micrograph, _) in enumerate(self.sample.training[:MICROGRAPHS]):
            chosen = [k for k, mark in enumerate(marks) if mark[0] == index]
            centres_yx = np.reshape([marks[k][1] for k in chosen], (-1, 2))
            prepared = prepare_micrograph(micrograph, self.model.box_size_px, sampling)
            corners = box_corners(sampling.to_network(centres_yx), box_px)
            crops[chosen] = PaddedImage.of(prepared, box_px).cut(corners, box_px)
        return crops


def any_particle(choices: Choices, count: int) -> list[Mark]:
    """Particles at random, as somebody clicks them who is shown nothing."""
    marks = [
        (index, centre_yx)
        for index, (_, truth_yx) in enumerate(choices.sample.training[:MICROGRAPHS])
        for centre_yx in truth_yx
        if not any(np.array_equal(centre_yx, other) for other in choices.known.positive[index])
    ]
    return [marks[k] for k in choices.rng.permutation(len(marks))[:count]]


def any_candidate(choices: Choices, count: int) -> list[Mark]:
    """Candidates at random."""
    pool = choices.pool()
    return [pool[k][0] for k in choices.rng.permutation(len(pool))[:count]]


def uncertain(choices: Choices, count: int) -> list[Mark]:
    """Candidates that score nearest the threshold, by logits."""
    pool = choices.pool()
    scores = np.clip([value for _, value in pool], 1e-6, 1 - 1e-6)
    threshold = float(np.clip(choices.model.threshold, 1e-6, 1 - 1e-6))
    away = np.abs(logit(scores) - logit(threshold))
    return [pool[k][0] for k in np.argsort(away)[:count]]


def disagreeing(choices: Choices, count: int) -> list[Mark]:
    """Candidates of which the four rotations of the network say most different things."""
    marks = [mark for mark, _ in choices.pool()]
    logits = logits_of(choices.model.network, choices.crops(marks))
    spread = torch.sigmoid(logits).std(dim=0).numpy()
    return [marks[k] for k in np.argsort(-spread)[:count]]


def doubtful_on_one(choices: Choices, count: int) -> list[Mark]:
    """Candidates nearest the threshold, a box apart, of the micrograph that has most to teach."""
    best, most = [], 0.0
    threshold, box_px = choices.model.threshold, choices.sample.box_px
    for index, each in enumerate(choices.candidates):
        known_yx = choices.known.all_yx(index)
        doubts = doubt(each.scores, threshold)
        doubts[nearest_distances(each.centres_yx, known_yx) <= SAME_PARTICLE_BOXES * box_px] = 0
        order = np.argsort(-doubts, kind="stable")[:WORTH_A_LOOK]
        order = order[doubts[order] > 0]
        chosen = order[keep_best_apart(each.centres_yx[order], box_px)][:count]
        worth = float(doubts[chosen].sum()) * 0.5 ** (len(known_yx) / count)
        if worth > most:
            best, most = [(index, centre_yx) for centre_yx in each.centres_yx[chosen]], worth
    return best


def suggested(choices: Choices, count: int) -> list[Mark]:
    """What the window suggests: least like each other and what is labelled."""
    marks = [mark for mark, _ in choices.pool()]
    labelled = [
        (index, centre_yx)
        for index in range(MICROGRAPHS)
        for centre_yx in choices.known.all_yx(index)
    ]
    features = box_features(choices.model.network, choices.crops([*marks, *labelled]))
    chosen = least_alike(features[: len(marks)], features[len(marks) :], count)
    return [marks[k] for k in chosen]


WAYS: dict[str, Callable[[Choices, int], list[Mark]]] = {
    "particles at random": any_particle,
    "candidates at random": any_candidate,
    "nearest the threshold": uncertain,
    "rotations disagree": disagreeing,
    "doubtful, on one micrograph": doubtful_on_one,
    "least alike, as suggested": suggested,
}


@torch.inference_mode()
def logits_of(network: Network, crops: Float32Array) -> torch.Tensor:
    """(4, n) logits of (n, box, box) crops in four rotations."""
    turned = [np.ascontiguousarray(np.rot90(crops, k, axes=(1, 2))) for k in range(4)]
    return torch.stack([network(torch.from_numpy(each)[:, None])[:, 0, 0] for each in turned])


@dataclass(frozen=True, eq=False, slots=True)
class Round:
    """What is known after some labels, and what a training from them gives."""

    known: Known
    model: Model
    candidates: Sequence[Candidates]  # of every micrograph that is labelled
    figures: dict[str, float]  # labels, particles among them, average precision, seconds


def go_rounds(on: str, way: str, seed: int) -> list[dict[str, float]]:
    """The figures after every round."""
    sample, rng = sets.load(on), np.random.default_rng(seed)
    rounds = [first_round(on, seed)]
    for count in np.diff(LABELLED):
        last, known = rounds[-1], deepcopy(rounds[-1].known)
        choices = Choices(sample, last.model, known, last.candidates, rng)
        for mark in WAYS[way](choices, int(count)):
            known.answer(mark, sample.training[mark[0]][1], radius_of(sample))
        rounds.append(round_of(sample, known, seed))
    return [each.figures for each in rounds]


@lru_cache(maxsize=1)
def first_round(on: str, seed: int) -> Round:
    """From clicks on one micrograph: the same, whatever way goes on."""
    sample, rng, known = sets.load(on), np.random.default_rng(seed), Known()
    start = rng.integers(MICROGRAPHS)
    known.positive[start] = list(rng.permutation(sample.training[start][1])[: LABELLED[0]])
    return round_of(sample, known, seed)


def round_of(sample: sets.LabelledSet, known: Known, seed: int) -> Round:
    """Train from what is known, and judge."""
    labelled = sample.training[:MICROGRAPHS]
    settings = from_general(sample.box_px, labels_complete=False, seed=seed)
    model, seconds = trained(labelled, known.labels, settings)
    figures = {
        "labels": sum(len(known.all_yx(index)) for index in range(MICROGRAPHS)),
        "particles": sum(map(len, known.positive)),
        "ap": precision_of(model, sample),
        "training_s": seconds,
    }
    candidates = [find_candidates(score(micrograph, model)) for micrograph, _ in labelled]
    return Round(known, model, candidates, figures)


def precision_of(model: Model, sample: sets.LabelledSet) -> float:
    """Average precision on micrographs that are not labelled."""
    ranking = [
        select_picks(find_candidates(score(micrograph, model)), threshold=0.0)
        for micrograph, _ in sample.test
    ]
    return evaluate(ranking, [truth_yx for _, truth_yx in sample.test], radius_of(sample)).ap


def radius_of(sample: sets.LabelledSet) -> float:
    """How far off a particle's centre may be marked, px."""
    return SAME_PARTICLE_BOXES * sample.box_px


def draw(path: Path, curves: dict[str, FloatArray]) -> None:
    """Mean average precision against the number of labels."""
    with saved_figure(path, 6.0, 4.0) as figure:
        axes = figure.subplots()
        for (way, aps), colour in zip(curves.items(), COLOURS, strict=True):
            axes.plot(LABELLED, aps.mean(axis=0), "o-", color=colour, label=way)
        axes.set(xscale="log", xlabel="labels", ylabel="average precision, mean of the sets")
        axes.set_xticks(LABELLED, [str(count) for count in LABELLED])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", frameon=False, fontsize=8)


def labels_for(precision: float, aps: FloatArray) -> str:
    """The labels after which a mean curve reaches an average precision, by interpolation."""
    reached = np.flatnonzero(aps >= precision)
    if not reached.size:
        return f"more than {LABELLED[-1]}"
    last = int(reached[0])
    if last == 0:
        return f"{LABELLED[0]} or fewer"
    return f"{np.interp(precision, aps[last - 1 : last + 1], LABELLED[last - 1 : last + 1]):.0f}"


def as_key(on: str, way: str, seed: int) -> str:
    """What the figures of a run are remembered by."""
    sources = (*FromGeneral.sources, *sets.sources(on), "benchmarks/suggestion.py")
    return f"{on}, {way}, seed {seed}, {digest(sources)}"


def main() -> None:
    """Go what rounds are missing, print the table, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(sets.DEVELOPMENT))
    parser.add_argument("--seeds", type=int, default=1 if sets.QUICK else 3)
    parser.add_argument("--figure", type=Path, default=MEMORY / "suggestion.png")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    memory = MEMORY / "suggestion.json"
    remembered = json.loads(memory.read_text()) if memory.is_file() else {}
    runs = [
        (on, way, seed) for seed in range(arguments.seeds) for on in arguments.sets for way in WAYS
    ]
    for on, way, seed in runs:
        key = as_key(on, way, seed)
        if key not in remembered:
            remembered[key] = go_rounds(on, way, seed)
            with replacing(memory) as temporary:
                temporary.write_text(json.dumps(remembered, indent=1))
            told = ", ".join(f"{each['labels']}: {each['ap']:.3f}" for each in remembered[key])
            print(f"{key}: {told}", flush=True)
    curves = {
        way: np.array(
            [
                [each["ap"] for each in remembered[as_key(on, way, seed)]]
                for on, other, seed in runs
                if other == way
            ]
        )
        for way in WAYS
    }
    enough = ENOUGH * float(next(iter(curves.values())).mean(axis=0)[-1])
    rows = [
        [
            way,
            *(
                f"{shown(mean)} ({worst:.3f})"
                for mean, worst in zip(aps.mean(0), aps.min(0), strict=True)
            ),
            labels_for(enough, aps.mean(axis=0)),
        ]
        for way, aps in curves.items()
    ]
    columns = [f"{count} labels" for count in LABELLED]
    print(table(["mean (worst) AP", *columns, f"labels for an AP of {enough:.3f}"], rows))
    draw(arguments.figure, curves)


if __name__ == "__main__":
    main()
