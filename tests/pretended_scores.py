"""Scores that no network has made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def pretend_to_score(monkeypatch: pytest.MonkeyPatch, score: Callable[..., Any]) -> None:
    """Let `score` take the network's place wherever a series is scored.

    It is a generator that is given a micrograph, the model and where to begin, and yields
    `TilesDone`. It returns a score map and candidates: those of that map, whenever it is read.
    """
    candidates: dict[bytes, Any] = {}  # by score map

    def score_tiles(micrograph, model, _step_px, _device, first_yx):
        score_map, found = yield from score(micrograph, model, first_yx)
        candidates[score_map.scores.tobytes()] = found
        return score_map

    monkeypatch.setattr("napari_deepem.core.picking.scoring.score_tiles", score_tiles)
    monkeypatch.setattr(
        "napari_deepem.batch.scorer.find_candidates",
        lambda score_map: candidates[score_map.scores.tobytes()],
    )
