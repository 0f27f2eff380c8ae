"""Picks on labelled fields, or the parts of them that are held out, against their labels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import torch

from napari_deepem.core.evaluation.metrics import Evaluation, evaluate
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import TilesDone, finish, never, passed_on, unless_stopped
from napari_deepem.core.network.dense_scoring import ROTATIONS
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import CPU, score_prepared
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.types import Candidates, Float32Array, Picks, ScoreMap


class FieldScores:
    """The scores of fields by one network, which scores a micrograph once, however often asked."""

    def __init__(
        self, network: Network, device: torch.device = CPU, rotations: int = ROTATIONS
    ) -> None:
        self.network, self.device, self.rotations = network, device, rotations
        # by the image's id, which stays its own for as long as it is kept
        self._known: dict[int, tuple[Float32Array, ScoreMap]] = {}

    def map_of(self, field: Field) -> ScoreMap:
        """The score map of a field's whole micrograph, network pixels."""
        finish(scoring([(self, [field])]))
        return self._known[id(field.prepared)][1]

    def missing(self, fields: Sequence[Field]) -> list[Float32Array]:
        """The micrographs of fields that are not scored yet, each once."""
        images = {id(field.prepared): field.prepared for field in fields}
        return [image for key, image in images.items() if key not in self._known]

    def keep(self, image: Float32Array, score_map: ScoreMap) -> None:
        """Keep the scores of a micrograph."""
        self._known[id(image)] = image, score_map

    def candidates_on(self, fields: Sequence[Field], smoothing: float = 0.0) -> list[Candidates]:
        """The candidates on fields' whole micrographs, scores being smoothed by so many boxes."""
        return [find_candidates(replace(self.map_of(each), smoothing=smoothing)) for each in fields]


def scoring(
    parts: Sequence[tuple[FieldScores, Sequence[Field]]], stop: Callable[[], bool] = never
) -> Generator[TilesDone, None, bool]:
    """A stream of tiles that scores what is not scored yet, of each of some scores and fields.

    It returns whether all is scored by now: not where `stop`, asked at every tile, became true.
    """
    missing = [(scores, image) for scores, fields in parts for image in scores.missing(fields)]
    for number, (scores, image) in enumerate(missing):

        def of_all(tiles: TilesDone, number: int = number) -> TilesDone:
            done = number * tiles.total + tiles.done
            return TilesDone(done, len(missing) * tiles.total)

        tiles = score_prepared(
            image, scores.network, device=scores.device, rotations=scores.rotations
        )
        score_map = yield from unless_stopped(passed_on(tiles, of_all), stop)
        if score_map is None:
            return False
        scores.keep(image, score_map)
    return True


@dataclass(frozen=True, eq=False, slots=True)
class ScoredModel:
    """A model, and what its network scores fields."""

    model: Model
    scores: FieldScores

    @classmethod
    def of(cls, model: Model, device: torch.device = CPU) -> ScoredModel:
        """A model of which nothing is scored yet."""
        return cls(model, FieldScores(model.network, device))

    def candidates_on(self, fields: Sequence[Field]) -> list[Candidates]:
        """The candidates that the model finds on fields' whole micrographs."""
        return self.scores.candidates_on(fields, self.model.smoothing)


def evaluate_held_out(
    network: Network,
    fields: Sequence[Field],
    smoothing: float = 0.0,
    device: torch.device = CPU,
    min_distance_px: float | None = None,
) -> Evaluation:
    """The evaluation of picks of held-out micrographs, or parts of them, by the labels there.

    The distance is in network pixels; None: a quarter of the box.
    """
    return finish(evaluating_held_out(network, fields, smoothing, device, min_distance_px))


def evaluating_held_out(
    network: Network,
    fields: Sequence[Field],
    smoothing: float = 0.0,
    device: torch.device = CPU,
    min_distance_px: float | None = None,
) -> Generator[TilesDone, None, Evaluation]:
    """A stream of progress that returns what `evaluate_held_out` does."""
    scores = FieldScores(network, device)
    yield from scoring([(scores, fields)])
    return evaluate_fields(scores.candidates_on(fields, smoothing), fields, min_distance_px)


def evaluate_fields(
    candidates: Sequence[Candidates], fields: Sequence[Field], min_distance_px: float | None = None
) -> Evaluation:
    """The evaluation of all picks among candidates by the labels there; network pixels."""
    picks = picks_of_fields(candidates, fields, min_distance_px)
    truth = [field.positive_yx for field in fields]
    return evaluate(picks, truth, SAME_PARTICLE_BOXES * candidates[0].box_size_px)


def picks_of_fields(
    candidates: Sequence[Candidates], fields: Sequence[Field], min_distance_px: float | None = None
) -> list[Picks]:
    """All picks of fields, whatever their scores."""
    criteria = PickCriteria(0.0, None, min_distance_px)
    return [
        picks_of_field(each, field, criteria)
        for each, field in zip(candidates, fields, strict=True)
    ]


def picks_of_field(candidates: Candidates, field: Field, criteria: PickCriteria) -> Picks:
    """The picks in the field's columns; network pixels."""
    picks = criteria.picks_of(candidates)
    low, high = field.cols
    inside = (picks.centres_yx[:, 1] >= low) & (picks.centres_yx[:, 1] <= high)
    return picks.at(inside)
