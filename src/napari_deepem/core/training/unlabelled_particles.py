"""Particles that nobody has labelled: background is not to be drawn where they are.

A user clicks some particles of a micrograph. Background drawn at random away from these hits
others: on a crowded micrograph most of it. A network that has learnt a little gives those away,
because it scores them as it does the labelled ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from napari_deepem.core.jobs import finish, never
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.scoring import CPU, score_prepared
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.types import FloatArray, ScoreMap

LABELLED_BELOW = 0.1  # share of the labelled particles that score less than all lookalikes


def clear_of_lookalikes(
    fields: Sequence[Field],
    network: Network,
    away_px: float,
    device: torch.device = CPU,
    stop: Callable[[], bool] = never,
) -> list[Field]:
    """The same fields, but no background is drawn where there may be an unlabelled particle.

    That is within `away_px` network pixels of every candidate that scores as high as all but a
    tenth of the labelled particles. Fields without a labelled particle stay as they are: their
    background is labelled. `stop` is asked field by field; where it is true, none come back.
    """
    with_particles = [field for field in fields if len(field.positive_yx)]
    maps = []
    for field in with_particles:
        if stop():
            return []
        maps.append(finish(score_prepared(field.prepared, network, device=device)))
    labelled_scores = [
        scores_at(score_map, field.positive_yx)
        for score_map, field in zip(maps, with_particles, strict=True)
    ]
    lowest = np.quantile(np.concatenate(labelled_scores), LABELLED_BELOW)
    candidates = [find_candidates(score_map) for score_map in maps]
    lookalikes = iter([each.centres_yx[each.scores >= lowest] for each in candidates])
    return [
        clear_of(field, next(lookalikes), away_px) if len(field.positive_yx) else field
        for field in fields
    ]


def clear_of(field: Field, centres_yx: FloatArray, away_px: float) -> Field:
    """The same field, but no background is drawn near (n, 2) centres, the most suspicious first.

    A network that has learnt little sees particles everywhere: so that room is left for background,
    as many are kept clear of as circles of `away_px` network pixels cover half of the image.
    """
    count = int(field.prepared.size / 2 / (np.pi * away_px**2))
    return replace(field, avoid_yx=np.concatenate([field.avoid_yx, centres_yx[:count]]))


def scores_at(score_map: ScoreMap, centres_yx: FloatArray) -> FloatArray:
    """(n,) scores of the grid's elements that are nearest to (n, 2) positions."""
    nearest = np.rint((centres_yx - score_map.origin_px) / score_map.step_px).astype(np.int64)
    rows, cols = np.clip(nearest, 0, np.array(score_map.scores.shape) - 1).T
    return np.asarray(score_map.scores[rows, cols], dtype=np.float64)
