"""EMAN2's `info/<micrograph>_info.json`: centres, each with the tag of the tool that set it.

The file holds more than boxes, and boxes of other tools: as e2boxer does, only those with our own
tag are replaced. e2boxer cuts fractions off, and shows the first row of an MRC file at the bottom.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.coordinate_format import Format
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.parsing import FARTHEST_PX, LARGEST, open_bytes, write_text
from napari_deepem.io.coordinates.rows import NO_SCORE, GrowingRows, Rows, nearest_pixel

TAG = "napari-deepem"
_BOXES = "boxes"
_NO_PARTICLES = frozenset({"refbad", "refbg"})  # e2boxer's references of what is none
_REMARK = "e2boxer's references of what is no particle (refbad, refbg) are left out"


def recognises(path: Path) -> bool:
    """Whether a file has boxes; many other things are JSON."""
    try:
        return _BOXES in _content(path)
    except InputError:
        return False


def read(path: Path) -> Rows:
    """The rows of a file: the centres of its boxes, whoever set them; scores where we did.

    Raises
    ------
    InputError
        The file can't be read, or has no boxes, or one that is none.
    """
    content = _content(path)
    if _BOXES not in content:
        raise InputError(f"{path}: has no boxes of a micrograph; give EMAN2's <name>_info.json")
    rows = GrowingRows(path)
    has_scores = has_others = False
    for number, box in enumerate(content[_BOXES]):
        x, y = (_number(path, number, box, item, FARTHEST_PX) for item in (0, 1))
        if _tag(box) in _NO_PARTICLES:
            has_others = True
            continue
        is_scored = _tag(box) == TAG and len(box) > 3
        rows.add(y, x, _number(path, number, box, 3, LARGEST) if is_scored else NO_SCORE)
        has_scores |= is_scored
    remarks = (_REMARK,) if has_others else ()
    return replace(rows.rows(with_scores=has_scores), remarks=remarks)


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write whole pixels beside what the file holds already.

    Raises
    ------
    InputError
        A file is there that isn't EMAN2's, or it can't be written.
    """
    picks = micrographs[0].picks
    content = _content(path) if path.exists() else {}
    boxes = [box for box in content.get(_BOXES, ()) if _tag(box) != TAG]
    scores = np.full(len(picks), np.nan) if picks.scores is None else picks.scores
    tails = [[] if isnan(score) else [score] for score in scores.tolist()]
    centres = nearest_pixel(picks.centres_yx).tolist()
    boxes += [(x, y, TAG, *tail) for (y, x), tail in zip(centres, tails, strict=True)]
    write_text(path, json.dumps({**content, _BOXES: boxes}) + "\n")


def _tag(box: Sequence[Any]) -> str:
    """What set a box; empty where that is not said."""
    return box[2] if len(box) > 2 and isinstance(box[2], str) else ""


def _number(path: Path, number: int, box: Sequence[Any], item: int, most: float) -> float:
    value = box[item]
    if isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most:
        return float(value)
    found = str(value)[:60]
    raise InputError(f"{path}: boxes.{number}.{item}: expected a number, found {found!r}")


def _content(path: Path) -> dict[str, Any]:
    """All that a file holds; its boxes, where it has any, are lists of two or more."""
    from napari_deepem.io.declared_json import LARGEST_TEXT, read_declared

    with open_bytes(path, LARGEST_TEXT) as file:
        text = file.read()
    refusal = f"{path}: not EMAN2's description of a micrograph ({{reason}}); check what file it is"
    return read_declared(_shape(), text, refusal)


@cache
def _shape() -> Any:
    # pydantic takes long to import
    from pydantic import ConfigDict, Field, TypeAdapter, with_config
    from typing_extensions import TypedDict

    @with_config(ConfigDict(strict=True, extra="allow"))
    class Info(TypedDict, total=False):
        boxes: list[Annotated[list[Any], Field(min_length=2)]]

    return TypeAdapter(Info)


FORMAT = Format(
    name="json",
    title="EMAN2",
    suffixes=(".json",),
    place="info/{name}_info.json",
    keeps=frozenset({"score"}),
    recognises=recognises,
    read=read,
    write=write,
    endings=("_info",),
    adds_to_file=True,
)
