"""How far two people's labels of one micrograph agree, and what both together say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.geometry import nearest_distances
from napari_deepem.core.types import FloatArray, Labels

Keep = Literal["either", "both"]  # whose particles are particles: anyone's, or those of both


@dataclass(frozen=True, eq=False, slots=True)
class Agreement:
    """The agreement of two people's labels, of one micrograph or of several together."""

    first: int  # particles that the first one marked
    second: int
    distances_px: FloatArray  # (n,) between the two positions of each particle that both marked
    contested: int  # particles of one that the other called none

    @property
    def both(self) -> int:
        """How many particles both marked."""
        return len(self.distances_px)

    @property
    def f1(self) -> float:
        """The share of all particles marked that have a partner: the F1 of either by the other.

        1 where neither marked anything.
        """
        marked = self.first + self.second
        return 2 * self.both / marked if marked else 1.0

    def __add__(self, other: Agreement) -> Agreement:
        """The agreement on two sets of micrographs together."""
        return Agreement(
            self.first + other.first,
            self.second + other.second,
            np.concatenate([self.distances_px, other.distances_px]),
            self.contested + other.contested,
        )


NO_AGREEMENT = Agreement(0, 0, np.empty(0), 0)


def merge_labels(
    first: Labels, second: Labels, radius_px: float, keep: Keep = "either"
) -> tuple[Labels, Agreement]:
    """The labels that two people's of one micrograph give together, and how far they agree.

    A particle that both marked lies in the middle between their positions. One that only one of
    them marked is a particle if `keep` is "either", and unsure if it is "both". What one of them
    calls a particle and the other none is unsure.

    Parameters
    ----------
    first, second : Labels
        Each particle once.
    radius_px : float
        Positions this near to each other, original pixels, mean the same; nearest ones first, each
        has one partner at most.
    keep

    Examples
    --------
    >>> from napari_deepem import Labels
    >>> from napari_deepem.core.evaluation.agreement import merge_labels
    >>> one, other = Labels.of([(10, 10), (90, 90)]), Labels.of([(12, 10)])
    >>> labels, agreement = merge_labels(one, other, radius_px=10, keep="both")
    >>> labels.positive_yx, labels.unsure_yx
    (array([[11., 10.]]), array([[90., 90.]]))
    >>> round(agreement.f1, 3)
    0.667
    """
    ours, theirs, distances_px = pairs_within(first.positive_yx, second.positive_yx, radius_px)
    agreed_yx = (first.positive_yx[ours] + second.positive_yx[theirs]) / 2
    alone_yx: list[FloatArray] = []
    negative_yx: list[FloatArray] = []
    doubted_yx, contested = [first.unsure_yx, second.unsure_yx], 0
    for labels, other, paired in ((first, second, ours), (second, first, theirs)):
        single_yx = np.delete(labels.positive_yx, paired, axis=0)
        is_denied = nearest_distances(single_yx, other.negative_yx) <= radius_px
        contested += int(is_denied.sum())
        doubted_yx.append(single_yx[is_denied])
        (alone_yx if keep == "either" else doubted_yx).append(single_yx[~is_denied])
        is_claimed = nearest_distances(labels.negative_yx, other.positive_yx) <= radius_px
        negative_yx.append(labels.negative_yx[~is_claimed])
    return (
        Labels.of(
            np.concatenate([agreed_yx, *alone_yx]),
            np.concatenate(negative_yx),
            np.concatenate(doubted_yx),
        ),
        Agreement(len(first.positive_yx), len(second.positive_yx), distances_px, contested),
    )


def pairs_within(
    first_yx: FloatArray, second_yx: FloatArray, radius_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """(k,) indices into (n, 2) and (m, 2) positions of pairs, and (k,) how far these are apart.

    The nearest two within the radius are a pair, then the nearest two of the rest, and so on.
    """
    from scipy.spatial import KDTree

    if not len(first_yx) or not len(second_yx):
        nothing = np.empty(0, dtype=np.intp)
        return nothing, nothing, np.empty(0)
    near = KDTree(first_yx).sparse_distance_matrix(
        KDTree(second_yx), radius_px, output_type="ndarray"
    )
    near = near[np.lexsort((near["j"], near["i"], near["v"]))]
    free_first, free_second = bytearray(b"\1" * len(first_yx)), bytearray(b"\1" * len(second_yx))
    chosen = []
    for rank, (one, other) in enumerate(zip(near["i"].tolist(), near["j"].tolist(), strict=True)):
        if free_first[one] and free_second[other]:
            free_first[one] = free_second[other] = 0
            chosen.append(rank)
    return near["i"][chosen], near["j"][chosen], near["v"][chosen]
