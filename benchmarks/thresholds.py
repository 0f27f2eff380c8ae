"""One threshold for all micrographs against three ways to have one for each.

    python benchmarks/thresholds.py                        # trains six networks
    python benchmarks/thresholds.py --models a.safetensors # takes networks that are trained

Networks are trained on simulated micrographs that are alike, all particles labelled or 20 on each,
and pick micrographs that differ from these in one thing or in all. The threshold of the training is
taken as it is, moved by `PickCriteria.mixture`, moved with the background's scores, or so that as
many are picked on each micrograph; beside them is the best threshold of each micrograph, by truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pages
import precision_estimate as trained
import sets

from napari_deepem import Candidates, PickCriteria, find_candidates, load_model, score
from napari_deepem.batch.figures import saved_figure
from napari_deepem.core.evaluation.metrics import f_beta, match
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import moved
from napari_deepem.core.picking.score_evidence import mixture_in
from napari_deepem.core.picking.score_mixture import logits_of
from napari_deepem.core.simulation import (
    Projector,
    SimulatedMicrograph,
    SimulationSettings,
    klh_volume,
    simulate_set,
)
from napari_deepem.core.types import FloatArray, Picks

COMMON, ADAPTIVE, BACKGROUND, NUMBER, BEST = (
    "one for all",
    "adaptive",
    "from the background",
    "as many picks",
    "best, by truth",
)
WAYS = (COMMON, ADAPTIVE, BACKGROUND, NUMBER, BEST)
PER_SET = 2 if sets.QUICK else 4
REGIMES = trained.REGIMES[:2]
SNR = 0.01
ALL = "all of these"
COLOURS = ("#2563eb", "#d97706", "#9333ea", "#16a34a")


@dataclass(frozen=True, eq=False, slots=True)
class Ranked:
    """All candidates of a micrograph, and which of them are right."""

    ranking: Picks
    is_hit: FloatArray  # (n,) 1 or 0
    n_truth: int

    @property
    def logits(self) -> FloatArray:
        """(n,) logits of the scores, falling."""
        assert self.ranking.scores is not None
        return logits_of(self.ranking.scores)

    def counts_above(self, threshold: float) -> tuple[int, int, int]:
        """Right picks, picks, particles."""
        assert self.ranking.scores is not None
        n_picks = int((self.ranking.scores >= threshold).sum())
        return int(self.is_hit[:n_picks].sum()), n_picks, self.n_truth


def conditions(known: SimulationSettings) -> dict[str, SimulationSettings]:
    """What differs from the micrographs of the training."""
    return {
        "nothing": known,
        "a quarter of the particles": replace(known, particles=known.particles // 4),
        "a tenth of them": replace(known, particles=known.particles // 10),
        "half as many again": replace(known, particles=known.particles * 3 // 2),
        "half of the signal": replace(known, snr=known.snr / 2),
        "twice the signal": replace(known, snr=known.snr * 2),
        "four times the dirt": replace(known, contamination=4 * known.contamination),
        "an ice gradient of 15 %, carbon": replace(known, ice_gradient=0.15, carbon=1.0),
    }


def ranked(candidates: Candidates, truth_yx: FloatArray, criteria: PickCriteria) -> Ranked:
    """The candidates of a micrograph against its particles."""
    ranking = criteria.of_ranking.picks_of(candidates)
    radius_px = SAME_PARTICLE_BOXES * candidates.box_size_px
    is_hit = match(ranking.centres_yx, truth_yx, radius_px, ranking.scores)
    return Ranked(ranking, is_hit.astype(np.float64), len(truth_yx))


def thresholds_of(
    micrographs: Sequence[Ranked], known: Sequence[Ranked], model: Model
) -> dict[str, list[float]]:
    """The thresholds of each micrograph, by the way they are chosen."""
    adaptive = replace(PickCriteria.of_model(model), mixture=mixture_in(model.summary))
    usual = np.median([np.median(each.logits) for each in known])
    n_usual = round(np.mean([each.counts_above(model.threshold)[1] for each in known]))
    return {
        COMMON: [model.threshold] * len(micrographs),
        ADAPTIVE: [adaptive.threshold_on(each.ranking) for each in micrographs],
        BACKGROUND: [
            moved(model.threshold, float(np.median(each.logits) - usual)) for each in micrographs
        ],
        NUMBER: [_score_of(each, n_usual - 1) for each in micrographs],
        BEST: [_best(each) for each in micrographs],
    }


def _score_of(each: Ranked, index: int) -> float:
    assert each.ranking.scores is not None
    return float(each.ranking.scores[min(max(index, 0), len(each.ranking) - 1)])


def _best(each: Ranked) -> float:
    hits, counts = np.cumsum(each.is_hit), np.arange(1, len(each.is_hit) + 1)
    f2s = 5 * hits / (4 * each.n_truth + counts)
    return _score_of(each, int(f2s.argmax()))


def f_of(micrographs: Sequence[Ranked], thresholds: Sequence[float], beta: float) -> float:
    """F-beta of all picks together."""
    counts = [each.counts_above(t) for each, t in zip(micrographs, thresholds, strict=True)]
    hits, n_picks, n_truth = np.sum(counts, axis=0)
    return float(f_beta(hits / max(n_picks, 1), hits / n_truth, beta))


Figures = dict[str, dict[str, tuple[float, float]]]  # F2 and F1 by condition and way


def models_of(seed: int, given: Sequence[Path]) -> Iterator[Model]:
    """The networks that are tried: those given, or one trained in each regime."""
    if given:
        yield from map(load_model, given)
        return
    known = replace(trained.KNOWN, snr=SNR, seed=1000 * seed)
    labelled = list(simulate_set(_projector(), replace(known, count=12)))
    for regime in REGIMES:
        yield trained.train_in(regime, labelled, seed)


def figures_of(seed: int, given: Sequence[Path]) -> Iterator[Figures]:
    """F2 and F1 of each network on micrographs that differ from those of its training."""
    known = replace(trained.KNOWN, snr=SNR, seed=1000 * seed + 500)
    alike = list(simulate_set(_projector(), replace(known, count=4)))  # tell what is usual
    unknown = {
        name: list(
            simulate_set(_projector(), replace(like, count=PER_SET, seed=known.seed + 1 + k))
        )
        for k, (name, like) in enumerate(conditions(known).items())
    }
    for model in models_of(seed, given):
        looked_at = {name: [_look(one, model) for one in each] for name, each in unknown.items()}
        looked_at[ALL] = [each for looks in list(looked_at.values()) for each in looks]
        seen = [_look(one, model) for one in alike]
        yield {
            name: {
                way: (f_of(looks, chosen, 2), f_of(looks, chosen, 1))
                for way, chosen in thresholds_of(looks, seen, model).items()
            }
            for name, looks in looked_at.items()
        }


def _projector() -> Projector:
    return Projector(klh_volume(trained.PIXEL_SIZE))


def _look(one: SimulatedMicrograph, model: Model) -> Ranked:
    candidates = find_candidates(score(one.micrograph, model))
    return ranked(candidates, one.truth_yx, PickCriteria.of_model(model))


def table_of(results: Sequence[Figures]) -> str:
    """A Markdown table of the mean F2 and F1 over networks."""
    rows = [
        [name, *(_cell([figures[name][way] for figures in results]) for way in WAYS)]
        for name in results[0]
    ]
    return pages.table(["what differs", *WAYS], rows)


def _cell(figures: Sequence[tuple[float, float]]) -> str:
    f2, f1 = np.mean(figures, axis=0)
    return f"{f2:.3f} ({f1:.3f})"


def draw(path: Path, results: Sequence[Figures]) -> None:
    """How much F2 each way gains on one threshold for all, by what differs; dots are networks."""
    names = list(results[0])
    with saved_figure(path, (9.0, 4.6)) as figure:
        axes = figure.subplots()
        for offset, (way, colour) in enumerate(zip(WAYS[1:], COLOURS, strict=True)):
            gains = np.array([[f[n][way][0] - f[n][COMMON][0] for n in names] for f in results])
            at = np.arange(len(names)) + 0.2 * (offset - 1.5)
            axes.barh(at, gains.mean(axis=0), height=0.18, color=colour, label=way)
            for each in gains:
                axes.plot(each, at, ".", color="0.25", ms=3)
        axes.axvline(0, color="0.3", lw=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("F2 gained on one threshold for all micrographs")
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Parse the command line, train, compare, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", type=Path, nargs="+", default=[], help="instead of training")
    parser.add_argument("--plot", type=Path, default=pages.image("thresholds"))
    arguments = parser.parse_args()
    results: list[Figures] = []
    for seed in arguments.seeds:
        for figures in figures_of(seed, arguments.models):
            results.append(figures)
            print(f"{len(results)} networks", flush=True)
    print(table_of(results))
    draw(arguments.plot, results)


if __name__ == "__main__":
    main()
