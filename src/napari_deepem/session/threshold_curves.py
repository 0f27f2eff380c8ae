"""Figures that help to choose a threshold and a range: of held-out labels, and of boxes cut."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_deepem.core.evaluation.metrics import HeldOutCurves
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate
from napari_deepem.core.types import Candidates, FloatArray
from napari_deepem.session.state import Session

FEWEST_FOR_F2 = 10  # held-out labels: how many particles there are to each is then mere chance


def held_out_curves(session: Session) -> tuple[FloatArray, dict[str, FloatArray]]:
    """The thresholds, and the curves over them by name: precision, recall, F2 on held-out labels.

    Where labels were partial there is no precision, and of fewer than ten no F2; without held-out
    labels there is nothing.
    """
    summary = {} if session.model is None else session.model.summary
    curves = HeldOutCurves.of_summary(summary)
    if curves is None:
        return np.empty(0), {}
    recall, f2 = {"recall": curves.recalls}, {"F2": curves.f2s}
    if curves.precisions is not None:
        return curves.thresholds, {"precision": curves.precisions, **recall, **f2}
    n_held_out = sum(part["particles"] for part in summary.get("held_out", ()))
    return curves.thresholds, recall if n_held_out < FEWEST_FOR_F2 else {**recall, **f2}


def at_ends(
    candidates: Candidates, threshold: float, std_range: tuple[float, float]
) -> list[int | None]:
    """The indices of four candidates above the threshold, next to both ends of the range.

    They are the one with the highest standard deviation below the range, the lowest and the highest
    within it, and the lowest above it; None where there is no such candidate.
    """
    count = int(np.searchsorted(-candidates.scores, -threshold, side="right"))
    order = np.argsort(candidates.stds[:count], kind="stable")
    stds = candidates.stds[order]
    first, end = stds.searchsorted(std_range[0]), stds.searchsorted(std_range[1], side="right")
    within = (first, end - 1) if first < end else (-1, -1)
    places = (first - 1, *within, end)
    return [int(order[place]) if 0 <= place < count else None for place in places]


def why_none(candidates: Candidates, threshold: float, std_range: tuple[float, float]) -> str:
    """Why none of the candidates is picked: what threshold and range leave of them; else empty."""
    if not len(candidates):
        return ""
    best = float(candidates.scores.max())
    if best < threshold:
        return f"all score below the threshold {threshold:.2f}, the best {best:.2f}"
    low, high = std_range
    stds = candidates.stds[candidates.scores >= threshold]
    above, below = stds > high, stds < low
    if not (above | below).all():
        return ""
    if above.all():
        return f"the std of all above the threshold is over the upper limit {high:.2f}"
    if below.all():
        return f"the std of all above the threshold is under the lower limit {low:.2f}"
    return f"no std above the threshold is within {low:.2f} to {high:.2f}"


def shown_name(name: str, curves: Mapping[str, object]) -> str:
    """The name of a held-out figure as it is shown: F2 of partial labels is an estimate."""
    return "F2 about" if name == "F2" and "precision" not in curves else name


def precision_text(estimate: PrecisionEstimate | None) -> str:
    """A `PrecisionEstimate` in a line: the share of picks that is right, or why it is not told."""
    if estimate is None:
        return ""
    if estimate.precision is None or estimate.error is None:
        return f"How many are right here is not told: {estimate.withheld}"
    margin = 200 * estimate.error  # two standard deviations, in percent
    return f"About {estimate.precision:.0%} right here (\N{PLUS-MINUS SIGN} {margin:.0f})"
