"""Ours beside RELION's LoG picker and Topaz, where these are installed: docs/comparison.md.

python benchmarks/comparison.py
"""

from __future__ import annotations

from collections.abc import Sequence

import sets
from ours import FromGeneral, deepem2017, modern
from pages import code, mean, shown, table, write_page
from peers import RELION, TOPAZ, RelionLog, Topaz, version
from trials import Method, Outcome, Trial, run

COLUMNS = {  # a column's title -> the sets that it is the mean of
    "apoferritin": ("apoferritin",),
    "beta-galactosidase": ("bgal 0", "bgal 1"),
    "embedded sample": ("sample",),
    "SNR 0.1": (sets.at_snr(0.1),),
    "SNR 0.01": (sets.at_snr(0.01),),
    "SNR 0.005": (sets.at_snr(0.005),),
}
DIAMETERS = (0.65, 0.75, 0.9, 1.05, 1.2, 1.35, 1.5)  # of RELION's filter
PARTICLE_PX = (14, 24, 34)  # after downsampling for Topaz
BEST_PARTICLE_PX = {"beta-galactosidase": 14}  # for its pretrained network; 24 elsewhere
UPDATES = 8 if sets.QUICK else 200
SEEDS = (
    0,
    1,
)  # of `modern` from either start; all else, and sets of a signal-to-noise ratio, are run once


def contenders(title: str) -> dict[str, Sequence[Method]]:
    """Who is compared in a column; where a line has several methods the best one counts."""
    trained = Topaz(UPDATES, BEST_PARTICLE_PX.get(title, 24))
    return {
        "RELION LoG, best diameter": [RelionLog(size) for size in DIAMETERS if RELION],
        "Topaz, pretrained": [Topaz(particle_px=px) for px in PARTICLE_PX if TOPAZ],
        "Topaz, trained": [trained] if TOPAZ else [],
        "deepem2017": [deepem2017()],
        "modern, from chance": [modern()],
        "modern, from the general network": [FromGeneral()],
    }


def trials(method: Method, title: str) -> list[Trial]:
    """What one method's figures in one column are the means of."""
    seeds = SEEDS if method in (modern(), FromGeneral()) and not title.startswith("SNR") else (0,)
    return [Trial(on, method, seed=seed) for on in COLUMNS[title] for seed in seeds]


def best(methods: Sequence[Method], title: str, outcomes: dict[Trial, Outcome]) -> list[Outcome]:
    """The outcomes in a column of that method of several which has the highest mean AP there."""
    measured = [
        [outcomes[trial] for trial in trials(method, title) if trial in outcomes]
        for method in methods
    ]
    return max(measured, key=lambda these: mean(these, "ap") or 0.0, default=[])


def main() -> None:
    """Measure what is missing and write the page."""
    outcomes = run(
        trial
        for title in COLUMNS
        for methods in contenders(title).values()
        for method in methods
        for trial in trials(method, title)
    )
    found = {
        title: {name: best(methods, title, outcomes) for name, methods in contenders(title).items()}
        for title in COLUMNS
    }
    names = list(contenders(""))

    def rows(figure: str, form: str = ".3f") -> str:
        lines = [[n, *(shown(mean(found[t][n], figure), form) for t in COLUMNS)] for n in names]
        return table(["", *COLUMNS], lines)

    parts = [
        ABOUT,
        "## Average precision",
        rows("ap"),
        "## Maximum recall, of all candidates",
        rows("max_recall"),
        "## Training, seconds of one core",
        rows("training_s", ".0f"),
        "## What was run",
        SETTINGS.format(relion=version(RELION), topaz=version(TOPAZ)),
        code(commands(found)),
    ]
    write_page("comparison", "Beside other pickers", parts, outcomes)


def commands(found: dict[str, dict[str, list[Outcome]]]) -> list[str]:
    """What was run of other programs, in a folder of micrographs, for the first set of a column."""
    return [
        line
        for title, by_name in found.items()
        for name, outcomes in by_name.items()
        if outcomes and outcomes[0]["commands"]
        for line in [f"# {title}: {name}", *outcomes[0]["commands"], ""]
    ][:-1]


ABOUT = """\
Every method picks the same micrographs, none of which it was trained on, and all that are
trained have the same labels: 9 micrographs of apoferritin for 3 others; 4 of beta-galactosidase
for the fifth, twice; 20 of the embedded sample for 10 others; 20 simulated ones of 60 particles
at each signal-to-noise ratio (ribosomes where their map is at hand, otherwise the embedded
particle) for 10 others. A candidate counts if it lies within a quarter of the box of a particle
that no better one has taken. The labels of the real micrographs are incomplete, so precision
there, and with it average precision, is a lower bound."""

SETTINGS = f"""\
RELION's picker ({{relion}}) has no training; its diameter is the best of
{len(DIAMETERS)} for each column, chosen on the test micrographs themselves. Topaz
({{topaz}}) is given the particle's radius, the true number of particles a micrograph,
and micrographs downsampled by that factor of {len(PARTICLE_PX)} that suits its pretrained
network best. Its training, {UPDATES} updates from pretrained weights, is as long as one would
wait for on such a machine; its default is 10 000 updates, so this is a lower bound. `modern` is
the mean of {len(SEEDS)} seeds, and of one on the sets of a signal-to-noise ratio; by default it
starts from the general network."""

if __name__ == "__main__":
    main()
