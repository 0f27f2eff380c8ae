"""EMAN1 `.box`: x and y of each box's first corner, width, height.

RELION reads the same files as integers and takes corner + size / 2 for the centre, cut off, which
is the pixel n // 2 of a box of n, odd or even.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import (
    parse_coordinate,
    read_lines,
    split_words,
    write_text,
)
from napari_deepem.io.coordinates.rows import GrowingRows, Rows, nearest_pixel

_ENDS = (["-1"], ["-2"])  # the first box of a filament, and its last
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
    sizes: set[int] = set()  # two at most: more say no more
    has_ends = False
    for number, line in read_lines(path):
        words = split_words(line, path, number)
        if not words:
            continue
        if len(words) not in (4, 5):
            raise InputError(
                f"{path}, line {number}: expected x y width height, found {len(words)} columns"
            )
        x, y, width, height = (parse_coordinate(word, path, number) for word in words[:4])
        if width < 0 or height < 0:
            raise InputError(f"{path}, line {number}: a box can't be {width:g} x {height:g} px")
        rows.add(y + height // 2, x + width // 2)
        has_ends |= words[4:] in _ENDS
        if len(sizes) < 2:
            sizes.add(int(max(width, height)))
    box_size_px = sizes.pop() if len(sizes) == 1 else 0
    return replace(rows.rows(box_size_px or None), remarks=(_REMARK,) if has_ends else ())


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write integers, as RELION reads them: the corner of the box on the nearest whole pixel."""
    picks = micrographs[0].picks
    size = picks.box_size_px
    if size is None or size < 1:
        raise InputError(
            f"cannot write {path}: a .box file needs the box size; write .star instead"
        )
    corners = nearest_pixel(picks.centres_yx) - size // 2
    lines = (f"{x}\t{y}\t{size}\t{size}\n" for y, x in corners.tolist())
    write_text(path, "".join(lines))
