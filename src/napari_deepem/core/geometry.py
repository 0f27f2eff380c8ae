"""Positions and how far apart they lie; all in the pixels that they are given in."""

from __future__ import annotations

import numpy as np

from napari_deepem.core.types import FloatArray

SAME_PARTICLE_BOXES = 0.25  # of a box: positions that are nearer than this mean one particle


def nearest_distances(centres_yx: FloatArray, others_yx: FloatArray) -> FloatArray:
    """(n,) distances of (n, 2) positions to the nearest of (m, 2) others; infinite without any."""
    if not len(centres_yx) or not len(others_yx):
        return np.full(len(centres_yx), np.inf)
    from scipy.spatial import KDTree  # takes a tenth of a second, which not every command needs

    distances, _ = KDTree(others_yx).query(centres_yx)
    return np.asarray(distances, dtype=np.float64)


def neighbour_distances(centres_yx: FloatArray) -> FloatArray:
    """(n,) distances of (n, 2) positions to the nearest one beside; infinite for a single one."""
    if not len(centres_yx):
        return np.empty(0)
    from scipy.spatial import KDTree

    distances, _ = KDTree(centres_yx).query(centres_yx, k=[2])  # the first is the position itself
    return np.asarray(distances, dtype=np.float64)[:, 0]
