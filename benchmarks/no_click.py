"""The general network as it comes, on all real micrographs: figures without a click.

python benchmarks/no_click.py                     # the network of the package
python benchmarks/no_click.py other.safetensors   # another one, made by `make general`
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import sets

from napari_deepem import (
    PickCriteria,
    evaluate,
    find_candidates,
    general_model,
    load_model,
    read_micrograph,
    score,
)
from napari_deepem.core.evaluation.metrics import f_beta
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.network.general import general_sampling
from napari_deepem.core.network.model import Model

BOXES_PX = {"apoferritin": 88, "bgal": 36, "ribosome": 140, "klh": 200}
EMPTY = "negatives"  # micrographs without particles, looked at with two boxes
EMPTY_BOXES_PX = (24, 48)


def main() -> None:
    """Print a table."""
    print("| micrographs | box | AP within 1/4 of the box | 0.4 | max. recall | F2, at best | at |")
    print("|---|---|---|---|---|---|---|")
    for kind, box_px in BOXES_PX.items():
        print(_row(kind, box_px))
    for path in sorted((sets.DATA / EMPTY).glob("*.mrc")):
        counts = [_count(path, box_px) for box_px in EMPTY_BOXES_PX]
        print(f"{path.stem}: {counts[0]} and {counts[1]} picks with boxes of {EMPTY_BOXES_PX} px")


def _model(box_px: int) -> Model:
    model = general_model(box_px)
    if len(sys.argv) == 1:
        return model
    other = load_model(Path(sys.argv[1]))
    return replace(other, box_size_px=box_px, sampling=general_sampling(box_px))


def _row(kind: str, box_px: int) -> str:
    model, labelled = _model(box_px), sets.read_labelled(sets.DATA / kind)
    every = PickCriteria(0.0, None)
    picks = [every.picks_of(find_candidates(score(each, model))) for each, _ in labelled]
    truth = [centres_yx for _, centres_yx in labelled]
    near, far = (evaluate(picks, truth, share * box_px) for share in (SAME_PARTICLE_BOXES, 0.4))
    best = int(np.argmax(near.f2s))
    f2 = f_beta(*near.at(model.threshold), beta=2)
    return (
        f"| {kind}, {len(labelled)} | {box_px} | {near.ap:.3f} | {far.ap:.3f} "
        f"| {near.recalls[-1]:.3f} | {f2:.3f}, {near.f2s[best]:.3f} | {near.thresholds[best]:.2f} |"
    )


def _count(path: Path, box_px: int) -> int:
    model = _model(box_px)
    candidates = find_candidates(score(read_micrograph(path), model))
    return len(PickCriteria(model.threshold, None).picks_of(candidates))


if __name__ == "__main__":
    main()
