"""Score maps in a folder beside the micrographs: a cache, which may be deleted at any time."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from napari_deepem.core.types import ScoreMap
from napari_deepem.io.atomic import replacing
from napari_deepem.io.session_file import Stamp, home_of

CACHE = "napari-deepem.cache"


def cached_path(folder: Path, scorer: str, file: Path) -> Path:
    """The path at which a folder keeps the scores of a micrograph's file.

    `scorer` tells by letters and digits what has scored it: a model, at a step.
    """
    return folder / CACHE / scorer / f"{file.name}.npz"


def read_cached(file: Path, scorer: str, stamp: Stamp | None = None) -> ScoreMap | None:
    """The scores that are kept of a micrograph's file, see `read_score_map`.

    They lie beside it, or at home where nothing can be written there.
    """
    folder = file.absolute().parent
    places = [folder] if os.access(folder, os.W_OK) else [folder, home_of(folder)]
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
    height, width = score_map.shape or (0, 0)
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            scores=score_map.scores,
            stds=score_map.stds,
            place=np.array([score_map.origin_px, score_map.step_px, score_map.smoothing]),
            sizes=np.array([score_map.box_size_px, height, width]),
            stamp=np.array(stamp or (), dtype=np.int64),
        )


def read_score_map(path: Path, stamp: Stamp | None = None) -> ScoreMap | None:
    """The score map in a file; None if there is none, none of use, or that of another stamp."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if stamp is not None and tuple(stored["stamp"].tolist()) != stamp:
                return None
            origin_px, step_px, smoothing = (float(value) for value in stored["place"])
            box_size_px, height, width = (int(value) for value in stored["sizes"])
            scores = stored["scores"].astype(np.float32)
            stds = stored["stds"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    shape = (height, width) if height else None
    return ScoreMap(scores, stds, origin_px, step_px, box_size_px, shape, smoothing)
