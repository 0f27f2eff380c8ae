"""What a network is trained on: boxes of particles and of background, a part of them held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.crops import PaddedImage, box_corners, draw_negatives
from napari_deepem.core.types import NO_LABELS, Float32Array, FloatArray, Labels, Micrograph

WHOLE_FROM = 4  # micrographs with particles, of which a whole one can be held out
HELD_OUT_SHARE = 0.25  # of the micrographs, or of the particles of each
FEWEST_TO_SPLIT = 8  # particles of a micrograph, of which a part is held out


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A prepared micrograph, or some columns of one, and what is labelled there; network pixels."""

    prepared: Float32Array  # (h, w)
    padded: PaddedImage
    positive_yx: FloatArray  # (n, 2), within `cols`
    negative_yx: FloatArray  # (m, 2), within `cols`
    avoid_yx: FloatArray  # (k, 2) every label of the micrograph, where no background is drawn
    cols: tuple[float, float]  # first and last column that belongs to this field
    name: str  # of the micrograph
    pixel_size: float | None  # A per original pixel
    source: Path | None = None  # file of the micrograph
    labels: Labels = NO_LABELS  # original pixels, of the whole micrograph

    def draw_background(self, count: int, away_px: float, rng: np.random.Generator) -> FloatArray:
        """(count, 2) centres in this field, none within `away_px` of a label."""
        return draw_negatives(self.prepared.shape, self.avoid_yx, away_px, count, rng, self.cols)

    def within(self, low: float, high: float) -> Field:
        """The part of this field with centres in columns low to high."""

        def keep(yx: FloatArray) -> FloatArray:
            return yx[(yx[:, 1] >= low) & (yx[:, 1] <= high)]

        return Field(
            self.prepared,
            self.padded,
            keep(self.positive_yx),
            keep(self.negative_yx),
            self.avoid_yx,
            (low, high),
            self.name,
            self.pixel_size,
            self.source,
            self.labels,
        )


def prepare_fields(
    micrographs: Iterable[Micrograph],
    labels: Iterable[Labels],
    box_size_px: int,
    sampling: Sampling,
) -> list[Field]:
    """The fields of all micrographs that have labels, whole.

    Micrographs are asked for one after the other, and what was recorded of them is not kept.

    Raises
    ------
    InputError
        For labels outside of their image, an image that can't be prepared, or if micrographs and
        labels differ in number.
    """
    box_px = sampling.box_px(box_size_px)
    fields = []
    for micrograph, its_labels in zip_longest(micrographs, labels):
        if micrograph is None or its_labels is None:
            raise InputError("micrographs and labels differ in number: give one item for each")
        if not its_labels.can_teach:
            continue
        check_inside(micrograph.name, micrograph.shape, its_labels)
        prepared = prepare_micrograph(micrograph, box_size_px, sampling)
        positive_yx = sampling.to_network(its_labels.positive_yx)
        negative_yx = sampling.to_network(its_labels.negative_yx)
        unsure_yx = sampling.to_network(its_labels.unsure_yx)
        fields.append(
            Field(
                prepared=prepared,
                padded=PaddedImage.of(prepared, box_px),
                positive_yx=positive_yx,
                negative_yx=negative_yx,
                avoid_yx=np.concatenate([positive_yx, negative_yx, unsure_yx]),
                cols=(0.0, prepared.shape[1] - 1.0),
                name=micrograph.name,
                pixel_size=micrograph.pixel_size,
                source=micrograph.source,
                labels=its_labels,
            )
        )
    return fields


def check_inside(name: str, shape: tuple[int, int], labels: Labels) -> None:
    """InputError, which tells where, if labels lie outside of a micrograph of (height, width)."""
    height, width = shape
    for centres_yx in (labels.positive_yx, labels.negative_yx, labels.unsure_yx):
        outside = (centres_yx < -0.5) | (centres_yx > np.array([height, width]) - 0.5)
        if outside.any():
            row, col = centres_yx[outside.any(axis=1)][0]
            raise InputError(
                f"{int(outside.any(axis=1).sum())} of {len(centres_yx)} coordinates lie outside "
                f"micrograph {name} ({width} x {height} px), the first at "
                f"x = {col:g}, y = {row:g}: coordinates must be in pixels of this file, unbinned"
            )


def hold_out(
    fields: Sequence[Field], box_px: int, rng: np.random.Generator
) -> tuple[list[Field], list[Field]]:
    """Fields to train on, and fields held out, which share no pixel.

    Where four micrographs or more hold particles a random quarter of them is held out whole, with
    at most half of the particles. Of fewer micrographs that would cost too many labels: the
    right-hand quarter of the particles of each is held out, a box's width away from the rest. Of
    micrographs with fewer than eight particles each, where there are two or more, one is held out
    whole; those of a single one are all trained on and nothing is held out.
    """
    with_particles = [field for field in fields if len(field.positive_yx)]
    if len(with_particles) < WHOLE_FROM:
        pairs = [_left_and_right(field, box_px) for field in fields]
        if any(pairs) or len(with_particles) == 1:
            training = [
                pair[0] if pair else field for pair, field in zip(pairs, fields, strict=True)
            ]
            return training, [pair[1] for pair in pairs if pair]
    held_out = _choose_held_out(with_particles, rng)
    return [field for field in fields if field not in held_out], held_out


def _left_and_right(field: Field, box_px: int) -> tuple[Field, Field] | None:
    """The part of a field with the left three quarters of its particles, and that with the rest.

    None where it has too few.
    """
    if len(field.positive_yx) < FEWEST_TO_SPLIT:
        return None
    cut = float(np.quantile(field.positive_yx[:, 1], 1 - HELD_OUT_SHARE))
    first, last = field.cols
    left, right = field.within(first, cut - box_px / 2), field.within(cut + box_px / 2, last)
    return (left, right) if len(left.positive_yx) and len(right.positive_yx) else None


def _choose_held_out(fields: Sequence[Field], rng: np.random.Generator) -> list[Field]:
    count = max(1, round(HELD_OUT_SHARE * len(fields)))
    allowed = sum(len(field.positive_yx) for field in fields) / 2
    chosen: list[Field] = []
    for index in rng.permutation(len(fields)):
        n_particles = len(fields[index].positive_yx)
        if len(chosen) < count and n_particles <= allowed:
            chosen.append(fields[index])
            allowed -= n_particles
    return chosen


def cut_boxes(
    fields: Sequence[Field], centres_yx: Sequence[FloatArray], box_px: int
) -> Float32Array:
    """(n, box, box) boxes centred on one (k, 2) array of positions a field, network pixels."""
    boxes = [
        field.padded.cut(box_corners(centres, box_px), box_px)
        for field, centres in zip(fields, centres_yx, strict=True)
    ]
    return np.concatenate([*boxes, np.empty((0, box_px, box_px), dtype=np.float32)])


def share_out(count: int, weights: NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """The number of draws, of `count`, that fall to each of the fields of the given weights."""
    if count == 0:
        return [0] * len(weights)
    return [int(n) for n in rng.multinomial(count, weights / weights.sum())]


def positives_and_negatives(
    fields: Sequence[Field],
    box_px: int,
    away_px: float,
    rng: np.random.Generator,
    per_positive: float = 1.0,
) -> tuple[Float32Array, Float32Array]:
    """Boxes of every labelled particle, and of negatives: the labelled ones, the rest by chance.

    Returns
    -------
    (n, box, box) and (m, box, box) float32 arrays; m is n times `per_positive`, or more where more
    were labelled.
    """
    positive = cut_boxes(fields, [field.positive_yx for field in fields], box_px)
    labelled = cut_boxes(fields, [field.negative_yx for field in fields], box_px)
    counts = np.array([len(field.positive_yx) for field in fields])
    missing = max(0, round(per_positive * len(positive)) - len(labelled))
    drawn_yx = [
        field.draw_background(count, away_px, rng) if count else np.empty((0, 2))
        for field, count in zip(fields, share_out(missing, counts, rng), strict=True)
    ]
    return positive, np.concatenate([labelled, cut_boxes(fields, drawn_yx, box_px)])


def describe_parts(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """What a model's summary tells of fields that were trained on, or held out."""
    return [
        {
            "micrograph": field.name,
            "particles": len(field.positive_yx),
            "negatives": len(field.negative_yx),
            "binned_cols": list(field.cols),
        }
        for field in fields
    ]
