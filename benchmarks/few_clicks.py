"""From no click to all labels, from the general network and from chance: docs/few_clicks.md.

    python benchmarks/few_clicks.py
    python benchmarks/few_clicks.py --development     # the sets on which choices are made: tables

Topaz has the same clicks where it is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sets
from comparison import UPDATES
from ours import FromGeneral, modern
from pages import NOT_MEASURED, image, shown, table, write_page
from peers import TOPAZ, Topaz, version
from plots import draw_labels
from trials import CLICKS, Method, Outcome, Trial, run

REPORTED = {
    "apoferritin": "apoferritin",
    "bgal 0+1": "beta-galactosidase",
}
DEVELOPMENT = {name: name for name in (*sets.DEVELOPMENT, "80S", "KLH micrograph")}
# None: every particle of every training micrograph
CLICKED = (5, 20, None) if sets.QUICK else (5, 10, 20, 50, 100, 500, None)
TOPAZ_CLICKED, TOPAZ_SEEDS = ((20,), 1) if sets.QUICK else ((5, 10, 20, 50, 100, 500), 2)
FEW = 20  # clicks, up to which it is a matter of luck: more seeds are tried
SEEDS_OF_FEW, SEEDS = (1, 1) if sets.QUICK else (5, 2)
THRESHOLD_CLICKS = (0, 5, 20)
TOPAZ_NETWORKS = ("resnet8_u32", "resnet8_u64", "resnet16_u32", "resnet16_u64")
GENERAL, CHANCE = FromGeneral(), modern()

Outcomes = Mapping[Trial, Outcome]


@dataclass(frozen=True, slots=True)
class Line:
    """One method with so many clicks."""

    method: Method
    clicked: Sequence[int | None] = CLICKED
    most_seeds: int = SEEDS_OF_FEW

    def trials(self, on: str) -> list[Trial]:
        """All of its trials on a set, with as many clicks as it has particles."""
        available = sum(len(centres) for _, centres in sets.load(on).training)
        counts = [n for n in self.clicked if (n or 0) <= available and (available or n == 0)]
        return [Trial(on, self.method, n, k) for n in counts for k in range(self._seeds(n))]

    def _seeds(self, n_clicks: int | None) -> int:
        """How many are tried: none and all labels are not drawn by chance."""
        if not n_clicks:
            return 1
        return min(self.most_seeds, SEEDS_OF_FEW if n_clicks <= FEW else SEEDS)


LINES = {
    "from the general network": Line(GENERAL, (0, *CLICKED)),
    "from chance": Line(CHANCE, most_seeds=1),
}


def topaz_lines(on: str) -> dict[str, list[Line]]:
    """Topaz: its best network and scale without a click, and trained on from that scale."""
    if TOPAZ is None:
        return {}
    particle_px = 14 if on.startswith("bgal") else 24  # after downsampling, as in comparison.py
    untrained = [
        Line(Topaz(particle_px=particle_px, network=network), (0,)) for network in TOPAZ_NETWORKS
    ]
    trained = Line(Topaz(UPDATES, particle_px), TOPAZ_CLICKED, TOPAZ_SEEDS)
    return {"untrained": untrained, "trained": [trained]}


def lines_on(on: str, with_topaz: bool) -> list[Line]:
    """Every line that is measured on a set."""
    theirs = topaz_lines(on).values() if with_topaz else ()
    return [*LINES.values(), *(line for lines in theirs for line in lines)]


def precisions(on: str, outcomes: Outcomes) -> dict[str, dict[int | None, list[float]]]:
    """Average precisions of all seeds by the line's name and the number of clicks."""
    aps = {name: _aps(line, on, outcomes) for name, line in LINES.items()}
    of_topaz = {
        kind: [_aps(line, on, outcomes) for line in lines]
        for kind, lines in topaz_lines(on).items()
    }
    if of_topaz and any(of_topaz["untrained"]):
        best = max(of_topaz["untrained"], key=lambda each: np.mean(each.get(0, [0.0])))
        aps["Topaz"] = {**best, **of_topaz["trained"][0]}
    return aps


def _aps(line: Line, on: str, outcomes: Outcomes) -> dict[int | None, list[float]]:
    aps: dict[int | None, list[float]] = {}
    for trial in line.trials(on):
        if trial in outcomes:
            aps.setdefault(trial.n_labels, []).append(outcomes[trial]["ap"])
    return aps


def precision_table(names: Mapping[str, str], outcomes: Outcomes) -> str:
    """Mean average precisions, in brackets the worst of the seeds."""
    rows = [
        [title, name, *(_mean_and_worst(aps.get(n, [])) for n in (0, *CLICKED))]
        for on, title in names.items()
        for name, aps in precisions(on, outcomes).items()
    ]
    counts = [f"{n} clicks" if n is not None else "all labels" for n in (0, *CLICKED)]
    return table(["mean (worst) AP", "", *counts], rows)


def _mean_and_worst(values: Sequence[float]) -> str:
    if not values:
        return NOT_MEASURED
    return shown(np.mean(values)) + (f" ({min(values):.3f})" if len(values) > 1 else "")


def threshold_table(names: Mapping[str, str], outcomes: Outcomes) -> str:
    """How far F2 at the model's own threshold is below the best F2 on the test micrographs."""
    rows = [
        [title, name, *(_loss(on, line.method, n, outcomes) for n in THRESHOLD_CLICKS)]
        for on, title in names.items()
        for name, line in LINES.items()
    ]
    counts = [f"{n} clicks" for n in THRESHOLD_CLICKS]
    return table(["mean (largest) loss of F2", "", *counts], rows)


def _loss(on: str, method: Method, n_clicks: int, outcomes: Outcomes) -> str:
    measured = [
        outcome
        for trial, outcome in outcomes.items()
        if (trial.on, trial.method, trial.n_labels) == (on, method, n_clicks)
    ]
    losses = [outcome["f2"] - outcome["f2_chosen"] for outcome in measured]
    return f"{np.mean(losses):.3f} ({max(losses):.3f})" if losses else NOT_MEASURED


def seconds_table(names: Mapping[str, str], outcomes: Outcomes) -> str:
    """Seconds of a core that a training takes, mean of sets and seeds."""
    methods = {name: [line.method] for name, line in LINES.items()}
    methods["Topaz"] = [line.method for on in names for line in topaz_lines(on).get("trained", [])]
    rows = []
    for name, which in methods.items():
        seconds = {
            n: [
                outcome["training_s"]
                for trial, outcome in outcomes.items()
                if trial.method in which and trial.n_labels == n and trial.on in names
            ]
            for n in CLICKED
        }
        rows.append([name, *(shown(np.mean(of) if of else None, ".0f") for of in seconds.values())])
    counts = [f"{n} clicks" if n is not None else "all labels" for n in CLICKED]
    return table(["seconds of one core", *counts], rows)


def main() -> None:
    """Measure what is missing; draw and write the page, or print the tables alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--sets", nargs="+", help="only these, as tables")
    arguments = parser.parse_args()
    group = DEVELOPMENT if arguments.development else REPORTED
    names = {
        on: title
        for on, title in group.items()
        if sets.is_present(on) and on in (arguments.sets or group)
    }
    outcomes = run(
        trial
        for on in names
        for line in lines_on(on, with_topaz=not arguments.development)
        for trial in line.trials(on)
    )
    parts = [
        precision_table(names, outcomes),
        threshold_table(names, outcomes),
        seconds_table(names, outcomes),
    ]
    if arguments.development or arguments.sets:
        print("\n\n".join(parts))
        return
    panels = {
        title: {
            name: {n: values for n, values in aps.items() if n is not None}
            for name, aps in precisions(on, outcomes).items()
        }
        for on, title in names.items()
    }
    draw_labels(image("figure_4"), panels)
    write_page("few_clicks", "From few clicks", page(parts), outcomes)


def page(tables: Sequence[str]) -> list[str]:
    """The parts of the page."""
    precision, threshold, seconds = tables
    return [
        ABOUT,
        "![Average precision against the number of clicks](images/figure_4.png)",
        precision,
        "## Threshold",
        THRESHOLD,
        threshold,
        "## Time",
        seconds,
        "## How it is trained",
        RECIPE,
        table(["", *TRIED_ON], [[way, *map(shown, aps)] for way, aps in TRIED.items()]),
        RECIPE_SAYS,
        "## Tried, and left out",
        LEFT_OUT,
        "## All labels, and hardly any signal",
        LITTLE_SIGNAL,
        "## What to label next",
        SUGGESTION,
        table(["", *SUGGESTED_ON], [[way, *map(shown, aps)] for way, aps in SUGGESTED.items()]),
        SUGGESTION_SAYS,
        UNMEASURED if TOPAZ is None else PEERS.format(topaz=version(TOPAZ)),
    ]


ABOUT = f"""\
Somebody clicks {CLICKS} particles, drawn at random, on one micrograph, {CLICKS} on the next and so
on, and more on each only after the last: 5 and 10 clicks are on one, 20 on two. No negatives are
labelled, and most particles of a micrograph are not either; with all labels every micrograph of the
training part is labelled. *From the general network*, without a click, it picks as it comes; from
chance training begins with random weights. What is picked was not trained on: apoferritin 3 of 12
micrographs, beta-galactosidase 2 of 5 (trained on 2 others; the labels of the fifth are few). A
candidate counts if it lies within a quarter of the box of a particle that no better one has taken;
labels of real micrographs are incomplete, so precision is a lower bound there. Each point is the
mean of the seeds (five up to 20 clicks, two above; from chance one), and its bar goes from the
worst to the best of them: of training, and of which particles are clicked.

From 50 clicks on, a training from chance is as good on apoferritin, and better by up to 0.02 on
beta-galactosidase (one seed). Where one of its other micrographs is trained on and another one
picked, the difference is smaller, and not always of that sign: 0.845, 0.864 and 0.867 from chance
with 50, 100 and 200 clicks, 0.838, 0.871 and 0.854 from the general network. `--start chance` is
worth a try then."""

THRESHOLD = """\
A model picks at a threshold that it sets by itself from its labels. How much higher F2 on the test
micrographs is at the threshold that is best there:"""

RECIPE = """\
Chosen on two simulated sets: 20 clicks, two seeds, which also draw the clicks; average precision on
three other micrographs, from a general network of 16, 32 and 32 maps, smaller than today's (see
[general.md](general.md)). Before, an epoch had 50 batches and every layer learnt. The tries were
made in half precision; in single precision the first two ways differ from these figures by 0.005 at
most. Ways that keep layers, and those of 30 batches, look around by one rotation, others by 4."""
TRIED_ON = ("ClpB", "ClpB, other seed", "26S", "26S, other seed")
TRIED: dict[str, tuple[float | None, ...]] = {
    "as before": (0.970, 0.906, 0.918, 0.929),
    "as now: 30 batches, two looks around, C1 kept": (0.979, 0.919, 0.919, 0.926),
    "as now, C1 learns too": (0.976, 0.912, 0.922, 0.924),
    "as before, C1 kept": (0.972, 0.910, 0.927, 0.932),
    "as before, C1 and C3 kept": (0.938, 0.912, 0.897, 0.937),
    "as before, C1, C3 and C5 kept": (0.879, 0.879, 0.844, 0.851),
    "30 batches, background drawn everywhere": (0.936, 0.888, 0.934, 0.955),
    "non-negative PU loss": (0.970, 0.883, 0.934, 0.966),
    "GE-binomial loss": (0.876, 0.882, 0.907, 0.929),
}
RECIPE_SAYS = """\
Keeping the first layer as it was loses nothing and saves time; keeping more loses. The losses for
partial labels (Kiryo et al. 2017; Bepler et al. 2019) took all of the micrograph for unlabelled,
their prior from what the general network picks. The non-negative one is best on 26S and worse than
before on one seed of ClpB, much as background drawn everywhere is; with another prior it gave 0.904
and 0.886 on ClpB. Neither wins on both sets, so neither is offered. With two seeds a hundredth may
be chance.

With 200 clicks the short training is as good on 26S (0.956, 0.956 against 0.946, 0.958) and worse
on ClpB (0.990, 0.982 against 0.997, 0.995); with all labels it gave 0.978 and 0.960 against 0.982
and 0.967 on 26S, 0.996 and 0.997 against 0.991 and 0.998 on ClpB, and on beta-galactosidase, which
was looked at as well, 0.888 against 0.910. So from 200 particles on, training is as long as
before, but for the two looks around, which alone gave 0.989 and 0.988 on ClpB, 0.956 on 26S."""

LEFT_OUT = """\
Average precision with today's general network, on simulated sets and on micrographs 3 and 4 of
beta-galactosidase, of which one is trained on and the other picked. With so few seeds, a hundredth
may be chance.

- **Twice as many batches**, with all labels: beta-galactosidase 0.899 to 0.906, 0.874 to 0.899 and
  0.890 to 0.904; 26S at SNR 0.005, where the rate was doubled, too, 0.685 to 0.699; but rubisco
  0.994 to 0.993, ClpB 0.998 to 0.988 and 0.986 to 0.982, 26S 0.981 to 0.976; 35 s instead of 22.
- **The mean of the weights** of two trainings from 5 or 20 clicks that differ in their seeds: in
  twelve cases (ClpB, 26S, rubisco, beta-galactosidase) 0.004 above the mean of single ones, for
  twice the time; of trainings half as long 0.002 below it; of three no better than of two.
- **Another round**: what a model picks on the labelled micrographs joins the labels, and the
  general network is trained on from all of these. From 5 and 20 clicks, two seeds each: 26S 0.876,
  0.909, 0.907, 0.932 to 0.934, 0.927, 0.946, 0.962; rubisco 0.909 to 0.976; ClpB 0.931, 0.990,
  0.969, 0.987 to 0.982, 0.994, 0.964, 0.972; but beta-galactosidase 0.832 to 0.829, and where
  nothing is clicked it does harm on real micrographs, see [general.md](general.md). It is what
  Review is for: look at the picks, and train again.
- **More likely particles** shown besides the labelled ones, all that score above nine in ten of
  these: from 5 and 20 clicks better in seven cases of fourteen, worse in six."""

LITTLE_SIGNAL = """\
70S ribosomes at SNR 0.005 have 0.841 with all labels (one seed; from the smaller general network
0.808), where a matched filter with the true structure reaches 0.96; at 0.01 they have 0.970. From
the smaller network, what is lost was looked for on other particles, 26S proteasomes with as
much noise and with more added; one seed each, 15 micrographs trained on. At SNR 0.005 they have
0.953 on six other micrographs and 0.949 on six of the 20 that were labelled, a quarter of which
is held out; with more noise 0.783, and 0.751 on those. So it is hardly learnt by heart: the
network learns too little, not too much. Pieces of 92 px with 49 boxes each, as the general
network is trained (10 a batch instead of 32 boxes), gave 0.752 in the same 12 epochs, so more
background in a batch is not what is missing. Turning by any angle, wider first kernels and a
second pass were not measured."""

SUGGESTION = """\
Somebody clicks 5 particles on one micrograph; then 15 boxes on three micrographs are chosen in one
of six ways, labelled as what they are, and the general network is trained on from all 20; on ClpB
20 more are chosen after that. Average precision on four other micrographs of two simulated sets,
each figure one run (`benchmarks/suggestion.py` at commit 928b96e):"""
SUGGESTED_ON = (
    "ClpB, 20 labels",
    "ClpB, 40 labels",
    "ClpB, 20 labels, other seed",
    "26S, 20 labels",
    "26S, 20 labels, other seed",
)
SUGGESTED: dict[str, tuple[float | None, ...]] = {
    "the 5 clicks alone": (0.949, 0.949, 0.988, 0.904, 0.916),
    "particles at random": (0.911, 0.921, None, 0.914, None),
    "candidates at random": (0.991, 0.993, 0.972, 0.944, 0.922),
    "nearest the threshold": (0.938, 0.986, None, 0.878, None),
    "most doubtful on one micrograph (suggested before)": (0.957, 0.991, None, 0.900, None),
    "where the four rotations disagree": (0.985, 0.992, None, 0.932, 0.934),
    "least like what is labelled (suggested now)": (0.998, 0.994, 0.997, 0.972, 0.967),
}
SUGGESTION_SAYS = """\
What is suggested now was best in each of these. With 20 labels it is above candidates at random by
0.007 and 0.025 on ClpB and by 0.028 and 0.045 on 26S; candidates at random differ by 0.019 and
0.022 between the two seeds, these by 0.001 and 0.005. On ClpB with 40 labels it is not clearly
better. Four runs with 20 labels are few, and no real set was tried. Much of what it has labelled is
no particle (12 of 15 boxes on 26S)."""

UNMEASURED = """\
Topaz was not measured with these clicks: see [comparison.md](comparison.md), and without a click
[general.md](general.md)."""

PEERS = f"""\
Topaz ({{topaz}}): without a click that of its four pretrained networks which
has the highest average precision on the test micrographs themselves; from clicks trainings of
{UPDATES} updates, see [comparison.md](comparison.md), by no more seeds than bars show."""

if __name__ == "__main__":
    main()
