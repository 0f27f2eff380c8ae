"""A series of micrographs: its files, what is read of them, and the state of each."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_deepem.batch.scorer import Scorer
from napari_deepem.core.errors import InputError
from napari_deepem.core.network.model import Model
from napari_deepem.core.preprocessing.defects import find_blank_lines
from napari_deepem.core.types import Micrograph, ScoreMap
from napari_deepem.io.file_stamps import content_stamp_of
from napari_deepem.io.images import list_micrographs, read_micrograph, read_pixel_size
from napari_deepem.io.run_places import is_run
from napari_deepem.io.score_maps import read_cached
from napari_deepem.session.state import Session

Scope = Literal["this", "chosen", "all"]  # micrographs that are meant
State = Literal["new", "labelled", "scored", "reviewed", "failed", "excluded"]
THUMBNAIL_PX = 96


def reading(name: str, path: Path, pixel_size: float | None) -> Generator[None, None, Micrograph]:
    """The job that reads a micrograph, under the name that it has in the series.

    `pixel_size`, A/px, counts more than what the file says.
    """
    yield
    return replace(read_micrograph(path, pixel_size), name=name)


def pixel_size_of(session: Session, name: str) -> float | None:
    """A/px of a micrograph of the series: what the user gave, or what its file says."""
    return session.given_pixel_size or read_pixel_size(session.files[name])


def reading_scores(path: Path, model: Model) -> Generator[None, None, tuple[ScoreMap | None, bool]]:
    """The job that reads the score map that is kept of a micrograph's file by a model.

    It returns the map, None where there is none, and whether there is only one that is stale: of
    the file as it was before.
    """
    yield
    key = Scorer(model).key
    score_map = read_cached(path, key, content_stamp_of(path))
    return score_map, score_map is None and read_cached(path, key) is not None


def holds_series(folder: Path) -> bool:
    """Whether a path is a folder with files that look like micrographs, or with a run's picks."""
    try:
        return folder.is_dir() and (is_run(folder) or bool(list_micrographs(folder)))
    except InputError:
        return False


def names_of(session: Session, scope: Scope) -> list[str]:
    """The names of the micrographs that are meant; of several, none that is excluded."""
    if scope == "this":
        return [session.current] if session.current is not None else []
    names = [name for name in session.names if name not in session.excluded]
    return names if scope == "all" else [name for name in names if name in session.chosen]


def state_of(session: Session, name: str) -> State:
    """The state of a micrograph: how far the user has got with it."""
    if name in session.excluded:
        return "excluded"
    verdicts = session.verdicts.get(name)
    if verdicts is not None and verdicts.can_teach:
        return "reviewed"
    if name in session.candidates:
        return "scored"
    if why_failed(session, name):
        return "failed"
    labels = session.labels_of(name)
    return "labelled" if labels.can_teach else "new"


def why_failed(session: Session, name: str) -> str:
    """Why a micrograph can't be read or scored, or a run has no picks of it; empty if it has."""
    failure = "" if name in session.candidates else session.failures.get(name, "")
    return session.problems.get(name, failure)


def thumbnails(
    micrographs: Mapping[str, Micrograph | Path | None],
) -> Generator[tuple[str, NDArray[np.uint8] | None], None, None]:
    """A stream of names and thumbnails of micrographs, read from files where these are given.

    A thumbnail is None where a file can't be read, or where there is no micrograph.
    """
    for name, each in micrographs.items():
        try:
            micrograph = read_micrograph(each) if isinstance(each, Path) else each
        except InputError:
            micrograph = None
        yield name, None if micrograph is None else thumbnail(micrograph)


def thumbnail(micrograph: Micrograph) -> NDArray[np.uint8]:
    """The grey values, (height, width) uint8, of a small picture of `THUMBNAIL_PX` at most.

    Each of its pixels is the mean over a square of the micrograph, which filters enough noise
    for ice, carbon and large particles to be seen.
    """
    height, width = micrograph.shape
    binning = max(1, -(-max(height, width) // THUMBNAIL_PX))
    rows, cols = height // binning, width // binning
    cut = micrograph.image[: rows * binning, : cols * binning]
    small = cut.reshape(rows, binning, cols, binning).mean(axis=(1, 3), dtype=np.float32)
    shown_rows, shown_cols = (
        ~lines.reshape(-1, binning).any(axis=1) for lines in find_blank_lines(cut)
    )
    shown = small[shown_rows][:, shown_cols]
    low, high = np.percentile(shown if shown.size else small, (1.0, 99.0))
    scaled = (small - low) / (high - low if high > low else 1.0)
    return (np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
