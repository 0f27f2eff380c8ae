"""Scores as two bells of logits, and what is learnt from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_deepem.core.picking.score_evidence import LearntScores
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture, rows_of, stacked

BACKGROUND, PARTICLES = Bell(-1.5, 0.9), Bell(2.8, 1.2)


def draw(n_particles: int, n_background: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of so many particles and others, and which are particles; background is cut low."""
    rng = np.random.default_rng(seed)
    logits = np.concatenate(
        [
            rng.normal(PARTICLES.mean, PARTICLES.std, n_particles),
            rng.normal(BACKGROUND.mean, BACKGROUND.std, n_background),
        ]
    )
    return expit(logits), np.repeat([True, False], [n_particles, n_background])


def learnt_from(
    scores: np.ndarray, has_label: NDArray[np.bool_], labels_complete: bool
) -> LearntScores:
    """What one held-out micrograph teaches."""
    learnt = LearntScores.of_held_out([scores], [has_label], labels_complete)
    assert learnt is not None
    return learnt


def summary_of(mixture: ScoreMixture, misfit: float = 0.0) -> dict[str, Any]:
    """A summary of a training that is sure of this mixture."""
    return LearntScores(stacked(rows_of([mixture] * 3)), misfit, 1000).as_summary()
