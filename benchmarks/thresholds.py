"""One threshold for all micrographs against ways to have one for each: docs/thresholds.md.

    python benchmarks/thresholds.py [--seeds 0 1 2] [--others 0 1]

Networks are trained on micrographs that are alike, and pick others that differ from these in one
thing, see `threshold_trials.py`. The threshold that training set is taken as it is; moved as
`PickCriteria.mixture` has it, by two numbers that are tried; moved with the background's scores; or
so that as many are picked on each micrograph. Beside them is the best threshold of each, which only
the truth knows. What is chosen is chosen on two molecules, and reported on others. Each network is
measured once and remembered in `build/benchmarks`: about half a minute of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pages
import sets
from threshold_trials import EMPTY, NOTHING, EveryCandidate, Looks, Ranked, looked_at
from trials import Trial

from napari_deepem.batch.figures import saved_figure
from napari_deepem.core.evaluation.metrics import f_beta
from napari_deepem.core.picking import score_mixture
from napari_deepem.core.picking.criteria import moved
from napari_deepem.core.wording import counted

COMMON, ADAPTIVE, BACKGROUND, NUMBER, BEST = (
    "one for all",
    "adaptive",
    "from the background",
    "as many picks",
    "best, by truth",
)
WAYS = (COMMON, ADAPTIVE, BACKGROUND, NUMBER, BEST)
COLOURS = ("#818cf8", "#fbbf24", "#e03616", "#99ffc5")  # of all but the first
ALL = "all of these"
LABELS = {0: 20, 1: None, 2: 20}  # by seed: of each of six micrographs, None: all particles
CHOSEN_ON, REPORTED_ON, REAL = ("ClpB", "26S"), ("KLH", "70S"), ("apoferritin", "bgal 0+1")
CHANCES, WORTHS = (0.2, 0.3, 0.5), (0.0, 10.0, 100.0)  # see `score_mixture`
Figures = dict[str, dict[str, list[float]]]  # F2 and F1 by what differs and way


def trials_of(names: Sequence[str], seeds: Sequence[int]) -> list[Trial]:
    """The networks that are trained; on real micrographs with 20 labels of each."""
    method = EveryCandidate()
    return [
        Trial(name, method, 20 if name in REAL else LABELS[seed], seed)
        for seed in seeds
        for name in names
        if sets.is_present(name)
    ]


@contextmanager
def adapting(chance: float, worth: float) -> Iterator[None]:
    """The two numbers of an adaptive threshold, other than they are."""
    numbers = {"LIKELY_ENOUGH": chance, "WORTH_OF_PRIOR": worth}
    with patch.multiple(score_mixture, **numbers):
        yield


def adaptive_thresholds(looks: Looks, micrographs: Sequence[Ranked]) -> list[float]:
    """The adaptive threshold of each micrograph; the common one where nothing was learnt."""
    if looks.mixture is None:
        return [looks.threshold] * len(micrographs)
    return [moved(looks.threshold, looks.mixture.shift_on(one.scores)) for one in micrographs]


def thresholds_of(looks: Looks, micrographs: Sequence[Ranked]) -> dict[str, list[float]]:
    """The thresholds of each micrograph, by the way they are chosen."""
    usual = np.median([np.median(one.logits) for one in looks.usual])
    n_usual = round(np.mean([one.counts_above(looks.threshold)[1] for one in looks.usual]))
    return {
        COMMON: [looks.threshold] * len(micrographs),
        ADAPTIVE: adaptive_thresholds(looks, micrographs),
        BACKGROUND: [
            moved(looks.threshold, float(np.median(one.logits) - usual)) for one in micrographs
        ],
        NUMBER: [score_at(one, n_usual - 1) for one in micrographs],
        BEST: [score_at(one, best_row(one)) for one in micrographs],
    }


def score_at(one: Ranked, row: int) -> float:
    return float(one.scores[min(max(row, 0), len(one.scores) - 1)])


def best_row(one: Ranked) -> int:
    """The last candidate that is picked where F2 of a micrograph is best."""
    counts = np.arange(1, len(one.is_hit) + 1)
    return int((5 * np.cumsum(one.is_hit) / (4 * one.n_truth + counts)).argmax())


def f_of(micrographs: Sequence[Ranked], thresholds: Sequence[float], beta: float) -> float:
    """F-beta of all picks together."""
    counts = [one.counts_above(t) for one, t in zip(micrographs, thresholds, strict=True)]
    hits, n_picks, n_truth = np.sum(counts, axis=0)
    return float(f_beta(hits / max(n_picks, 1), hits / n_truth, beta))


def groups_of(looks: Looks) -> dict[str, list[Ranked]]:
    """The micrographs with particles by what differs, and all of them."""
    groups = {name: list(each) for name, each in looks.unlike.items() if name != EMPTY}
    return groups | {ALL: [one for each in groups.values() for one in each]}


def figures_of(looks: Looks) -> Figures:
    """F2 and F1 of a network, by what differs and way."""
    return {
        name: {
            way: [f_of(some, thresholds, beta) for beta in (2, 1)]
            for way, thresholds in thresholds_of(looks, some).items()
        }
        for name, some in groups_of(looks).items()
    }


def wrong_on_empty(looks: Looks) -> dict[str, list[int]]:
    """Picks on each micrograph without particles, by way."""
    empty = looks.unlike[EMPTY]
    chosen = thresholds_of(looks, empty)
    return {
        way: [one.counts_above(t)[1] for one, t in zip(empty, chosen[way], strict=True)]
        for way in (COMMON, ADAPTIVE, BACKGROUND)
    }


def mean_gain(known: Sequence[Looks], chance: float, worth: float) -> float:
    """What an adaptive threshold gains in F2, mean over networks and what differs."""
    with adapting(chance, worth):
        return float(
            np.mean(
                [
                    f_of(some, adaptive_thresholds(looks, some), 2)
                    - f_of(some, [looks.threshold] * len(some), 2)
                    for looks in known
                    for name, some in groups_of(looks).items()
                    if name != ALL
                ]
            )
        )


def choice_table(known: Sequence[Looks]) -> str:
    """What every pair of numbers gains where they are chosen."""
    gains = {pair: mean_gain(known, *pair) for pair in product(CHANCES, WORTHS)}
    used = score_mixture.LIKELY_ENOUGH, score_mixture.WORTH_OF_PRIOR
    best = max(gains, key=gains.__getitem__)

    def cell(chance: float, worth: float) -> str:
        text = f"{gains[chance, worth]:+.4f}"
        marks = [mark for mark, pair in (("best", best), ("used", used)) if pair == (chance, worth)]
        return f"{text} ({', '.join(marks)})" if marks else text

    rows = [[f"{chance:g}", *(cell(chance, worth) for worth in WORTHS)] for chance in CHANCES]
    return pages.table(["chance", *(f"prior worth {worth:g}" for worth in WORTHS)], rows)


def ways_table(results: Sequence[Figures]) -> str:
    """The mean F2 and F1 over networks; and of F2 what the adaptive one gained, from to."""
    rows = []
    for name in results[0]:
        each = {way: np.array([figures[name][way] for figures in results]) for way in WAYS}
        gains = each[ADAPTIVE][:, 0] - each[COMMON][:, 0]
        cells = [f"{f2:.3f} ({f1:.3f})" for f2, f1 in (each[way].mean(axis=0) for way in WAYS)]
        rows.append([name, *cells, f"{gains.min():+.3f} to {gains.max():+.3f}"])
    return pages.table(["what differs", *WAYS, "adaptive gains F2"], rows)


def real_table(real: Sequence[Looks]) -> str:
    """F2 and F1 on micrographs like those of the training, one row a network."""
    rows = []
    for looks in real:
        figures = figures_of(looks)[NOTHING]
        rows.append([looks.on, *("{:.3f} ({:.3f})".format(*figures[way]) for way in WAYS)])
    return pages.table(["network trained on", *WAYS], rows)


def empty_table(real: Sequence[Looks]) -> str:
    """Wrong picks on micrographs without particles, one row a network."""
    rows = []
    for looks in real:
        counts = wrong_on_empty(looks)
        rows.append([looks.on, *(f"{sum(n)} ({max(n)})" for n in counts.values())])
    return pages.table(["network trained on", COMMON, ADAPTIVE, BACKGROUND], rows)


def draw(path: Path, results: Sequence[Figures]) -> None:
    """How much F2 each way gains on one threshold for all, by what differs; dots are networks."""
    names = list(results[0])
    with saved_figure(path, 8.5, 6.0) as figure:
        axes = figure.subplots()
        for offset, (way, colour) in enumerate(zip(WAYS[1:], COLOURS, strict=True)):
            gains = np.array([[f[n][way][0] - f[n][COMMON][0] for n in names] for f in results])
            at = np.arange(len(names)) + 0.2 * (offset - 1.5)
            axes.barh(at, gains.mean(axis=0), height=0.18, color=colour, label=way, zorder=2)
            axes.plot(gains.ravel(), np.tile(at, len(gains)), ".", color="0.25", ms=3, zorder=3)
        axes.axvline(0, color="0.3", lw=0.8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("F2 gained on one threshold for all micrographs")
        figure.legend(frameon=False, ncols=4, loc="outside lower center")
        axes.grid(axis="x", alpha=0.3, zorder=0)
        axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Measure what is missing, draw and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], choices=list(LABELS))
    parser.add_argument("--others", type=int, nargs="+", default=[0], choices=list(LABELS))
    options = parser.parse_args()
    known = list(looked_at(trials_of(CHOSEN_ON, options.others)))
    reported = list(looked_at(trials_of(REPORTED_ON, options.seeds)))
    real = list(looked_at(trials_of(REAL, options.others)))
    results = [figures_of(looks) for looks in reported]
    draw(pages.image("thresholds"), results)
    parts = [
        INTRODUCTION,
        "## What the adaptive threshold does",
        WHAT_IT_DOES,
        "## When it helps",
        MEASURED.format(networks=counted(len(results), "network"), sets=" and ".join(REPORTED_ON)),
        "![F2 gained on one threshold for all](images/thresholds.png)",
        ways_table(results),
        READ,
        "## On real micrographs",
        ABOUT_REAL,
        real_table(real),
        EMPTY_ONES,
        empty_table(real),
        "## How it was chosen",
        CHOICE.format(networks=counted(len(known), "network")),
        choice_table(known),
    ]
    outcomes = {
        f"{number} {looks.on}": figures_of(looks)
        for number, looks in enumerate([*known, *reported, *real])
    }
    pages.write_page("thresholds", "One threshold, or one for each micrograph", parts, outcomes)


INTRODUCTION = """\
A score means the same on every micrograph as long as micrographs are alike. Where they differ, in
how many particles they hold, in ice, dirt or signal, another threshold may be better on each. There
are three ways:

| | in the window, in **Pick** | on the command line |
|---|---|---|
| **one threshold for all**: so it is by default | the slider | `--threshold` |
| **adaptive**, by what scores look like | *Adapt to each* | `--adaptive-threshold` |
| **by hand**, for single micrographs | *Only for this micrograph* | |"""

WHAT_IT_DOES = """\
Training learns from the labels that it held out how the scores of particles and of background are
distributed: two bells on the scale of logits, the same by which the [share of right
picks](guide.md#5-score-and-find-the-threshold) is estimated. On every micrograph the program fits
how many of the candidates belong to which bell. On one with few particles, more of what scores
0.6 is background than usual; a pick that is as sure to be a particle needs a higher score there.
So

- the threshold is **higher** where fewer candidates than usual look like particles, and **lower**
  where more do;
- it is what the slider says on micrographs like those of the training, and 0 and 1 stay what they
  are;
- a micrograph with a handful of candidates keeps it, nearly: they tell little.

The plot in **Pick** shows the threshold that is in use on the micrograph in view; the line below
the slider says it. The report of a run says from where to where it went, and `report.json` has
that of each micrograph. All candidates are on record, so turning it on or off picks anew without
scoring. It needs at least a handful of held-out labels: the general network as it comes, and
models that had too few, say so.

A threshold **by hand** belongs to the micrograph for which *Only for this micrograph* is ticked.
It begins as the one in use, holds whether or not the others adapt, is kept in the folder's
session, and ends with the next training, whose scores mean something else."""

MEASURED = """\
{networks} were trained from the general network on six simulated micrographs each ({sets},
20 labels of each micrograph or all), and picked others that differ from these in one thing, two of
each. Beside the adaptive threshold there are two that one might think of: moved with the median of
the candidates' scores, and so that as many are picked on each micrograph; and the best threshold of
each micrograph, which only the truth knows. Mean F2, and F1 in brackets; in the last column how
much F2 the adaptive one gains on single networks. Dots in the picture are networks."""

READ = """\
- With **fewer particles** it helps, the more the fewer there are.
- With **as many or more**, more dirt, more signal or uneven ice it changes next to nothing: the
  bells are then as full as in training.
- With **less signal** it hurts a little. Particles score lower there; it takes them for fewer, and
  asks for more.
- **From the background** is worse than one threshold for all where there are fewer particles: these
  lower the median, and the threshold with it, just where it should rise.
- **As many picks** on each micrograph is right only where there are as many particles.

So it is off by default. Turn it on where micrographs of a series hold very different numbers of
particles."""

ABOUT_REAL = """\
Networks trained with 20 labels of each micrograph: on nine of apoferritin, to pick three others,
and on two of beta-galactosidase, to pick two others. All hold about as many particles as those that
were trained on, and not every one is labelled: figures are lower bounds."""

EMPTY_ONES = """\
Eight real micrographs hold no particle, but contamination, crystals or nothing; all picks there are
wrong. The adaptive threshold leaves fewer, but far from none: what is picked there does look like
particles to the network. From the background it goes either way. In brackets the most on one
micrograph."""

CHOICE = """\
Two numbers are in it: the chance to be a particle that is kept the same, and how many candidates
the share of particles in training is worth, against those of the micrograph. What pairs of them
gain in F2, mean over all that differs, for {networks} of two molecules that the tables above do not
have (ClpB and the 26S proteasome):"""


if __name__ == "__main__":
    main()
