"""Scores as two bells of logits, and what is learnt from them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_deepem.core.picking.score_evidence import LearntScores
from napari_deepem.core.picking.score_mixture import Bell, ScoreMixture, rows_of, stacked
from napari_deepem.core.types import Candidates
from napari_deepem.session import Session

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


def random_candidates(seed: int, count: int = 200) -> Candidates:
    """Candidates of any scores from 0 to 1, on a small micrograph."""
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.random(count))[::-1]
    return Candidates(rng.random((count, 2)) * 500, scores, rng.random(count), 40)


def with_learnt_scores(session: Session, share: float = 0.5) -> ScoreMixture:
    """What the session's model, which has scored three micrographs, has learnt of scores."""
    mixture = ScoreMixture(Bell(-1.0, 1.0), Bell(1.0, 1.0), share)
    session.model = SimpleNamespace(
        recipe="modern",
        summary=summary_of(mixture),
        threshold=0.5,
        std_range=(0.2, 0.9),
        min_distance_px=None,
        box_size_px=40,
    )
    session.candidates = {name: random_candidates(seed) for seed, name in enumerate("abc")}
    return mixture
