"""What a coordinate file is written from."""

from __future__ import annotations

from dataclasses import dataclass

from napari_deepem.core.types import Picks


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
