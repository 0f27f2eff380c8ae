"""Pairs of candidates that lie near to each other, kept while a slider moves.

The std range and the minimum distance choose among the same pairs again and again, which takes a
millisecond where searching for them takes ten. Pairs are kept up to a *reach*, a power of two,
so that a distance that grows by little finds them too. Where candidates lie in crowds there are too
many of them: there those that are apart are worked out without, see `suppression`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from napari_deepem.core.picking.cell_grid import CellGrid, Indices, Mask
from napari_deepem.core.picking.suppression import drop_in_turn, keep_best_apart
from napari_deepem.core.types import Candidates, FloatArray

KEPT = 4  # sets of pairs: of the micrograph in view, and of another that is looked at meanwhile
CROWD = 8.0  # candidates to a square as wide as the reach, on average, from which on it is one


@dataclass(frozen=True, eq=False, slots=True)
class NearPairs:
    """All pairs of candidates that are no further apart than a reach."""

    better: Indices  # (k,) rows of the candidates
    worse: Indices  # (k,)
    distances: FloatArray  # (k,) original pixels


def rows_apart(candidates: Candidates, allowed: Mask, distance_px: float) -> Indices:
    """(k,) rows of the candidates that (n,) bool allows, none too near to a better one of them."""
    pairs = _pairs_within(candidates, _reach_of(distance_px)) if distance_px > 0 else None
    if pairs is None:
        rows = np.flatnonzero(allowed)
        return rows[keep_best_apart(candidates.centres_yx[rows], distance_px)]
    near = pairs.distances < distance_px
    near &= allowed.take(pairs.better) & allowed.take(pairs.worse)
    dropped = drop_in_turn(pairs.better[near], pairs.worse[near], len(allowed))
    return np.flatnonzero(allowed & ~dropped)


def _reach_of(distance_px: float) -> float:
    """The least power of two that is no shorter than a distance."""
    return float(np.exp2(np.ceil(np.log2(distance_px))))


@lru_cache(maxsize=KEPT)
def _pairs_within(candidates: Candidates, reach_px: float) -> NearPairs | None:
    """The pairs within a reach; None where candidates lie in crowds."""
    from scipy.spatial import KDTree  # takes a tenth of a second, which not every command needs

    centres_yx = candidates.centres_yx
    if len(centres_yx) == 0:
        return None
    if np.square(CellGrid(centres_yx, reach_px).counts()).sum() > CROWD * len(centres_yx):
        return None
    tree = KDTree(centres_yx, balanced_tree=False, compact_nodes=False)  # which is built sooner
    # no rounding leaves out what lies just at the reach
    pairs = tree.query_pairs((1 + 1e-9) * reach_px, output_type="ndarray")
    better, worse = (np.ascontiguousarray(side) for side in pairs.T)  # the first one's row is less
    squares = sum(np.square(axis.take(better) - axis.take(worse)) for axis in centres_yx.T.copy())
    return NearPairs(better, worse, np.sqrt(squares))
