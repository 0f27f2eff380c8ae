"""One micrograph picked: scored, its candidates found and chosen among."""

from __future__ import annotations

from dataclasses import dataclass

from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import expected_hits, fit_candidates
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import Micrograph, Picks, ScoreMap


@dataclass(frozen=True, eq=False, slots=True)
class PickedMicrograph:
    """The picks of one micrograph, and what they were chosen from."""

    picks: Picks
    expected_hits: float | None  # how many picks are particles; None if nothing tells
    score_map: ScoreMap


def pick_micrograph(
    micrograph: Micrograph,
    model: Model,
    criteria: PickCriteria,
    *,
    step_px: int | None = None,
    device: DeviceName = "auto",
) -> PickedMicrograph:
    """The picks of a micrograph; `step_px`, `device` and what is raised are those of `score`."""
    score_map = score(micrograph, model, step_px=step_px, device=device)
    candidates = find_candidates(score_map)
    picks = criteria.picks_of(candidates)
    hits = expected_hits(picks, fit_candidates(candidates, model.summary, criteria))
    return PickedMicrograph(picks, hits, score_map)
