"""RELION's STAR file of one micrograph's coordinates, the same for 3.0 to 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.rows import nearest_pixel
from napari_deepem.io.coordinates.star_coordinates import COLUMNS, kind_of, read_star, words_of
from napari_deepem.io.coordinates.star_tables import Block, write_tables

read = read_star


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates, and says nothing of the micrograph."""
    return kind_of(path) == "coordinates"


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write what is known of the picks, their centres on whole pixels.

    RELION cuts fractions off, so positions are rounded to the nearest pixel, half up.
    """
    write_picks(path, micrographs[0].picks)


def write_picks(path: Path, picks: Picks, comment: str = "") -> None:
    """Write the file of one micrograph, with a comment in its first line if there is one."""
    words = words_of(picks, nearest_pixel(picks.centres_yx))
    write_tables(path, Block("", COLUMNS, words), comment=comment)


FORMAT = Format(
    name="star",
    title="RELION STAR, one a micrograph",
    suffixes=(".star",),
    place="{name}.star",
    keeps=frozenset({"score", "angle", "class"}),
    recognises=recognises,
    read=read,
    write=write,
    endings=("_manualpick", "_autopick"),
)
