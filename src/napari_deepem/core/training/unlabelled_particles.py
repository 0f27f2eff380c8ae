"""Particles that nobody has labelled: background is not to be drawn where they are.

A user clicks some particles of a micrograph. Background drawn at random away from these hits
others: on a crowded micrograph most of it. A network that has learnt a little gives those away,
because it scores them as it does the labelled ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.training.dataset import Field
from napari_deepem.core.training.field_picks import FieldScores
from napari_deepem.core.types import Candidates, FloatArray, ScoreMap

LABELLED_BELOW = 0.1  # share of the labelled particles that score less than all lookalikes
LIKELY_ABOVE = 0.5  # share of the labelled particles that score less than likely ones
MOST_LIKELY = 4  # likely particles to a labelled one
LIKELY_APART_BOXES = 0.3  # from every label: nearer is the same particle, or unsure


def clear_of_lookalikes(
    fields: Sequence[Field],
    scores: FieldScores,
    away_px: float,
    likely_from: float | None = None,
) -> list[Field]:
    """The same fields, but no background is drawn where there may be an unlabelled particle.

    That is within `away_px` network pixels of every candidate that scores as high as all but a
    tenth of the labelled ones. Where `likely_from` is given, those that score at least that, and
    as high as the better half of the labelled ones, count among the positives, see
    `with_likely_particles`. Fields without a labelled particle stay as they are: their background
    is labelled.
    """
    box_px = scores.network.architecture.box_px
    candidates: list[Candidates | None] = []
    labelled_scores = []
    for field in fields:
        if not len(field.positive_yx):
            candidates.append(None)
            continue
        score_map = scores.map_of(field)
        labelled_scores.append(scores_at(score_map, field.positive_yx))
        candidates.append(find_candidates(score_map))
    lowest, likely = np.quantile(np.concatenate(labelled_scores), [LABELLED_BELOW, LIKELY_ABOVE])
    cleared = []
    for field, its_candidates in zip(fields, candidates, strict=True):
        if its_candidates is None:
            cleared.append(field)
            continue
        clear = clear_of(field, its_candidates.centres_yx[its_candidates.scores >= lowest], away_px)
        if likely_from is not None:
            high = its_candidates.scores >= max(likely, likely_from)
            likely_yx = its_candidates.centres_yx[high]
            particles_yx = with_likely_particles(field, likely_yx, box_px)
            clear = replace(clear, positive_yx=particles_yx)
        cleared.append(clear)
    return cleared


def with_likely_particles(field: Field, likely_yx: FloatArray, box_px: int) -> FloatArray:
    """(n, 2) positives of a field: labelled particles, and (k, 2) likely ones, best first.

    Of these the ones apart from all labels, up to four to a labelled particle; labelled ones are
    repeated so that they remain about a third of all.
    """
    cols = likely_yx[:, 1]
    inside = (cols >= field.cols[0]) & (cols <= field.cols[1])
    apart = nearest_distances(likely_yx, field.avoid_yx) > LIKELY_APART_BOXES * box_px
    new_yx = likely_yx[inside & apart][: MOST_LIKELY * len(field.positive_yx)]
    repeats = max(1, len(new_yx) // (2 * len(field.positive_yx)))
    return np.concatenate([*[field.positive_yx] * repeats, new_yx])


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
