"""Score maps in a folder beside the micrographs: a cache, which may be deleted at any time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from napari_deepem.core.types import ScoreMap
from napari_deepem.io.atomic import replacing
from napari_deepem.io.session_file import Stamp

CACHE = "napari-deepem.cache"


def cached_path(folder: Path, digest: str, name: str) -> Path:
    """Return where a micrograph's scores by the model of this digest are kept."""
    return folder / CACHE / digest / f"{name}.npz"


def write_score_map(path: Path, score_map: ScoreMap, stamp: Stamp | None = None) -> None:
    """Write a score map to look at again: its numbers are rounded to float16.

    `stamp` is that of the micrograph's file, see `io.sessions.stamp_of`.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    height, width = score_map.shape or (0, 0)
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            scores=score_map.scores.astype(np.float16),
            stds=score_map.stds.astype(np.float16),
            place=np.array([score_map.origin_px, score_map.step_px, score_map.smoothing]),
            sizes=np.array([score_map.box_size_px, height, width]),
            stamp=np.array(stamp or (), dtype=np.int64),
        )


def read_score_map(path: Path, stamp: Stamp | None = None) -> ScoreMap | None:
    """Read a score map; None where there is none, none that can be used, or of another file."""
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
