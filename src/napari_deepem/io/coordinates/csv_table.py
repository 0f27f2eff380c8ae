"""`.csv`: a header line with x and y, perhaps score, perhaps micrograph; centres, in any order.

All decimals are kept, and what else is known of a pick: its angle, class and size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

import numpy as np

from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.delimited import Layout, read_table, recognises_table
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import write_text
from napari_deepem.io.coordinates.rows import Rows

_MICROGRAPHS = ("micrograph", "micrograph_name", "image_name")
_LAYOUT = Layout(",", "x", "y", _MICROGRAPHS, is_named=False, features=("angle", "class", "size"))


def recognises(path: Path) -> bool:
    """Whether a table holds coordinates, told by its header."""
    return recognises_table(path, _LAYOUT)


def read(path: Path) -> Rows:
    """The rows of a table: centres, scores where there is such a column, micrographs likewise."""
    return read_table(path, _LAYOUT)


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write every decimal; a column is left out where nothing of it is known."""
    picks = micrographs[0].picks
    columns = {"x": picks.centres_yx[:, 1], "y": picks.centres_yx[:, 0]}
    if picks.scores is not None:
        columns["score"] = picks.scores
    columns |= {name: picks.features[name] for name in _LAYOUT.features if name in picks.features}
    rows = np.stack(list(columns.values()), axis=1).tolist()
    lines = (",".join("" if isnan(cell) else repr(cell) for cell in row) for row in rows)
    write_text(path, "\n".join([",".join(columns), *lines, ""]))


FORMAT = Format(
    name="csv",
    title="Table",
    suffixes=(".csv",),
    place="{name}.csv",
    keeps=frozenset({"score", "fraction", "angle", "class", "size"}),
    recognises=recognises,
    read=read,
    write=write,
)
