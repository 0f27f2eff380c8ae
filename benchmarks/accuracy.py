"""Accuracy by cross-validation: every micrograph is picked by a model that has not seen it.

    python benchmarks/accuracy.py [--data DIR --box PX] [--recipe modern] [--seeds 3] [--labels N]

Without --data the embedded sample. --labels N: train on three micrographs only, on N particles
chosen at random of each, as if a user had clicked these. Prints one Markdown row.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from napari_deepem import (
    Labels,
    Micrograph,
    evaluate,
    find_candidates,
    read_micrograph,
    score,
    select_picks,
    simulate_sample,
    train,
)
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.io.coordinates import read_coordinate_set
from napari_deepem.io.micrographs import find_micrographs, micrograph_name

FOLDS = 4
Labelled = tuple[Micrograph, np.ndarray]


def read_labelled(folder: Path) -> list[Labelled]:
    """Micrographs of a folder, with the centres of its coordinate files."""
    paths = find_micrographs([folder])
    known = read_coordinate_set(folder, [micrograph_name(path) for path in paths])
    micrographs = [read_micrograph(path) for path in paths if micrograph_name(path) in known]
    return [(micrograph, known[micrograph.name].centres_yx) for micrograph in micrographs]


def folds(sample: list[Labelled]) -> Iterator[tuple[list[Labelled], list[Labelled]]]:
    """Every fourth micrograph to pick, and the others to train on; four times."""
    for first in range(min(FOLDS, len(sample))):
        held_out = range(first, len(sample), FOLDS)
        yield [s for i, s in enumerate(sample) if i not in held_out], [sample[i] for i in held_out]


def judge(
    training: list[Labelled],
    held_out: list[Labelled],
    box_size_px: int,
    recipe: str,
    seed: int,
    n_labels: int | None,
) -> tuple[float, ...]:
    """AP, and at the model's own settings precision, recall and F1; seconds to train."""
    rng = np.random.default_rng(seed)
    if n_labels is not None:
        training = training[:3]
    labels = [Labels.of(rng.permutation(centres)[:n_labels]) for _, centres in training]
    started = perf_counter()
    model = train(
        [micrograph for micrograph, _ in training],
        labels,
        box_size_px,
        recipe=recipe,
        seed=seed,
        labels_complete=n_labels is None,
    )
    seconds = perf_counter() - started
    candidates = [find_candidates(score(micrograph, model)) for micrograph, _ in held_out]
    truth = [centres for _, centres in held_out]
    ranking = [select_picks(found, threshold=0.0) for found in candidates]
    picks = [
        select_picks(found, threshold=model.threshold, std_range=model.std_range)
        for found in candidates
    ]
    chosen = evaluate(picks, truth, box_size_px / 4)
    ap = evaluate(ranking, truth, box_size_px / 4).ap
    return ap, chosen.precision, chosen.recall, chosen.f1, seconds


def main() -> None:
    """Parse the command line, cross-validate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--box", type=int)
    parser.add_argument("--recipe", default="modern")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int)
    arguments = parser.parse_args()
    if arguments.data is None:
        name, box_size_px = "embedded sample", SAMPLE_BOX_PX
        sample = [(made.micrograph, made.truth_yx) for made in simulate_sample()]
    else:
        name, box_size_px = arguments.data.name, arguments.box
        sample = read_labelled(arguments.data)
    results = np.array(
        [
            judge(*fold, box_size_px, arguments.recipe, seed, arguments.labels)
            for seed in range(arguments.seeds)
            for fold in folds(sample)
        ]
    )
    ap, precision, recall, f1, seconds = results.mean(axis=0)
    labels = f"{arguments.labels} on each of 3" if arguments.labels else "all"
    print(
        f"| {name} | {arguments.recipe} | {labels} | {ap:.3f} ({results[:, 0].min():.3f} to "
        f"{results[:, 0].max():.3f}) | {precision:.3f} | {recall:.3f} | {f1:.3f} | "
        f"{box_size_px / 4:g} px | {seconds:.0f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()
