"""The scoring of the micrographs of a series, for a window and for the command line alike.

What was kept of a micrograph's file is taken, not made, where it is of this model and this step,
and of the file as it is now.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.network.model import Model, pixel_size_remark
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.tiling import default_step
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.io.file_stamps import ContentStamp, content_stamp_of
from napari_deepem.io.images import micrograph_name, read_micrograph, read_pixel_size
from napari_deepem.io.models import model_digest
from napari_deepem.io.score_maps import cached_path, read_cached, write_score_map
from napari_deepem.io.session_places import place_of

if TYPE_CHECKING:
    from napari_deepem.core.picking.scoring import Prepared  # brings torch


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A micrograph before it is scored: its pixels, or the scores that were kept of them."""

    name: str
    pixel_size: float | None
    # None where there are scores and no pixels had to be read, or it is prepared
    micrograph: Micrograph | None
    kept: ScoreMap | None = None
    path: Path | None = None
    stamp: ContentStamp | None = None  # of the file before it was read, if it can be asked
    was_read: bool = False  # whether the pixels are known to be the file's
    prepared: Prepared | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """The scores of one micrograph."""

    source: Source
    score_map: ScoreMap
    candidates: Candidates
    not_kept: str | None = None  # why they could not be kept, where they were to be


@dataclass(frozen=True, eq=False, slots=True)
class Scorer:
    """A scorer of the micrographs of a series: a model at one step, and what was kept of that."""

    model: Model
    step_px: int | None = None  # between neighbouring boxes; None: an eighth of the box, or less
    device: DeviceName = "auto"
    keeps: bool = False  # what is scored, beside the micrographs or at home, see `place_of`
    pixel_size: float | None = None  # A/px of what is read; None: what the files say

    @property
    def key(self) -> str:
        """The letters and digits that are the same for scorers that agree, but for rounding."""
        own_px = default_step(self.model.network) * self.model.sampling.scale
        digest = model_digest(self.model)
        return digest if self.step_px in (None, own_px) else f"{digest}-{self.step_px}px"

    def source_of(
        self, path: Path | None, micrograph: Micrograph | None = None, name: str | None = None
    ) -> Source:
        """The scores that were kept of a micrograph, or else its pixels, from memory or its file.

        Parameters
        ----------
        path : Path, optional
            Its file; nothing is kept of what has none.
        micrograph : Micrograph, optional
            As it is in memory: where its pixels are not the file's, they are what is scored.
        name : str, optional
            What it goes by; the file's by default.

        Raises
        ------
        InputError
            There are no pixels, or the file can't be read.
        """
        stamp = None if path is None else content_stamp_of(path)
        kept = None if path is None or stamp is None else read_cached(path, self.key, stamp)
        if micrograph is not None:
            if path is not None and kept is not None and not has_pixels_of(micrograph, path):
                kept = None
            return Source(micrograph.name, micrograph.pixel_size, micrograph, kept, path, stamp)
        if path is None:
            raise InputError(f"{name} was closed: open it again")
        name = name or micrograph_name(path)
        if kept is not None:
            return Source(name, self.pixel_size or read_pixel_size(path), None, kept, path, stamp)
        micrograph = replace(read_micrograph(path, self.pixel_size), name=name)
        return Source(name, micrograph.pixel_size, micrograph, None, path, stamp, was_read=True)

    def prepared_source_of(self, path: Path) -> Source:
        """The same of a file, prepared for the network: what was recorded takes no memory any more.

        Raises
        ------
        InputError
            The file can't be read, or can't be scored.
        """
        source = self.source_of(path)
        if source.micrograph is None:
            return source
        from napari_deepem.core.picking.scoring import prepare_for  # brings torch

        return replace(source, micrograph=None, prepared=prepare_for(source.micrograph, self.model))

    def scores_of(
        self, source: Source, first_yx: tuple[float, float] | None = None
    ) -> Generator[TilesDone, None, Scores]:
        """A stream of `TilesDone` that returns a micrograph's scores: kept ones, or new to keep.

        What is around `first_yx`, original pixels, comes first: there the user looks.

        Raises
        ------
        InputError
            The micrograph can't be scored.
        """
        if source.kept is not None:
            yield TilesDone(1, 1)
            return Scores(source, source.kept, find_candidates(source.kept))
        from napari_deepem.core.picking.scoring import score_tiles  # brings torch

        pixels = source.prepared or source.micrograph
        assert pixels is not None
        tiles = score_tiles(pixels, self.model, self.step_px, self.device, first_yx)
        score_map = yield from tiles
        not_kept = self._keep(source, score_map) if self.keeps else None
        return Scores(source, score_map, find_candidates(score_map), not_kept)

    def remark_on(self, scores: Scores) -> str | None:
        """What looks odd about a micrograph for the model, or its scores; None if nothing does."""
        source = scores.source
        size_remark = pixel_size_remark(source.name, source.pixel_size, self.model)
        return "; ".join(filter(None, (size_remark, scores.not_kept))) or None

    def _keep(self, source: Source, score_map: ScoreMap) -> str | None:
        """Keep the scores of a file's pixels; returns why they can't be: they are of use anyway."""
        micrograph, path, stamp = source.micrograph, source.path, source.stamp
        if path is None or stamp is None:
            return None
        if not (source.was_read or (micrograph and has_pixels_of(micrograph, path))):
            return None
        try:
            folder = place_of(path.absolute().parent)
            write_score_map(cached_path(folder, self.key, path), score_map, stamp)
        except InputError as error:
            return f"the scores of {source.name} are not kept: {error}"
        return None


def has_pixels_of(micrograph: Micrograph, path: Path) -> bool:
    """Whether what is in memory is what a file holds: a user may have changed it since."""
    try:
        return np.array_equal(read_micrograph(path).image, micrograph.image)
    except InputError:  # it has gone meanwhile
        return False
