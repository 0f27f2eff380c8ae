"""Score maps in a folder beside the micrographs: a cache, which may be deleted at any time."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter
from safetensors import SafetensorError, safe_open

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Float32Array, ScoreMap
from napari_deepem.io.atomic import replacing
from napari_deepem.io.declared_json import STRICT, read_declared
from napari_deepem.io.file_stamps import ContentStamp
from napari_deepem.io.session_places import home_of
from napari_deepem.io.tensor_files import check_header, shapes_in, tensor_bytes

CACHE = "napari-deepem.cache"
GRIDS = ("scores", "stds")
DESCRIPTION, CHECKSUM = "score_map", "crc32"  # entries of a file's metadata
LARGEST_HEADER = 10_000  # bytes: a file of ours has some 400
MOST_ELEMENTS = 2**28  # of a grid: as many as the pixels of the largest micrographs


class Described(BaseModel):
    """All of a score map but its grids, and the stamp of the file that was scored."""

    model_config = STRICT

    origin_px: Annotated[float, Field(ge=-1e5, le=1e5)]
    step_px: Annotated[float, Field(gt=1e-3, le=1e5)]
    smoothing: Annotated[float, Field(ge=0, le=1)]
    box_size_px: Annotated[int, Field(ge=1, le=100_000)]
    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None
    stamp: ContentStamp | None

    def fits(self, grid: tuple[int, ...]) -> bool:
        """Whether boxes so far apart lie on a micrograph of that shape, or about its edges."""
        if len(grid) != 2 or not 0 < grid[0] * grid[1] <= MOST_ELEMENTS:
            return False
        reach_px = 2 * (self.box_size_px + self.step_px)
        sides = zip(grid, self.shape or grid, strict=True)
        return self.shape is None or all(
            (count - 1) * self.step_px <= side + reach_px for count, side in sides
        )


DESCRIBED = TypeAdapter(Described)


def cached_path(folder: Path, scorer: str, file: Path) -> Path:
    """The path at which a folder keeps the scores of a micrograph's file.

    `scorer` tells by letters and digits what has scored it: a model, at a step.
    """
    return folder / CACHE / scorer / f"{file.name}.safetensors"


def read_cached(file: Path, scorer: str, stamp: ContentStamp | None = None) -> ScoreMap | None:
    """The scores that are kept of a micrograph's file, see `read_score_map`.

    They lie beside it, or at home where nothing could be written there.
    """
    folder = file.absolute().parent
    places = folder, home_of(folder)
    maps = (read_score_map(cached_path(place, scorer, file), stamp) for place in places)
    return next((score_map for score_map in maps if score_map is not None), None)


def write_score_map(path: Path, score_map: ScoreMap, stamp: ContentStamp | None = None) -> None:
    """Write a score map, to the last bit: what is picked from it is the same ever after.

    `stamp` is that of the micrograph's file, see `content_stamp_of`.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    grids = {name: np.ascontiguousarray(getattr(score_map, name)) for name in GRIDS}
    described = json.dumps(
        {
            "origin_px": score_map.origin_px,
            "step_px": score_map.step_px,
            "smoothing": score_map.smoothing,
            "box_size_px": score_map.box_size_px,
            "shape": score_map.shape,
            "stamp": stamp,
        }
    )
    metadata = {DESCRIPTION: described, CHECKSUM: _checksum(described, grids)}
    content = tensor_bytes(grids, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_score_map(path: Path, stamp: ContentStamp | None = None) -> ScoreMap | None:
    """The score map in a file; None if there is none, none of use, or that of another stamp."""
    try:
        if not path.is_file():
            return None
        check_header(path, LARGEST_HEADER)
        with safe_open(path, framework="np") as file:
            metadata, shapes = file.metadata() or {}, shapes_in(file)
            text = metadata.get(DESCRIPTION, "")
            described = read_declared(DESCRIBED, text, "{reason}")
            grid = shapes.get(GRIDS[0], ())
            if shapes != dict.fromkeys(GRIDS, grid) or not described.fits(grid):
                return None
            if stamp not in (None, described.stamp):
                return None
            grids = {name: file.get_tensor(name) for name in GRIDS}
    except (OSError, SafetensorError, InputError):
        return None
    scores, stds = (grids[name] for name in GRIDS)
    if metadata.get(CHECKSUM) != _checksum(text, grids) or not _are_scores(scores, stds):
        return None
    return ScoreMap(
        scores,
        stds,
        described.origin_px,
        described.step_px,
        described.box_size_px,
        described.shape,
        described.smoothing,
    )


def _are_scores(scores: Float32Array, stds: Float32Array) -> bool:
    """Whether grids hold what scoring gives: numbers from 0 to 1, and from 0 on."""
    in_range = scores.min() >= 0 and scores.max() <= 1 and stds.min() >= 0  # False for NaN
    return bool(in_range and np.isfinite(stds.max()))


def _checksum(described: str, grids: dict[str, Float32Array]) -> str:
    """A number in digits that tells a map from what a damaged disk makes of it."""
    total = zlib.crc32(described.encode())
    for name in GRIDS:
        total = zlib.crc32(np.ascontiguousarray(grids[name]).data, total)
    return str(total)
