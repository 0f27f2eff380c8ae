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
from trials import Trial, run

from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.types import FloatArray

SETS = {  # where trainings differ: apoferritin is picked nearly without a fault by all
    "bgal 1": "beta-galactosidase",
}
SEEDS = (0, 1, 2)
CHANGES: dict[str, dict[str, Any]] = {  # what is different -> fields of the recipe
    "6, 12 and 12 maps, as in the paper": {"maps": (6, 12, 12)},
    "16, 32 and 32 maps (`wide`)": {"maps": (16, 32, 32)},
    "sigmoid instead of ReLU": {"activation": "sigmoid"},
    "no batch normalisation": {"batch_norm": False},
    "half the epochs": {"epochs": MODERN.epochs // 2},
    "weights not averaged": {"average_keeps": 0.0},
    "boxes neither flipped nor turned": {"all_orientations": False},
    "particles always centred": {"jitter": 0.0},
    "contrast left as it is": {"contrast_jitter": 0.0},
    "targets of 0 and 1": {"label_smoothing": 0.0},
    "background from half a box away": {"background_distance": 0.5},
    "scores not smoothed": {"smoothings": (0.0,)},
}


def variants() -> list[Ours]:
    """The whole recipe first."""
    changed = [Ours(name, replace(MODERN, **fields)) for name, fields in CHANGES.items()]
    return [modern(), *changed]


def main() -> None:
    """Measure what is missing, seed by seed, and write the page."""
    outcomes = run(
        Trial(on, variant, seed=seed) for seed in SEEDS for on in SETS for variant in variants()
    )
    present = [on for on in SETS if sets.is_present(on)]
    aps = {
        (variant, on): np.array([outcomes[Trial(on, variant, seed=seed)]["ap"] for seed in SEEDS])
        for variant in variants()
        for on in present
    }
    rows = [
        [variant.name, *(cell(aps[variant, on], aps[modern(), on]) for on in present)]
        for variant in variants()
    ]
    parts = [ABOUT, table(["", *(SETS[on] for on in present)], rows)]
    write_page("ablation", "What each piece gives", parts, outcomes)


def cell(aps: FloatArray, whole: FloatArray) -> str:
    """Mean average precision; for a variant also the difference, with its standard error."""
    if aps is whole:
        return shown(aps.mean())
    gain = aps - whole
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return f"{shown(aps.mean())} ({shown(gain.mean(), '+.3f')} ± {shown(error)})"


ABOUT = f"""\
Average precision on micrographs that were not trained on, the mean of {len(SEEDS)} seeds: of
the recipe `modern`, and of the same with one piece changed. In brackets the difference, seed by
seed, and its standard error. A candidate counts within a quarter of the box; sets as in
[comparison.md](comparison.md)."""

if __name__ == "__main__":
    main()
