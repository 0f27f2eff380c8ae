"""Score maps in a folder beside the micrographs: a cache, which may be deleted at any time."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from napari_deepem.core.types import Float32Array, ScoreMap
from napari_deepem.io.atomic import replacing
from napari_deepem.io.session_file import Stamp, home_of
from napari_deepem.io.tensor_files import tensor_bytes

CACHE = "napari-deepem.cache"
GRIDS = ("scores", "stds")
DESCRIPTION, CHECKSUM = "score_map", "crc32"  # entries of a file's metadata


def cached_path(folder: Path, scorer: str, file: Path) -> Path:
    """The path at which a folder keeps the scores of a micrograph's file.

    `scorer` tells by letters and digits what has scored it: a model, at a step.
    """
    return folder / CACHE / scorer / f"{file.name}.safetensors"


def read_cached(file: Path, scorer: str, stamp: Stamp | None = None) -> ScoreMap | None:
    """The scores that are kept of a micrograph's file, see `read_score_map`.

    They lie beside it, or at home where nothing could be written there.
    """
    folder = file.absolute().parent
    places = folder, home_of(folder)
    maps = (read_score_map(cached_path(place, scorer, file), stamp) for place in places)
    return next((score_map for score_map in maps if score_map is not None), None)


def write_score_map(path: Path, score_map: ScoreMap, stamp: Stamp | None = None) -> None:
    """Write a score map, to the last bit: what is picked from it is the same ever after.

    `stamp` is that of the micrograph's file, see `io.session_file.stamp_of`.

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


def read_score_map(path: Path, stamp: Stamp | None = None) -> ScoreMap | None:
    """The score map in a file; None if there is none, none of use, or that of another stamp."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if any(file.get_slice(name).get_dtype() != "F32" for name in GRIDS):
                return None
            grids = {name: file.get_tensor(name) for name in GRIDS}
        if metadata[CHECKSUM] != _checksum(metadata[DESCRIPTION], grids):
            return None
        described = json.loads(metadata[DESCRIPTION])
        if stamp is not None and described["stamp"] != list(stamp):
            return None
        return _score_map(grids, described)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, OverflowError):
        return None


def _score_map(grids: dict[str, Float32Array], described: dict[str, Any]) -> ScoreMap | None:
    scores, stds = (grids[name] for name in GRIDS)
    names = ("origin_px", "step_px", "box_size_px", "smoothing")
    numbers = origin_px, step_px, box_size_px, smoothing = [float(described[n]) for n in names]
    shape = None if described["shape"] is None else tuple(map(int, described["shape"]))
    if scores.ndim != 2 or scores.shape != stds.shape or (shape is not None and len(shape) != 2):
        return None
    if not np.isfinite(numbers).all():
        return None
    return ScoreMap(scores, stds, origin_px, step_px, int(box_size_px), shape, smoothing)


def _checksum(described: str, grids: dict[str, Float32Array]) -> str:
    """A number in digits that tells a map from what a damaged disk makes of it."""
    contents = (described.encode(), *(grids[name].tobytes() for name in GRIDS))
    return str(zlib.crc32(b"".join(contents)))
