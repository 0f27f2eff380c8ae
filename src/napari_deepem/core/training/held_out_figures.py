"""The figures of a network on what is held out, while it is trained: at boxes and at picking.

Telling boxes apart is easy: after two epochs most networks do it without a mistake. Picking is what
counts: of every place on a micrograph, whether a particle is there. That takes dense scoring, so it
is done after some epochs only, on so much that it takes a tenth of the training's time at most.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np
import torch

from napari_deepem.core.evaluation.metrics import average_precision, precision_recall
from napari_deepem.core.jobs import TilesDone, never, unless_stopped
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import CPU, score_crops
from napari_deepem.core.training.crops import PaddedImage
from napari_deepem.core.training.dataset import Field, positives_and_negatives
from napari_deepem.core.training.field_picks import evaluating_held_out
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.types import Float32Array

LOOKS = 4  # at picks, in a training
TIME_SHARE = 0.1  # of the training, for all looks together
DENSE_COST = 5.0  # of a pixel scored densely, in pixels of boxes trained on: 2.2 to 4.8 measured
LEAST_BOXES = 4  # a part that is looked at is at least so wide
MOST_BOXES = 100  # of particles and of background each: 600 took longer than an epoch's batches

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class HeldOutFigures:
    """Loss and average precision on held-out boxes, average precision of picking held-out parts."""

    def __init__(
        self,
        held_out: Sequence[Field],
        settings: TrainingSettings,
        rng: np.random.Generator,
        loss_of: Loss,
        boxes_per_epoch: int,
        device: torch.device = CPU,
    ) -> None:
        box_px, recipe = settings.network_box_px, settings.recipe
        self._boxes: list[Float32Array] | None = None
        if held_out:
            away_px = recipe.background_distance * box_px
            boxes = positives_and_negatives(held_out, box_px, away_px, rng)
            self._boxes = [_some_of(each, MOST_BOXES) for each in boxes]
        self._loss_of, self._device = loss_of, device
        self._looks = epochs_to_look(settings.chosen_epochs)
        trained_px = settings.chosen_epochs * boxes_per_epoch * box_px**2
        most_px = TIME_SHARE * trained_px / DENSE_COST / len(self._looks)
        self._parts = parts_to_pick(held_out, box_px, most_px)
        self._smoothing = recipe.smoothings[len(recipe.smoothings) // 2]  # chosen at the end only

    @torch.no_grad()
    def at_boxes(self, network: Network) -> tuple[float | None, float | None]:
        """Loss and average precision on held-out boxes, scores averaged over four rotations.

        None where nothing is held out.
        """
        if self._boxes is None:
            return None, None
        is_particle = np.repeat([True, False], [len(boxes) for boxes in self._boxes])
        scores = score_crops(np.concatenate(self._boxes), network, self._device)
        clipped = torch.from_numpy(np.clip(scores, 1e-7, 1 - 1e-7))
        loss = self._loss_of(torch.logit(clipped), torch.from_numpy(is_particle.astype(np.float64)))
        _, precisions, recalls = precision_recall(scores, is_particle, len(self._boxes[0]))
        return float(loss), average_precision(precisions, recalls)

    def at_picking(
        self, network: Network, epoch: int, stop: Callable[[], bool] = never
    ) -> Generator[TilesDone, None, float | None]:
        """A stream of progress that returns the average precision of picking after an epoch.

        None comes back if it is no turn, or nothing is held out, or `stop` became true.

        Picks without a label count as wrong, so with partial labels it is a lower bound.
        """
        if epoch not in self._looks or not self._parts:
            return None
        evaluating = evaluating_held_out(network, self._parts, self._smoothing, self._device)
        evaluation = yield from unless_stopped(evaluating, stop)
        return None if evaluation is None else evaluation.ap


def _some_of(boxes: Float32Array, most: int) -> Float32Array:
    """(k, box, box) of (n, box, box) boxes, evenly chosen; all where they are no more than that."""
    chosen: Float32Array = boxes[np.linspace(0, len(boxes) - 1, min(most, len(boxes))).astype(int)]
    return chosen


def epochs_to_look(epochs: int) -> frozenset[int]:
    """The epochs, counted from 1, after which picking is tried: some, evenly, and the last."""
    return frozenset(-(-epochs * k // LOOKS) for k in range(1, LOOKS + 1))


def parts_to_pick(held_out: Sequence[Field], box_px: int, most_px: float) -> list[Field]:
    """Held-out fields, or parts of them, of so many network pixels in all; the fullest come first.

    It is always one part at least, four boxes wide.
    """
    parts: list[Field] = []
    for field in sorted(held_out, key=lambda field: -len(field.positive_yx)):
        part = _fullest_part(field, box_px, most_px)
        if parts and part.prepared.size > most_px:
            break
        parts.append(part)
        most_px -= part.prepared.size
    return parts


def _fullest_part(field: Field, box_px: int, most_px: float) -> Field:
    """The columns of a field with the most particles, cut out with a box's margin beside them.

    Of a field of negatives alone it is the first ones.
    """
    (first, last), height = field.cols, field.prepared.shape[0]
    width = max(LEAST_BOXES * box_px, most_px / height - 2 * box_px)
    if width < last - first:
        cols = np.sort(field.positive_yx[:, 1]) if len(field.positive_yx) else np.array([first])
        counts = np.searchsorted(cols, cols + width, side="right") - np.arange(len(cols))
        first = min(float(cols[counts.argmax()]), last - width)
        last = first + width
    start, end = max(0, int(first) - box_px), int(last) + 1 + box_px
    prepared, part = np.ascontiguousarray(field.prepared[:, start:end]), field.within(first, last)
    return replace(
        part,
        prepared=prepared,
        padded=PaddedImage.of(prepared, box_px),
        positive_yx=part.positive_yx - [0, start],
        negative_yx=part.negative_yx - [0, start],
        avoid_yx=part.avoid_yx - [0, start],
        cols=(first - start, last - start),
    )
