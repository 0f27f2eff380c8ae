"""Picks on labelled fields, or the parts of them that are held out, against their labels."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import torch

from napari_deepem.core.evaluation.metrics import Evaluation, evaluate
from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.jobs import TilesDone, finish, passed_on
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import CPU, score_prepared
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.types import Candidates, Picks, ScoreMap


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
    maps = yield from scoring_fields(network, fields, device)
    candidates = [find_candidates(replace(each, smoothing=smoothing)) for each in maps]
    return evaluate_fields(candidates, fields, min_distance_px)


def score_maps_of(
    network: Network, fields: Sequence[Field], device: torch.device = CPU
) -> list[ScoreMap]:
    """The score maps of whole fields, network pixels."""
    return finish(scoring_fields(network, fields, device))


def scoring_fields(
    network: Network,
    fields: Sequence[Field],
    device: torch.device = CPU,
    before: int = 0,
    in_all: int | None = None,
) -> Generator[TilesDone, None, list[ScoreMap]]:
    """A stream of progress that returns the score maps of whole fields, network pixels.

    What is told counts `before` fields as done, of `in_all`, by default these; all alike.
    """
    total = in_all or len(fields)
    maps = []
    for number, field in enumerate(fields, start=before):

        def of_all(tiles: TilesDone, number: int = number) -> TilesDone:
            return TilesDone(number * tiles.total + tiles.done, total * tiles.total)

        tiles = score_prepared(field.prepared, network, device=device)
        maps.append((yield from passed_on(tiles, of_all)))
    return maps


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
