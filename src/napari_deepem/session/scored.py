"""What a model has given of micrographs: with the score map, or on the record of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.types import Candidates, FloatArray, Micrograph, ScoreMap
from napari_deepem.io.pick_records import Described, read_record

IN_MEMORY = 8  # records: the one in view, and those that jobs are at


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """One micrograph as one model sees it."""

    micrograph: Micrograph
    model: Model
    score_map: ScoreMap
    candidates: Candidates


class RecordedCandidates(Candidates):
    """The candidates that a run has on record, read when they are asked for.

    A run may have more of them than fit in memory: those that were read last stay there. Each
    attribute raises InputError where the record is gone or damaged, or that of another scorer by
    now.
    """

    __slots__ = ("criteria", "folder", "n_picks", "name", "scorer")

    folder: Path  # of the run
    name: str
    scorer: str
    criteria: PickCriteria  # by which the run has picked
    n_picks: int

    def __init__(self, folder: Path, name: str, described: Described) -> None:
        """Candidates that are not read yet, of a micrograph of which this is described."""
        assert described.box_size_px is not None
        criteria = PickCriteria.of_values(described.criteria.model_dump())
        values = {
            "folder": folder,
            "name": name,
            "scorer": described.scorer,
            "criteria": criteria,
            "n_picks": described.n_picks,
            "box_size_px": described.box_size_px,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def centres_yx(self) -> FloatArray:
        """(n, 2) box centres, original pixels."""
        return _read(self).centres_yx

    @property
    def scores(self) -> FloatArray:
        """(n,) figure of merit, 0 to 1, falling."""
        return _read(self).scores

    @property
    def stds(self) -> FloatArray:
        """(n,) standard deviation of the box's standardised pixels."""
        return _read(self).stds

    def count_by(self, criteria: PickCriteria) -> int | None:
        """The number of picks, which nothing has to be read for; None by other criteria."""
        return self.n_picks if criteria == self.criteria else None


@lru_cache(maxsize=IN_MEMORY)
def _read(recorded: RecordedCandidates) -> Candidates:
    record = read_record(recorded.folder, recorded.name)
    if record is None or record.candidates is None:
        raise InputError(f"the record of {recorded.name} is gone or damaged: pick it again")
    if record.described.scorer != recorded.scorer:
        raise InputError(f"{recorded.name} was picked anew meanwhile: open the folder again")
    return record.candidates
