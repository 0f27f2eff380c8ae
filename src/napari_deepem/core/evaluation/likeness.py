"""Boxes by their likeness: a plane on which like ones lie together, and groups of them.

What is told of a box is what the network sees in it, see `core.network.box_features`. Its principal
components are those of all boxes; the plane is of the first two, groups are found by k-means on
the first ten, a number that nobody has tuned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray

COMPONENTS = 10  # that groups are found by
GROUPS = 6
ROUNDS = 50
ROUNDING = 1e-6  # of its values: a feature that varies less is the same for all


def principal_components(features: FloatArray, count: int = COMPONENTS) -> FloatArray:
    """(n, k) coordinates of boxes by (n, features), along those in which they differ most.

    k is `count`, or less where there are fewer boxes or features. Each feature counts alike,
    whatever its scale. A component points to where its longest arm does: signs are by chance else.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_deepem.core.evaluation.likeness import principal_components
    >>> principal_components(np.array([[0.0, 5.0], [0.0, 5.0], [3.0, 5.0]]), 1).round(2).tolist()
    [[-0.71], [-0.71], [1.41]]
    """
    centred, spread = features - features.mean(axis=0), features.std(axis=0)
    varies = spread > ROUNDING * np.abs(features).max(axis=0, initial=0.0)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=varies)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    components = left[:, :count] * sizes[:count]
    longest = np.take_along_axis(components, np.abs(components).argmax(axis=0)[None], axis=0)
    return np.asarray(components * np.where(longest < 0, -1.0, 1.0))


def groups_alike(components: FloatArray, count: int = GROUPS) -> NDArray[np.int64]:
    """(n,) groups, from 0, of boxes by their (n, k) components; the largest comes first."""
    count = min(count, len(np.unique(components, axis=0)))
    if count < 2:
        return np.zeros(len(components), dtype=np.int64)
    from scipy.cluster.vq import kmeans2

    rng = np.random.default_rng(0)
    _, groups = kmeans2(components, count, iter=ROUNDS, minit="++", rng=rng)
    sizes = np.bincount(groups, minlength=count)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[groups]
