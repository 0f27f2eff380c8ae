"""The final picks of a micrograph: those of the network, as the user has mended them.

What a user has marked on a micrograph, verdicts on picks and labels, decides over the network's
picks near it: each belongs to the nearest mark within a quarter of the box, which is one particle.
What was rejected, or marked as a non-particle, is no pick. What was accepted, or marked as a
particle, is one at any threshold: where the network has it its position counts, where it misses it
that of the mark. Where the user has placed a pick, or taken one away to another place, the
network's do not count. A verdict is later than a label, and holds where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES, nearest_distances
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.types import NO_LABELS, FinalPicks, FloatArray, Labels, PickCounts, Picks

PARTICLE, PLACED, SETTLED, REJECTED = range(4)  # what a mark says of the picks that belong to it
NO_MARK = -1


@dataclass(frozen=True, eq=False, slots=True)
class Mended:
    """A ranking of the network's picks, and the user's marks: final picks at any threshold.

    A threshold cuts the ranking after its first so many, which is quick: for a slider.
    """

    ranking: Picks  # at a threshold of 0, best first
    owner: NDArray[np.int64]  # (n,) index of the mark that decides over each; NO_MARK: none
    marks_yx: FloatArray  # (m, 2)
    kinds: NDArray[np.int64]  # (m,)
    first_row: NDArray[np.int64]  # (m,) of the ranking that belongs to each mark; n: none
    kept: NDArray[np.int64]  # rows of the ranking that may be picks, rising
    rejected: NDArray[np.int64]  # rows of the ranking that are left out as rejected, rising

    def picks_at(self, count: int) -> FinalPicks:
        """The final picks where the network has picked the first `count` of the ranking."""
        ranking = self.ranking
        if not len(self.marks_yx):  # quick, and nothing is copied
            cut = ranking.at(slice(count))
            return FinalPicks(cut.centres_yx, cut.scores, cut.box_size_px)
        rows = self.kept[: np.searchsorted(self.kept, count)]
        rejected = int(np.searchsorted(self.rejected, count))
        return _final(ranking.at(rows), self._by_hand(count), rejected)

    def counts_at(self, count: int) -> PickCounts:
        """How many picks those are."""
        return PickCounts(
            int(np.searchsorted(self.kept, count)),
            int(self._is_by_hand(count).sum()),
            int(np.searchsorted(self.rejected, count)),
        )

    def below(self, count: int) -> Picks:
        """The network's that only the threshold leaves out, without those that are by hand."""
        rows = self.kept[np.searchsorted(self.kept, count) :]
        owner = self.owner[rows]
        by_hand = np.append(self._is_by_hand(count), False)  # of NO_MARK, the last one
        return self.ranking.at(rows[~by_hand[owner]])

    def _is_by_hand(self, count: int) -> NDArray[np.bool_]:
        """(m,) which marks are picks that the network does not have itself."""
        missed = (self.kinds == PARTICLE) & (self.first_row >= count)
        return np.asarray(missed | (self.kinds == PLACED))

    def _by_hand(self, count: int) -> Picks:
        is_by_hand = self._is_by_hand(count)
        rows = self.first_row[is_by_hand]
        scores = np.append(_scores(self.ranking), np.nan)[rows]
        return Picks(self.marks_yx[is_by_hand], scores)


def mend(ranking: Picks, verdicts: Labels, labels: Labels = NO_LABELS) -> Mended:
    """The ranking of a micrograph, mended by what the user has marked there.

    Parameters
    ----------
    ranking : Picks
        The network's picks at a threshold of 0 with their scores, best first, and the box size.
        Empty where there is no network.
    verdicts : Labels
        `positive_yx` were accepted, `negative_yx` rejected. In `unsure_yx` are the places that were
        settled by hand: those of picks that were placed there, which are accepted too, and those
        that picks were moved away from.
    labels : Labels
        What was marked for training, a particle once or twice; verdicts count more.
    """
    assert ranking.box_size_px is not None
    reach_px = SAME_PARTICLE_BOXES * ranking.box_size_px
    marks_yx, kinds = _marks(verdicts, labels, reach_px)
    n, owner = len(ranking), np.full(len(ranking), NO_MARK)
    first_row = np.full(len(marks_yx), n)
    if n and len(marks_yx):
        owner = _nearest(ranking.centres_yx, marks_yx, reach_px)
        owned = np.flatnonzero(owner != NO_MARK)
        np.minimum.at(first_row, owner[owned], owned)
    kind = np.append(kinds, PARTICLE)[owner]  # of NO_MARK, the last one: nothing is against it
    return Mended(
        ranking,
        owner,
        marks_yx,
        kinds,
        first_row,
        kept=np.flatnonzero(kind == PARTICLE),
        rejected=np.flatnonzero(kind == REJECTED),
    )


def placed(verdicts: Labels) -> NDArray[np.bool_]:
    """(n,) which of the accepted positions are of picks that the user has placed there."""
    return np.asarray(nearest_distances(verdicts.positive_yx, verdicts.unsure_yx) == 0.0)


def _marks(
    verdicts: Labels, labels: Labels, reach_px: float
) -> tuple[FloatArray, NDArray[np.int64]]:
    """(m, 2) positions of all marks, each once, and (m,) their kinds."""
    is_placed = placed(verdicts)
    settled = verdicts.unsure_yx
    particles_yx = once(labels.positive_yx, reach_px / SAME_PARTICLE_BOXES)
    parts = [
        (verdicts.positive_yx[~is_placed], PARTICLE),
        (verdicts.positive_yx[is_placed], PLACED),
        (settled[nearest_distances(settled, verdicts.positive_yx) > 0.0], SETTLED),
        (verdicts.negative_yx, REJECTED),
    ]
    decided_yx = np.concatenate([verdicts.positive_yx, verdicts.negative_yx, settled])
    for centres_yx, kind in ((particles_yx, PARTICLE), (labels.negative_yx, REJECTED)):
        parts.append((centres_yx[nearest_distances(centres_yx, decided_yx) > reach_px], kind))
    marks_yx = np.concatenate([positions for positions, _ in parts])
    return marks_yx, np.repeat([kind for _, kind in parts], [len(yx) for yx, _ in parts])


def _nearest(centres_yx: FloatArray, marks_yx: FloatArray, reach_px: float) -> NDArray[np.int64]:
    """(n,) index of the mark nearest to each of (n, 2) positions; NO_MARK: none within reach."""
    from scipy.spatial import KDTree

    distances, nearest = KDTree(marks_yx).query(centres_yx, distance_upper_bound=2 * reach_px)
    return np.where(distances <= reach_px, nearest, NO_MARK).astype(np.int64)


def _final(of_network: Picks, of_hand: Picks, rejected: int) -> FinalPicks:
    return FinalPicks(
        np.concatenate([of_network.centres_yx, of_hand.centres_yx]),
        np.concatenate([_scores(of_network), _scores(of_hand)]),
        of_network.box_size_px,
        by_hand=len(of_hand),
        rejected=rejected,
    )


def _scores(picks: Picks) -> FloatArray:
    assert picks.scores is not None
    return picks.scores
