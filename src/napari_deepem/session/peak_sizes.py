"""The sizes of the score peaks of a session's candidates, where their score map is at hand.

That of what was scored in this window is in memory, that of the rest of a series in its cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_deepem.batch.scorer import Scorer
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.score_peaks import peak_widths
from napari_deepem.core.types import Candidates, FloatArray, ScoreMap
from napari_deepem.io.file_stamps import content_stamp_of
from napari_deepem.io.score_maps import read_cached
from napari_deepem.session.scored import Scored
from napari_deepem.session.state import Session


class PeakSizes:
    """The sizes that are known by now, by micrograph, as long as its candidates are the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Candidates, FloatArray]] = {}

    def of(self, name: str, candidates: Candidates, maps: MapsAtHand) -> FloatArray:
        """(n,) sizes of a micrograph's candidates, original pixels; NaN without a score map."""
        known = self._known.get(name)
        if known is not None and known[0] is candidates:
            return known[1]
        score_map = maps.map_of(name)
        if score_map is None:
            return np.full(len(candidates), np.nan)  # and look again next time
        sizes_px = peak_widths(score_map, candidates.centres_yx)
        self._known[name] = candidates, sizes_px
        return sizes_px


class MapsAtHand:
    """The score maps of a session as it is at one moment; a job may keep it."""

    def __init__(self, session: Session) -> None:
        self._scored: Mapping[str, Scored] = dict(session.scored)
        self._files: Mapping[str, Path] = dict(session.files)
        self._model: Model | None = session.model
        self._key: str | None = None

    def map_of(self, name: str) -> ScoreMap | None:
        """The score map of a micrograph; None where it would have to be scored again."""
        if name in self._scored:
            return self._scored[name].score_map
        path = self._files.get(name)
        stamp = None if path is None else content_stamp_of(path)
        if path is None or stamp is None or self._model is None:
            return None
        if self._key is None:
            self._key = Scorer(self._model).key
        return read_cached(path, self._key, stamp)
