"""The suggestion of what to label next: boxes that are least like those that have a label.

A box that the network sees as it sees a labelled one teaches little. So of all candidates that may
be particles the one farthest from what is labelled is taken, then the one farthest from that too,
and so on (Sener and Savarese, ICLR 2018). Its benchmark has other ways beside it, `doubt` too.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray

MAY_BE_PARTICLES = 2.0  # times as many candidates as are picked may be suggested, the best ones
FEWEST_CHOICES = 20  # of a micrograph
MOST_CHOICES = 400


def doubt(scores: FloatArray, threshold: float | FloatArray) -> FloatArray:
    """(n,) how unsure the network is, 0 to 1: the variance of a verdict, relative to the largest.

    With the threshold as the score at which both verdicts are as likely, the chance that a
    candidate is a particle is p = expit(logit(score) - logit(threshold)), and its variance
    p (1 - p). This is uncertainty sampling (Lewis and Gale, SIGIR 1994) on a calibrated score.
    """
    limited, middle = np.clip(scores, 1e-6, 1 - 1e-6), np.clip(threshold, 1e-6, 1 - 1e-6)
    chance = scipy.special.expit(scipy.special.logit(limited) - scipy.special.logit(middle))
    return np.asarray(4 * chance * (1 - chance))


def rows_to_ask(
    candidates: Candidates, labelled_yx: FloatArray, threshold: float
) -> NDArray[np.int64]:
    """(k,) indices of the candidates of a micrograph that may be suggested, best score first.

    They are as many again as are picked at the threshold, whatever their standard deviations: what
    those rule out on one micrograph may be picked on another. None lies on one of the (m, 2)
    places that have a label.
    """
    rows = PickCriteria(threshold=0.0).rows_of(candidates)
    picked = int((candidates.scores[rows] >= threshold).sum())
    count = min(max(FEWEST_CHOICES, round(MAY_BE_PARTICLES * picked)), MOST_CHOICES)
    away_px = nearest_distances(candidates.centres_yx[rows], labelled_yx)
    return rows[:count][away_px[:count] > SAME_PARTICLE_BOXES * candidates.box_size_px]


def least_alike(seen: FloatArray, known: FloatArray, count: int) -> NDArray[np.int64]:
    """(k,) indices of up to `count` boxes that differ most, by what the network sees in them.

    Parameters
    ----------
    seen : (n, maps) array
        What it sees in each box, see `box_features`.
    known : (m, maps) array
        What it sees in boxes that have a label; m may be 0, then the first box begins.
    count : int

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.evaluation.label_suggestion import least_alike
    >>> seen = np.array([[0.0], [1.0], [9.0], [8.0]])
    >>> least_alike(seen, known=np.array([[0.2]]), count=2)
    array([2, 1])
    """
    if not len(seen):
        return np.empty(0, dtype=np.int64)
    scale = np.concatenate([seen, known]).std(axis=0) + 1e-6
    seen, known = seen / scale, known / scale
    away = np.full(len(seen), np.inf)
    for each in known:
        away = np.minimum(away, np.linalg.norm(seen - each, axis=1))
    chosen: list[int] = []
    for _ in range(min(count, len(seen))):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(seen - seen[chosen[-1]], axis=1))
    return np.array(chosen)
