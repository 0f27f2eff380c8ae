"""Figures 3e-f, 4 and 6 of the paper, with our curves: docs/reproduction.md.

python benchmarks/reproduction.py
"""

from __future__ import annotations

import sets
from ours import PAPER_STEPS, deepem2017, modern
from pages import image, shown, table, write_page
from plots import draw_f2_and_precision_recall, draw_precision_recall
from trials import Outcome, Trial, run

FIG_3_SETS = {
    "sample": "embedded sample",
    "apoferritin": "apoferritin",
    "bgal 1": "beta-galactosidase",
}
SNRS = (0.01, 0.005, 0.001)
RECIPES = {"modern": modern(), "deepem2017": deepem2017()}


Outcomes = dict[Trial, Outcome]


def main() -> None:
    """Measure what is missing, draw and write the page."""
    fig_3 = [Trial(on, recipe) for on in FIG_3_SETS for recipe in RECIPES.values()]
    fig_6 = [Trial(sets.at_snr(snr), recipe) for snr in SNRS for recipe in RECIPES.values()]
    outcomes = run([*fig_3, *fig_6])
    write_page(
        "reproduction",
        "The paper's figures, made again",
        [ABOUT, *figure_3(outcomes), FIGURE_4, *figure_6(outcomes), FIGURE_S5],
        outcomes,
    )


def figure_3(outcomes: Outcomes) -> list[str]:
    """F2 and precision-recall curves."""
    panels = {
        title: {name: outcomes[Trial(on, recipe)] for name, recipe in RECIPES.items()}
        for on, title in FIG_3_SETS.items()
        if sets.is_present(on)
    }
    draw_f2_and_precision_recall(image("figure_3ef"), panels)
    rows = [
        [
            title,
            name,
            shown(outcome["ap"]),
            shown(outcome["max_recall"]),
            f"{shown(outcome['f2'])} at {outcome['f2_threshold']:.2f}",
            f"{shown(both_reach(outcome), '.2f')}",
            f"{outcome['radius_px']:g} px",
        ]
        for title, lines in panels.items()
        for name, outcome in lines.items()
    ]
    return [
        "## Fig. 3e-f: F2 and precision-recall curves",
        PAPER_3,
        "![F2 against threshold, precision against recall](images/figure_3ef.png)",
        table(["", "", "AP", "max. recall", "best F2", "P and R reach", "matched within"], rows),
    ]


def figure_6(outcomes: Outcomes) -> list[str]:
    """Signal-to-noise ratios."""
    panels = {
        f"SNR {snr:g}": {
            name: outcomes[Trial(sets.at_snr(snr), recipe)] for name, recipe in RECIPES.items()
        }
        for snr in SNRS
    }
    draw_precision_recall(image("figure_6"), panels)
    rows = [[name, *(shown(lines[name]["ap"]) for lines in panels.values())] for name in RECIPES]
    return [
        "## Fig. 6: noise",
        PAPER_6,
        "![Precision against recall at three signal-to-noise ratios](images/figure_6.png)",
        table(["average precision", *panels], rows),
    ]


def both_reach(outcome: Outcome) -> float:
    """What precision and recall both reach at one threshold."""
    curve = outcome["curve"]
    return max(map(min, curve["precision"], curve["recall"]))


ABOUT = f"""\
Zhu, Ouyang and Mao publish curves without numbers; what their text says stands beside ours.
`modern` is the default recipe, `deepem2017` the paper's, here for {PAPER_STEPS} gradient steps
whatever the number of labels. A candidate counts if it lies within a quarter of the box of a
particle that no better one has taken; the paper does not say what it counts. Every curve is
from micrographs that were not trained on. Real micrographs (apoferritin, EMPIAR-10146;
beta-galactosidase, EMPIAR-10017) are shown where they are at hand; not all of their particles
are labelled, so that precision there is a lower bound."""

PAPER_3 = """\
The paper, on KLH: precision and recall both reach about 90 % at once, on 19S about 80 %; the
highest F2 of KLH is at a threshold of 0.84. KLH's micrographs are not at hand: the embedded
sample is simulated after them, with 20 micrographs to train on and 10 to test on. Dotted: the
threshold with the highest F2."""

FIGURE_4 = """\
## Fig. 4: the number of labels

The paper, on KLH: from 100 to 400 particles the curve improves clearly, from 400 to 1200
hardly. From the general network a handful is enough; [few_clicks.md](few_clicks.md) says how it
was measured, and has the numbers.

![Average precision against the number of labels](images/figure_4.png)"""

PAPER_6 = """\
The paper: at a signal-to-noise ratio of 0.01 particles are still recognised well. Sets of 20
micrographs of 60 simulated 70S ribosomes (of the embedded particle where the map is not at
hand) to train on, another 10 to test on, box 112 px; the ratio is the variance of the signal
over that of the noise inside the boxes."""

FIGURE_S5 = """\
## Supplementary Fig. 5: 2D classes

What RELION makes of our picks: [classes.md](classes.md)."""

if __name__ == "__main__":
    main()
