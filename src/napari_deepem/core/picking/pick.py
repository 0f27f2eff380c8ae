"""The picks of one micrograph, and what their scores tell of how many of them are right."""

from __future__ import annotations

from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import evidence_of
from napari_deepem.core.picking.score_evidence import PrecisionEvidence
from napari_deepem.core.types import Candidates, Picks


def pick_candidates(
    candidates: Candidates, model: Model, criteria: PickCriteria, pixel_size: float | None = None
) -> tuple[Picks, PrecisionEvidence | None]:
    """The picks among the candidates of a micrograph, and what tells how many are particles.

    `pixel_size` is the micrograph's, A/px; None: not known. The evidence is None where nothing was
    held out of the model's training that could tell.
    """
    evidence = evidence_of(candidates, model, criteria, pixel_size)
    return criteria.picks_of(candidates), evidence
