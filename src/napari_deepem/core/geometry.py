"""Positions and how far apart they lie; all in the pixels that they are given in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.types import FloatArray

SAME_PARTICLE_BOXES = 0.25  # of a box: positions that are nearer than this mean one particle


def nearest_distances(centres_yx: FloatArray, others_yx: FloatArray) -> FloatArray:
    """(n,) distances of (n, 2) positions to the nearest of (m, 2) others; infinite without any."""
    if not len(centres_yx) or not len(others_yx):
        return np.full(len(centres_yx), np.inf)
    from scipy.spatial import KDTree  # takes a tenth of a second, which not every command needs

    distances, _ = KDTree(_each_once(others_yx)[0]).query(centres_yx)
    return np.asarray(distances, dtype=np.float64)


def neighbour_distances(centres_yx: FloatArray) -> FloatArray:
    """(n,) distances of (n, 2) positions to the nearest one beside; infinite for a single one."""
    if not len(centres_yx):
        return np.empty(0)
    from scipy.spatial import KDTree

    places_yx, of_place, counts = _each_once(centres_yx)
    distances, _ = KDTree(places_yx).query(places_yx, k=[2])  # the first is the position itself
    return np.where(counts > 1, 0.0, np.asarray(distances)[:, 0])[of_place]


def _each_once(centres_yx: FloatArray) -> tuple[FloatArray, NDArray[np.intp], NDArray[np.intp]]:
    """(k, 2) different ones of (n, 2) positions; (n,) which of them each is; (k,) how often.

    A tree does not divide equal positions: a query goes through all of them.
    """
    points = centres_yx[:, 0] + 1j * centres_yx[:, 1]  # which numpy sorts
    each, of_each, counts = np.unique(points, return_inverse=True, return_counts=True)
    return np.stack((each.real, each.imag), axis=1), of_each, counts
