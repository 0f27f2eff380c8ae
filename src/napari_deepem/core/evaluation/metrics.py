"""Figures of picks against the truth: precision, recall, F-beta, average precision (eqs 6-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.picking.cell_grid import CellGrid
from napari_deepem.core.types import FloatArray, Picks

CURVES_KEY = "held_out_curves"  # where a model's summary holds what `HeldOutCurves` reads


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """Picks against the truth, pooled over micrographs.

    `precision`, `recall` and `f1` are those of all picks as given; `f2` is the best that a
    threshold on their scores reaches, and `f2_threshold` that threshold (None where picks have
    no scores). The curves hold one value a distinct score, from the highest down.
    """

    ap: float  #: average precision: area under the precision-recall curve
    f1: float
    precision: float
    recall: float
    f2: float
    f2_threshold: float | None
    n_picks: int
    n_truth: int
    radius_px: float  #: matching radius, original pixels
    thresholds: FloatArray  #: (k,)
    counts: FloatArray  #: (k,) how many picks score as much or more
    precisions: FloatArray  #: (k,)
    recalls: FloatArray  #: (k,)

    @property
    def f2s(self) -> FloatArray:
        """(k,) F2 at each threshold."""
        return f_beta(self.precisions, self.recalls, beta=2)

    def at(self, threshold: float) -> tuple[float, float]:
        """Precision and recall of the picks that score at least `threshold`; 0 without any."""
        picked = np.flatnonzero(self.thresholds >= threshold)
        if not picked.size:
            return 0.0, 0.0
        return float(self.precisions[picked[-1]]), float(self.recalls[picked[-1]])


@dataclass(frozen=True, eq=False, slots=True)
class HeldOutCurves:
    """The curves of a model on held-out labels: how good its picks were at each threshold."""

    thresholds: FloatArray  # (k,) rising, from 0 to 1
    recalls: FloatArray  # (k,)
    f2s: FloatArray  # (k,) estimated where labels are partial, see `calibration`
    precisions: FloatArray | None  # (k,); None where labels are partial: it can't be counted

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> HeldOutCurves | None:
        """The curves in a model's summary; None where nothing was held out, or in older ones."""
        stored = summary.get(CURVES_KEY)
        if stored is None:
            return None
        curves = {name: np.asarray(values) for name, values in stored.items()}
        return cls(
            np.linspace(0.0, 1.0, len(curves["recall"])),
            curves["recall"],
            np.minimum(curves["f2"], 1.0),  # of partial labels more was once estimated
            curves.get("precision"),
        )


def evaluate(
    picks: Sequence[Picks], truth_yx: Sequence[FloatArray], radius_px: float
) -> Evaluation:
    """The evaluation of picks against the truth, matched one-to-one, best score first.

    Parameters
    ----------
    picks : sequence of Picks
        One item a micrograph. Picks without scores all count as equal.
    truth_yx : sequence of (n, 2) arrays
        True centres, row then column, original pixels, in the order of `picks`.
    radius_px : float
        A pick further than this from every particle left is a false positive.

    Returns
    -------
    Evaluation

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem import Picks, evaluate
    >>> truth_yx = np.array([[100.0, 100.0], [300.0, 40.0]])
    >>> picks = Picks(truth_yx[:1] + 3.0, scores=np.array([0.9]))
    >>> evaluation = evaluate([picks], [truth_yx], radius_px=16)
    >>> evaluation.precision, evaluation.recall
    (1.0, 0.5)
    """
    hits = [
        match(p.centres_yx, truth, radius_px, p.scores)
        for p, truth in zip(picks, truth_yx, strict=True)
    ]
    n_truth = sum(len(truth) for truth in truth_yx)
    scored = all(p.scores is not None for p in picks if len(p))
    scores = [np.zeros(len(p)) if p.scores is None or not scored else p.scores for p in picks]
    is_hit = np.concatenate([*hits, np.empty(0, dtype=bool)])
    pooled = np.concatenate([*scores, np.empty(0)])
    thresholds, precisions, recalls = precision_recall(pooled, is_hit, n_truth)
    precision = float(is_hit.mean()) if is_hit.size else 0.0
    recall = float(is_hit.sum() / n_truth) if n_truth else 0.0
    f2s = f_beta(precisions, recalls, beta=2)
    return Evaluation(
        ap=average_precision(precisions, recalls),
        f1=float(f_beta(precision, recall, beta=1)),
        precision=precision,
        recall=recall,
        f2=float(f2s.max(initial=0.0)),
        f2_threshold=float(thresholds[f2s.argmax()]) if scored and f2s.size else None,
        n_picks=is_hit.size,
        n_truth=n_truth,
        radius_px=radius_px,
        thresholds=thresholds,
        counts=np.searchsorted(np.sort(-pooled), -thresholds, side="right").astype(np.float64),
        precisions=precisions,
        recalls=recalls,
    )


def match(
    centres_yx: FloatArray,
    truth_yx: FloatArray,
    radius_px: float,
    scores: FloatArray | None = None,
) -> NDArray[np.bool_]:
    """(n,) bool: which of (n, 2) centres hit a particle that no better one has hit.

    Best score first (in the given order where there are no scores), each takes the nearest of
    the (m, 2) true centres still free within `radius_px`.
    """
    if len(centres_yx) == 0 or len(truth_yx) == 0:
        return np.zeros(len(centres_yx), dtype=bool)
    order = np.arange(len(centres_yx)) if scores is None else np.argsort(-scores, kind="stable")
    hit, taken = bytearray(len(centres_yx)), bytearray(len(truth_yx))  # quicker one by one
    grid = CellGrid(truth_yx, radius_px)
    for ranks, particles, distances in grid.pairs_within(centres_yx[order], radius_px):
        free = ~np.frombuffer(taken, dtype=bool)[particles]
        ranks, particles, distances = ranks[free], particles[free], distances[free]
        in_turn = np.lexsort((particles, distances, ranks))
        picks = order[ranks[in_turn]].tolist()
        for pick, particle in zip(picks, particles[in_turn].tolist(), strict=True):
            if not (hit[pick] or taken[particle]):
                hit[pick] = taken[particle] = True
    return np.frombuffer(hit, dtype=bool)


def precision_recall(
    scores: FloatArray, is_hit: NDArray[np.bool_], n_truth: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Falling thresholds (k,), and precision and recall (k,) of all that score as much or more."""
    order = np.argsort(-scores, kind="stable")
    ordered, true_positives = scores[order], np.cumsum(is_hit[order])
    last_of_equal = np.append(np.diff(ordered) != 0, True)[: len(ordered)]
    hits = true_positives[last_of_equal].astype(np.float64)
    counts = np.arange(1, len(ordered) + 1)[last_of_equal]
    return ordered[last_of_equal], hits / counts, hits / max(n_truth, 1)


def average_precision(precisions: FloatArray, recalls: FloatArray) -> float:
    """Area under the precision-recall steps: sum of precision times the gain in recall."""
    return float(np.sum(precisions * np.diff(recalls, prepend=0.0)))


def f_beta(precision: FloatArray | float, recall: FloatArray | float, beta: float) -> FloatArray:
    """Eq 8: (1 + beta^2) P R / (beta^2 P + R), and 0 where P and R are both 0."""
    precision, recall = np.asarray(precision), np.asarray(recall)
    denominator = beta**2 * precision + recall
    return np.divide(
        (1 + beta**2) * precision * recall,
        denominator,
        out=np.zeros_like(denominator, dtype=np.float64),
        where=denominator > 0,
    )
