"""The picking of one micrograph: it is scored, its candidates are found and chosen among."""

from __future__ import annotations

from dataclasses import dataclass

from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.precision_estimate import expected_hits, fit_candidates
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.types import Candidates, Micrograph, Picks, ScoreMap


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
    picks, hits = pick_candidates(find_candidates(score_map), model, criteria)
    return PickedMicrograph(picks, hits, score_map)


def pick_candidates(
    candidates: Candidates, model: Model, criteria: PickCriteria
) -> tuple[Picks, float | None]:
    """The picks among the candidates of a micrograph, and how many are expected to be particles."""
    picks = criteria.picks_of(candidates)
    return picks, expected_hits(picks, fit_candidates(candidates, model.summary, criteria))
