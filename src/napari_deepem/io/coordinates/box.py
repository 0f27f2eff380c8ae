"""EMAN1 `.box`: x and y of each box's first corner, width, height.

RELION reads the same files as integers and takes corner + size / 2 for the centre, cut off, which
is the pixel n // 2 of a box of n, odd or even.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import (
    FARTHEST_PX,
    NumberColumn,
    in_batches,
    parse_columns,
    read_lines,
    split_words,
    write_text,
)
from napari_deepem.io.coordinates.rows import GrowingRows, Rows, nearest_pixel

_ENDS = (["-1"], ["-2"])  # the first box of a filament, and its last
_COLUMNS = [NumberColumn(index, FARTHEST_PX) for index in range(4)]
_REMARK = "filaments are left out: the boxes at their two ends are read alone"


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates: any that ends in `.box` means to."""
    return True


def read(path: Path) -> Rows:
    """The rows of a file of corners and sizes; a size of 0 says that they are centres already.

    Decimals (crYOLO writes them), a fifth column (EMAN's mode), blank lines and comments are
    accepted. The box size is None unless all boxes have the same one, above 0. Where the mode says
    so, boxes are the ends of filaments.
    """
    rows = GrowingRows(path)
    sizes: set[int] = set()
    has_ends = False
    for batch in in_batches(_records(path)):
        x, y, width, height = parse_columns(batch, path, _COLUMNS)
        if np.any(wrong := (width < 0) | (height < 0)):
            row = int(np.argmax(wrong))
            raise InputError(
                f"{path}, line {batch[row][0]}: a box can't be {width[row]:g} x {height[row]:g} px"
            )
        rows.extend(y + height // 2, x + width // 2)
        has_ends |= any(words[4:] in _ENDS for _, words in batch)
        sizes.update(np.unique(np.maximum(width, height).astype(int))[:2].tolist())
    box_size_px = sizes.pop() if len(sizes) == 1 else 0
    return replace(rows.rows(box_size_px or None), remarks=(_REMARK,) if has_ends else ())


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in read_lines(path):
        words = split_words(line, path, number)
        if words and len(words) not in (4, 5):
            raise InputError(
                f"{path}, line {number}: expected x y width height, found {len(words)} columns"
            )
        if words:
            yield number, words


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write integers, as RELION reads them: the corner of the box on the nearest whole pixel."""
    picks = micrographs[0].picks
    size = picks.box_size_px
    assert size is not None  # FORMAT.needs
    corners = nearest_pixel(picks.centres_yx) - size // 2
    lines = (f"{x}\t{y}\t{size}\t{size}\n" for y, x in corners.tolist())
    write_text(path, "".join(lines))


FORMAT = Format(
    name="box",
    title="EMAN1",
    suffixes=(".box",),
    place="{name}.box",
    keeps=frozenset({"box"}),
    recognises=recognises,
    read=read,
    write=write,
    needs=frozenset({"box"}),
)
