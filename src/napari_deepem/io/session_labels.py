"""Labels and verdicts as a session file holds them: points of some kinds, by micrograph."""

from __future__ import annotations

from napari_deepem.core.types import FloatArray, Labels
from napari_deepem.io.session_content import Stored


def labels_in(stored: Stored) -> dict[str, Labels]:
    """The labels, by micrograph, of those that have any or had some."""
    return _points_in(stored, "positive", "negative", "unsure")


def verdicts_in(stored: Stored) -> dict[str, Labels]:
    """The verdicts, by micrograph, of those that have any: accepted picks are positive."""
    return _points_in(stored, "accepted", "rejected", "settled")


def points_of(labels: Labels, verdicts: Labels) -> dict[str, FloatArray]:
    """The points, by kind, that a file holds of one micrograph."""
    return {
        "positive": labels.positive_yx,
        "negative": labels.negative_yx,
        "unsure": labels.unsure_yx,
        "accepted": verdicts.positive_yx,
        "rejected": verdicts.negative_yx,
        "settled": verdicts.unsure_yx,
    }


def _points_in(stored: Stored, *kinds: str) -> dict[str, Labels]:
    return {
        micrograph: Labels.of(*(points.get(kind, ()) for kind in kinds))
        for micrograph, points in stored.points.items()
        if any(kind in points for kind in kinds)
    }
