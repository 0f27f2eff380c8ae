"""What each piece of `modern` gives: it is switched off, and the rest stays: docs/ablation.md.

python benchmarks/ablation.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sets
from ours import Ours, modern
from pages import shown, table, write_page
from trials import Outcome, Trial, run

from napari_deepem.core.recipes import MODERN

SETS = ("apoferritin", "bgal 1", sets.at_snr(0.01), sets.at_snr(0.005))
SEEDS = (0, 1, 2)
CHANGES: dict[str, dict[str, Any]] = {  # what is different -> fields of the recipe
    "sigmoid instead of ReLU": {"activation": "sigmoid"},
    "no batch normalisation": {"batch_norm": False},
    "neither": {"activation": "sigmoid", "batch_norm": False},
    "background from half a box away": {"background_distance": 0.5},
    "particles always centred": {"jitter": 0.0},
    "contrast as it is": {"contrast_jitter": 0.0},
    "targets of 0 and 1": {"label_smoothing": 0.0},
}


def variants() -> list[Ours]:
    """The whole recipe first."""
    changed = [Ours(name, replace(MODERN, **fields)) for name, fields in CHANGES.items()]
    return [modern(), *changed]


def main() -> None:
    """Measure what is missing and write the page."""
    outcomes = run(
        Trial(on, variant, seed=seed) for on in SETS for variant in variants() for seed in SEEDS
    )
    present = [on for on in SETS if sets.is_present(on)]
    rows = [
        [variant.name, *(cell(on, variant, outcomes) for on in present)] for variant in variants()
    ]
    parts = [ABOUT, table(["", *present], rows)]
    write_page("ablation", "What each piece gives", parts, outcomes)


def cell(on: str, variant: Ours, outcomes: dict[Trial, Outcome]) -> str:
    """Mean average precision; for a variant also the difference, with its standard error."""
    aps = np.array([outcomes[Trial(on, variant, seed=seed)]["ap"] for seed in SEEDS])
    whole = np.array([outcomes[Trial(on, modern(), seed=seed)]["ap"] for seed in SEEDS])
    if variant == modern():
        return shown(aps.mean())
    gain = aps - whole
    error = gain.std(ddof=1) / np.sqrt(len(SEEDS))
    return f"{shown(aps.mean())} ({shown(gain.mean(), '+.3f')} ± {shown(error)})"


ABOUT = f"""\
Average precision on micrographs that were not trained on, the mean of {len(SEEDS)} seeds: of
the recipe `modern`, and of the same with one piece changed. In brackets the difference, seed by
seed, and its standard error. A candidate counts within a quarter of the box; sets as in
[comparison.md](comparison.md)."""

if __name__ == "__main__":
    main()
