"""The picks of one micrograph, and how many of them are right."""

from __future__ import annotations

from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import expected_hits, fit_candidates
from napari_deepem.core.types import Candidates, Picks


def pick_candidates(
    candidates: Candidates, model: Model, criteria: PickCriteria
) -> tuple[Picks, float | None]:
    """The picks among the candidates of a micrograph, and how many are expected to be particles.

    The latter is None where nothing was held out of the model's training that could tell.
    """
    picks = criteria.picks_of(candidates)
    return picks, expected_hits(picks, fit_candidates(candidates, model.summary, criteria))
