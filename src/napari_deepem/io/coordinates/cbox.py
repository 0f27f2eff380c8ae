"""crYOLO's `.cbox`: boxes of one micrograph, of every confidence, by their first corners.

A STAR file, with `<NA>` for what is not known; before crYOLO 1.8 a table without a header. As in
crYOLO's `CoordsIO.py`, a centre is corner + size / 2, with its fraction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import NO_FEATURES, Picks
from napari_deepem.io.atomic import replacing
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import (
    FARTHEST_PX,
    NumberColumn,
    in_batches,
    parse_columns,
    read_lines,
    split_words,
)
from napari_deepem.io.coordinates.rows import NO_SCORE, GrowingRows, Rows
from napari_deepem.io.coordinates.star_tables import Table, read_tables

_X, _Y, _Z, _WIDTH, _HEIGHT = "_CoordinateX", "_CoordinateY", "_CoordinateZ", "_Width", "_Height"
_EST_WIDTH, _EST_HEIGHT, _SCORE = "_EstWidth", "_EstHeight", "_Confidence"
_FILAMENT, _SLICE = "_filamentid", "_slice_index"
_NEEDED = frozenset({_X, _Y, _WIDTH, _HEIGHT})
_WRITTEN = (
    _X, _Y, _Z, _WIDTH, _HEIGHT, "_Depth", _EST_WIDTH, _EST_HEIGHT, _SCORE, "_NumBoxes", "_Angle"
)  # fmt: skip
_OLD = (_X, _Y, _WIDTH, _HEIGHT, _SCORE, _EST_WIDTH, _EST_HEIGHT)
_CELLS = (*_OLD, _Z, _FILAMENT)
_UNKNOWN = frozenset({"<NA>", "nan", "NaN", "None"})
_COLUMNS = [
    NumberColumn(index, FARTHEST_PX, name)
    if name in _NEEDED
    else NumberColumn(index, what=name, unknown=_UNKNOWN)
    for index, name in enumerate(_CELLS[:-1])
]
_OF_EVERY_CONFIDENCE = "crYOLO's boxes below its threshold are read too; their scores tell them"
_OF_FILAMENTS = "boxes of filaments are read one by one; what filament each is of is left out"


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates: any that ends in `.cbox` means to."""
    return True


def read(path: Path) -> Rows:
    """The rows of a file: all its boxes, with their confidences and estimated sizes.

    Raises
    ------
    InputError
        The file can't be read, or is of a tomogram.
    """
    rows = GrowingRows(path, ("size",))
    sides: set[float] = set()
    has_rows = has_scores = has_slices = has_filaments = has_sizes = False
    for batch in in_batches(_old_rows(path) if _is_old(path) else _star_rows(path)):
        x, y, width, height, score, est_width, est_height, z = parse_columns(batch, path, _COLUMNS)
        for wrong, error in (
            ((width < 0) | (height < 0), _negative),
            ((z != 0) & ~np.isnan(z), _of_tomogram),
        ):
            if np.any(wrong):
                raise error(path, batch[int(np.argmax(wrong))])
        size = (est_width + est_height) / 2
        is_scored = ~np.isnan(score)
        scores = np.where(is_scored, score, NO_SCORE)
        rows.extend(y + height / 2, x + width / 2, scores, None, (size,))
        sides.update(np.unique(np.maximum(width, height))[:2].tolist())
        has_rows = True
        has_scores |= bool(is_scored.any())
        has_slices |= bool(np.any(z == 0))
        has_filaments |= any(cells[-1] not in _UNKNOWN for _, cells in batch)
        has_sizes |= bool(np.any(size != width))
    if not has_rows and _has_text(path) and not any(_X in text for _, text in read_lines(path)):
        raise InputError(f"{path}: a file without boxes; expected a loop with {_X} and {_Y}")
    if has_slices:
        _check_one_slice(path)
    box_size_px = int(sides.pop()) if len(sides) == 1 else 0
    whole = rows.rows(box_size_px or None, with_scores=has_scores)
    remarks = [_OF_FILAMENTS] if has_filaments else [_OF_EVERY_CONFIDENCE] if has_scores else []
    features = whole.features if has_sizes else NO_FEATURES  # else they tell what the box does
    return replace(whole, features=features, remarks=tuple(remarks))


def _star_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and `_CELLS` of each row."""
    known: Table | None = None
    for table, line, words in read_tables(path, _CELLS, _NEEDED):
        if table is not known:
            known, columns = table, [table.index.get(name) for name in _CELLS]
        if words:
            yield line, ["<NA>" if column is None else words[column] for column in columns]


def _old_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for line, text in read_lines(path):
        words = split_words(text, path, line)
        if words and not 5 <= len(words) <= len(_OLD):
            raise InputError(
                f"{path}, line {line}: expected x y width height confidence, perhaps two sizes, "
                f"found {len(words)} columns"
            )
        if words:
            yield line, words + ["<NA>"] * (len(_CELLS) - len(words))


def _is_old(path: Path) -> bool:
    """Whether a file begins with a number."""
    first = next((text.split() for _, text in read_lines(path) if text.strip()), [""])
    return first[0][:1] in "+-.0123456789" and first[0] != ""


def _has_text(path: Path) -> bool:
    return any(text.strip() for _, text in read_lines(path))


def _check_one_slice(path: Path) -> None:
    """Raise InputError if a file whose boxes are all in slice 0 lists several."""
    n_slices = 0
    for _, line, words in read_tables(path, (_SLICE,), {_SLICE}):
        n_slices += bool(words)
        if n_slices > 1:
            raise _of_tomogram(path, (line, words))


def _of_tomogram(path: Path, row: tuple[int, list[str]]) -> InputError:
    return InputError(
        f"{path}, line {row[0]}: boxes in the slices of a tomogram; give those of a micrograph"
    )


def _negative(path: Path, row: tuple[int, list[str]]) -> InputError:
    width, height = (float(cell) for cell in row[1][2:4])
    return InputError(f"{path}, line {row[0]}: a box can't be {width:g} x {height:g} px")


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write the picks and those below the threshold, so that crYOLO's and others' sliders work.

    Where no size was estimated, it is the box's.
    """
    picked = micrographs[0]
    assert picked.picks.box_size_px is not None  # FORMAT.needs
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\ndata_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n")
        file.writelines(f"{name} #{number}\n" for number, name in enumerate(_WRITTEN, start=1))
        for picks in (picked.picks, picked.below):
            if picks is not None:
                file.writelines(_lines(picks, picked.picks.box_size_px))
        file.write(f"\ndata_cryolo_include\n\nloop_\n{_SLICE} #1\n\n")


def _lines(picks: Picks, box_size_px: int) -> Iterator[str]:
    corners = (picks.centres_yx - box_size_px / 2).tolist()
    scores = np.full(len(picks), nan) if picks.scores is None else picks.scores
    sizes = picks.features.get("size", np.full(len(picks), box_size_px, dtype=np.float64))
    for (y, x), score, size in zip(corners, scores.tolist(), sizes.tolist(), strict=True):
        sides = f"<NA> {float(box_size_px)} {float(box_size_px)} <NA>"
        confidence = "<NA>" if isnan(score) else repr(score)
        estimate = float(box_size_px) if isnan(size) else size
        yield f"{x!r} {y!r} {sides} {estimate!r} {estimate!r} {confidence} <NA> <NA>\n"


FORMAT = Format(
    name="cbox",
    title="crYOLO",
    suffixes=(".cbox",),
    place="{name}.cbox",
    keeps=frozenset({"score", "box", "fraction", "size", "below"}),
    recognises=recognises,
    read=read,
    write=write,
    needs=frozenset({"box"}),
)
