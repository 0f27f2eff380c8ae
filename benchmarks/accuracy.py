"""Accuracy by cross-validation: every micrograph is picked by a model that has not seen it.

    python benchmarks/accuracy.py [--data DIR --box PX] [--recipe modern] [--start chance]
        [--seeds 3] [--labels N]

Without --data the embedded sample. The recipe modern starts from the general network by default.
--labels N: train on three micrographs only, on N particles chosen at random of each, as if a user
had clicked these. Prints one Markdown row.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ours import FromGeneral, Ours
from sets import Labelled, LabelledSet, read_labelled
from trials import Method, judge

from napari_deepem import simulate_sample
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.training.recipes import recipe_named

FOLDS = 4
FIGURES = ("ap", "precision", "recall", "f1", "training_s")


def folds(name: str, box_px: int, labelled: list[Labelled]) -> Iterator[LabelledSet]:
    """Every fourth micrograph to pick, and the others to train on; four times."""
    for first in range(min(FOLDS, len(labelled))):
        test = range(first, len(labelled), FOLDS)
        training = [item for index, item in enumerate(labelled) if index not in test]
        yield LabelledSet(name, box_px, box_px, training, [labelled[index] for index in test])


def cross_validate(
    fold: LabelledSet, method: Method, seed: int, n_labels: int | None
) -> list[float]:
    """The figures of one fold."""
    rng = np.random.default_rng(seed)
    clicked = [rng.permutation(centres)[:n_labels] for _, centres in fold.training]
    if n_labels is not None:
        clicked[3:] = [np.empty((0, 2))] * len(clicked[3:])
    outcome = judge(fold, method, clicked, n_labels is None, seed)
    return [outcome[figure] for figure in FIGURES]


def main() -> None:
    """Parse the command line, cross-validate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--box", type=int)
    parser.add_argument("--recipe", default="modern")
    parser.add_argument("--start", choices=("general", "chance"), default="general")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int)
    arguments = parser.parse_args()
    if arguments.data is None:
        name, box_px = "embedded sample", SAMPLE_BOX_PX
        labelled = [(made.micrograph, made.truth_yx) for made in simulate_sample()]
    else:
        name, box_px = arguments.data.name, arguments.box
        labelled = read_labelled(arguments.data)
    method: Method = Ours(arguments.recipe, recipe_named(arguments.recipe))
    if (arguments.recipe, arguments.start) == ("modern", "general"):
        method = FromGeneral()
    results = np.array(
        [
            cross_validate(fold, method, seed, arguments.labels)
            for seed in range(arguments.seeds)
            for fold in folds(name, box_px, labelled)
        ]
    )
    ap, precision, recall, f1, seconds = results.mean(axis=0)
    labels = f"{arguments.labels} on each of 3" if arguments.labels else "all"
    print(
        f"| {name} | {method.name} | {labels} | {ap:.3f} ({results[:, 0].min():.3f} to "
        f"{results[:, 0].max():.3f}) | {precision:.3f} | {recall:.3f} | {f1:.3f} | "
        f"{box_px / 4:g} px | {seconds:.0f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()
