"""Topaz' `.txt`: centres of all micrographs in a table with tabs; names without suffixes.

Read and written as in Topaz' `utils/files.py`. Its coordinates count pixels of the images that it
was given, which may be smaller than the micrographs: `--scale` brings them back.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.atomic import replacing
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.delimited import Layout, read_table, recognises_table
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks, scores_of_all
from napari_deepem.io.coordinates.rows import Rows, nearest_pixel

_LAYOUT = Layout("\t", "x_coord", "y_coord", ("image_name",), is_named=True)


def recognises(path: Path) -> bool:
    """Whether a text is such a table, told by its header; many other things end in `.txt`."""
    try:
        return recognises_table(path, _LAYOUT)
    except InputError:
        return False


def read(path: Path) -> Rows:
    """The rows of a table, with scores where there are any; other columns are passed over."""
    return read_table(path, _LAYOUT)


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write whole pixels, the nearest ones: Topaz cuts fractions off where it needs whole ones."""
    scores = scores_of_all(micrographs)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["image_name", "x_coord", "y_coord", *(["score"] if scores else [])])
        for number, micrograph in enumerate(micrographs):
            pixels = nearest_pixel(micrograph.picks.centres_yx).tolist()
            tails = [[score] for score in scores[number].tolist()] if scores else [[]] * len(pixels)
            table.writerows(
                [micrograph.name, x, y, *tail] for (y, x), tail in zip(pixels, tails, strict=True)
            )


FORMAT = Format(
    name="topaz",
    title="Topaz",
    suffixes=(".txt",),
    place="topaz.txt",
    keeps=frozenset({"score"}),
    recognises=recognises,
    read=read,
    write=write,
)
