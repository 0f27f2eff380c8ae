"""Learners: what each recipe shows a network in an epoch, and how the network learns from it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone, never
from napari_deepem.core.network.architecture import Architecture
from napari_deepem.core.network.cpu_training_pass import keep_freed_memory, training_logits
from napari_deepem.core.network.devices import is_out_of_memory
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.scoring import CPU
from napari_deepem.core.training.crops import flip_and_turn, quarter_turns
from napari_deepem.core.training.dataset import Field, cut_boxes, positives_and_negatives, share_out
from napari_deepem.core.training.field_picks import FieldScores, ScoredModel, scoring
from napari_deepem.core.training.recipes import Recipe
from napari_deepem.core.training.unlabelled_particles import clear_of_lookalikes
from napari_deepem.core.types import Float32Array, FloatArray

DRAWN_PIXELS = 1 << 21  # of the batches that are drawn at once: one by one takes longer
NEGATIVES_LABELLED = 0.5  # at most this share of a batch's negatives are labelled ones


class Learner(ABC):
    """A network that is being trained. `run_epoch` trains on; `trained` is what it has become."""

    network: Network
    boxes_per_epoch: int  # that the network is shown

    def run_epoch(self) -> float:
        """The mean loss of one more epoch's batches, on which the network is trained."""
        return float(np.mean(list(self.learn_batches())))

    @property
    @abstractmethod
    def batches_per_epoch(self) -> int:
        """The number of batches of an epoch."""

    @abstractmethod
    def learn_batches(self) -> Iterator[float]:
        """The losses of one more epoch's batches; each is trained on when it is asked for."""

    @abstractmethod
    def trained(self) -> Network:
        """The network to use: on the CPU, in evaluation mode, without batch normalisation."""

    @abstractmethod
    def look_around(
        self, stop: Callable[[], bool] = never, start: ScoredModel | None = None
    ) -> Iterator[TilesDone]:
        """Progress; then no background is drawn any more where the network sees other particles.

        Before the first batch it is the network that training starts from. What that would pick
        may be shown as particles, see `unlabelled_particles`.

        Nothing changes if `stop`, which is asked now and then, becomes true.
        """

    @staticmethod
    @abstractmethod
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        """Scalar loss of (b,) logits for (b,) targets, 1 = particle and 0 = not."""


def losses_of_epoch(learner: Learner, device: torch.device) -> Iterator[float]:
    """The losses of an epoch's batches; InputError where a GPU has too little memory."""
    try:
        yield from learner.learn_batches()
    except RuntimeError as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
        raise InputError(
            f"too little memory on {device} to train there: let the cpu do it (--device cpu, or "
            "CUDA_VISIBLE_DEVICES= for a window)"
        ) from error


class PaperLearner(Learner):
    """A learner as the paper's: a fixed set with its rotations, squared error, gradient steps."""

    def __init__(
        self,
        architecture: Architecture,
        fields: Sequence[Field],
        recipe: Recipe,
        rng: np.random.Generator,
        start: Network | None = None,
        device: torch.device = CPU,
    ) -> None:
        box_px = architecture.box_px
        positive, negative = positives_and_negatives(
            fields,
            box_px,
            recipe.background_distance * box_px,
            rng,
            recipe.negatives_per_positive,
        )
        crops = quarter_turns(np.concatenate([positive, negative]))
        self._crops = torch.from_numpy(crops)[:, None]  # (4 * n, 1, box, box)
        self.boxes_per_epoch = len(crops)
        self._targets = torch.tensor(([1.0] * len(positive) + [0.0] * len(negative)) * 4)
        self._device = device
        self._recipe = recipe
        self._rng = rng
        self.network = Network(architecture)
        self.network.initialise_as_paper(rng)
        if start is not None:
            self.network = copy.deepcopy(start)
        self.network.to(device)
        self._optimiser = torch.optim.SGD(self.network.parameters(), lr=recipe.learning_rate)

    @staticmethod
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        """Eq 4: E = 1 / (2 N) * sum of (t - y)^2."""
        return functional.mse_loss(torch.sigmoid(logits), targets) / 2

    @property
    def batches_per_epoch(self) -> int:
        """The number of mini-batches of a pass."""
        return ceil(len(self._crops) / self._recipe.batch_size)

    def learn_batches(self) -> Iterator[float]:
        """The losses of a pass in random mini-batches; eq 5: w <- w - eta dE/dw."""
        self.network.train()
        order = torch.from_numpy(self._rng.permutation(len(self._crops)))
        for batch in order.split(self._recipe.batch_size):
            crops, targets = self._crops[batch].to(self._device), self._targets[batch]
            loss = self.loss(self.network(crops)[:, 0, 0], targets.to(self._device))
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            yield loss.item()

    def look_around(
        self, stop: Callable[[], bool] = never, start: ScoredModel | None = None
    ) -> Iterator[TilesDone]:
        """Nothing: the paper's examples are drawn once."""
        return iter(())

    def trained(self) -> Network:
        """A copy of the network as it is."""
        return copy.deepcopy(self.network).cpu().eval()


class ModernLearner(Learner):
    """A learner from fresh random batches: cross-entropy, AdamW on one cycle, averaged weights."""

    def __init__(
        self,
        architecture: Architecture,
        fields: Sequence[Field],
        recipe: Recipe,
        rng: np.random.Generator,
        epochs: int,
        start: Network | None = None,
        device: torch.device = CPU,
    ) -> None:
        assert recipe.batches_per_epoch is not None
        self._labelled = self._fields = fields
        self._recipe = recipe
        self._rng = rng
        self._box_px = architecture.box_px
        few = sum(len(field.positive_yx) for field in fields) < recipe.few
        self._batches = ceil(recipe.batches_per_epoch * (recipe.share_of_few if few else 1.0))
        self.boxes_per_epoch = self._batches * recipe.batch_size
        self._seen = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**63 - 1)))
            self.network = Network(architecture, batch_norm=recipe.batch_norm)
        if start is not None:  # its batch normalisation is folded away for good
            self.network = copy.deepcopy(start).requires_grad_()
            self.network.convolutions[: recipe.frozen_of_few if few else 0].requires_grad_(False)
        self._device = device
        self.network.to(device)
        self._average = copy.deepcopy(self.network)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=recipe.learning_rate, fused=device.type != "mps"
        )
        steps = max(6, epochs * self._batches)  # of five, the cycle divides by zero
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.2
        )

    @staticmethod
    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross-entropy."""
        return functional.binary_cross_entropy_with_logits(logits, targets)

    @property
    def batches_per_epoch(self) -> int:
        """The recipe's number for so many labels."""
        return self._batches

    def learn_batches(self) -> Iterator[float]:
        """The losses of the recipe's number of freshly drawn batches, which are trained on."""
        self.network.train()
        keep_freed_memory()
        for crops, targets in self._draw_batches():
            crops, targets = crops.to(self._device), targets.to(self._device)
            loss = self.loss(training_logits(self.network, crops), targets)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            self._schedule.step()
            self._update_average()
            yield loss.item()

    def trained(self) -> Network:
        """The averaged network, its batch normalisation folded away."""
        return self._average.without_batch_norm().cpu()

    def look_around(
        self, stop: Callable[[], bool] = never, start: ScoredModel | None = None
    ) -> Generator[TilesDone, None, None]:
        """Keep background clear of what the network sees now, no longer of what it saw before."""
        away_px = self._recipe.background_distance * self._box_px
        scores = start.scores if start else FieldScores(self.trained(), self._device, rotations=1)
        likely_from = start.model.threshold if start else None
        labelled = [field for field in self._labelled if len(field.positive_yx)]
        if (yield from scoring([(scores, labelled)], stop)):
            self._fields = clear_of_lookalikes(self._labelled, scores, away_px, likely_from)

    def _draw_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches: (b, 1, box, box) crops and (b,) targets, a share of them particles."""
        size, off = self._recipe.batch_size, self._recipe.label_smoothing
        n_positive = round(size / (1 + self._recipe.negatives_per_positive))
        n_negative = size - n_positive
        targets = torch.cat([torch.full((n_positive,), 1 - off), torch.full((n_negative,), off)])
        at_once = max(1, DRAWN_PIXELS // (size * self._box_px**2))
        for first in range(0, self._batches, at_once):
            count = min(at_once, self._batches - first)
            positive = self._varied(self._draw_positives(count * n_positive))
            negative = self._varied(self._draw_negatives(count * n_negative))
            for both in zip(np.split(positive, count), np.split(negative, count), strict=True):
                yield torch.from_numpy(np.concatenate(both))[:, None], targets

    def _draw_positives(self, count: int) -> Float32Array:
        """Boxes of particles a little off centre, in their field: what lies beyond is held out."""
        reach = self._recipe.jitter * self._box_px
        centres_yx = []
        for field, n in self._shares(count, "positive_yx"):
            drawn = _draw(field.positive_yx, n, self._rng)
            rows, cols = (drawn + self._rng.uniform(-reach, reach, (n, 2))).T
            centres_yx.append(np.stack([rows, np.clip(cols, *field.cols)], axis=1))
        return cut_boxes(self._fields, centres_yx, self._box_px)

    def _draw_negatives(self, count: int) -> Float32Array:
        """Boxes of negatives: labelled ones as often as particles, at most half; others random."""
        n_positive = sum(len(field.positive_yx) for field in self._fields)
        n_labelled = sum(len(field.negative_yx) for field in self._fields)
        from_labels = min(round(count * n_labelled / n_positive), round(count * NEGATIVES_LABELLED))
        away_px = self._recipe.background_distance * self._box_px
        labelled_yx = [
            _draw(field.negative_yx, n, self._rng)
            for field, n in self._shares(from_labels, "negative_yx")
        ]
        random_yx = [
            field.draw_background(n, away_px, self._rng)
            for field, n in self._shares(count - from_labels, "positive_yx")
        ]
        return cut_boxes([*self._fields, *self._fields], [*labelled_yx, *random_yx], self._box_px)

    def _shares(self, count: int, kind: str) -> list[tuple[Field, int]]:
        """Each field with its number of draws, of `count`, by its number of labels of that kind."""
        weights = np.array([len(getattr(field, kind)) for field in self._fields])
        return list(zip(self._fields, share_out(count, weights, self._rng), strict=True))

    def _varied(self, boxes: Float32Array) -> Float32Array:
        """(n, box, box) boxes in random order, orientations and contrast."""
        crops = self._rng.permutation(boxes)
        if self._recipe.all_orientations:
            crops = flip_and_turn(crops, self._rng)
        shape, spread = (len(crops), 1, 1), self._recipe.contrast_jitter
        gain = self._rng.normal(1.0, spread, shape).astype(np.float32)
        offset = self._rng.normal(0.0, spread, shape).astype(np.float32)
        return crops * gain + offset

    @torch.no_grad()
    def _update_average(self) -> None:
        """Move the averaged weights towards the present ones: far at first, then little."""
        self._seen += 1
        keep = min(self._recipe.average_keeps, self._seen / (self._seen + 9))
        now = self.network.state_dict()
        for name, average in self._average.state_dict().items():
            if average.is_floating_point():
                average.lerp_(now[name], 1 - keep)


def _draw(centres_yx: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """(count, 2) of (n, 2) centres, drawn with replacement."""
    return centres_yx[rng.integers(len(centres_yx), size=count)] if count else np.empty((0, 2))
