"""What a coordinate file is written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_deepem.core.types import FloatArray, Picks
from napari_deepem.io.coordinates.rows import written_scores


@dataclass(frozen=True, eq=False, slots=True)
class MicrographPicks:
    """The picks of one micrograph, and what files of other programs say of that micrograph.

    Of what is None a format that needs it says so, and one that doesn't leaves it out.
    """

    name: str  # without folder and suffix
    picks: Picks
    below: Picks | None = None  # candidates with scores below the threshold, for formats with both
    path: str | None = None  # as another program is to find it, relative to its project
    shape: tuple[int, int] | None = None  # (height, width), original pixels
    pixel_size: float | None = None  # A/px


def scores_of_all(micrographs: Sequence[MicrographPicks]) -> list[FloatArray] | None:
    """(n,) scores of each micrograph's picks for a file of all; None where there are none at all.

    Where some have scores, those of the others are what says that there is none.
    """
    all_picks = [micrograph.picks for micrograph in micrographs]
    if all(picks.scores is None for picks in all_picks):
        return None
    return [written_scores(picks) for picks in all_picks]
