"""The figures of a run, gathered from its records, of which one at a time is in memory."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_deepem.batch.run_folder import picks_of_record
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.io.pick_records import Described, PickRecord, read_record, recorded_names

SHOWN = 64  # particles of a contact sheet
SCORE_EDGES = np.linspace(0.0, 1.0, 51)
STD_EDGES = np.linspace(0.0, 3.0, 61)
FAR_OFF = 3.5  # robust standard deviations from the median: an outlier (Iglewicz and Hoaglin, 1993)
FEWEST_FOR_OUTLIERS = 8  # micrographs


@dataclass(frozen=True, order=True, slots=True)
class Shown:
    """A pick that is to be shown."""

    rank: float  # by which it was chosen: the lowest
    name: str
    row: float
    col: float
    score: float = field(compare=False)


@dataclass(eq=False, slots=True)
class RunStatistics:
    """The figures of a run: of each micrograph, and of all picks."""

    picked: dict[str, Described] = field(default_factory=dict)  # in natural order of names
    failures: dict[str, str] = field(default_factory=dict)  # why, by name
    candidate_scores: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(SCORE_EDGES) - 1, np.int64)
    )
    pick_stds: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(STD_EDGES) - 1, np.int64)
    )
    thresholds: dict[str, float] = field(default_factory=dict)  # by name, where they adapted
    random: list[Shown] = field(default_factory=list)
    lowest: list[Shown] = field(default_factory=list)

    @property
    def n_picks(self) -> int:
        """How many picks there are."""
        return sum(described.n_picks for described in self.picked.values())

    @property
    def counts(self) -> NDArray[np.int64]:
        """(n,) picks of each micrograph that was picked."""
        return np.array([described.n_picks for described in self.picked.values()], dtype=np.int64)

    def outliers(self) -> dict[str, str]:
        """The micrographs with far fewer or more picks than the others, and how many, by name."""
        counts = self.counts
        if len(counts) < FEWEST_FOR_OUTLIERS:
            return {}
        median = np.median(counts)
        spread = 1.4826 * np.median(np.abs(counts - median)) + 1  # counts of few vary by chance
        far = np.flatnonzero(np.abs(counts - median) > FAR_OFF * spread)
        names = list(self.picked)
        return {
            names[i]: f"{counts[i]} picks, where {median:g} are usual"
            for i in sorted(far, key=lambda i: -abs(counts[i] - median))
        }


def gather(folder: Path, problems: Mapping[str, str] | None = None) -> RunStatistics:
    """The figures of all records in the folder of a run.

    `problems` are those of this run, by name: a micrograph that was picked before keeps its record.
    """
    statistics = RunStatistics()
    rng = np.random.default_rng(0)
    for name in sorted(recorded_names(folder)):
        record = read_record(folder, name)
        if record is None:
            statistics.failures[name] = "its record is damaged: run the same command again"
        elif record.candidates is None:
            statistics.failures[name] = record.described.remark or ""
        else:
            _add(statistics, name, record, rng)
    statistics.failures |= problems or {}
    return statistics


def _add(
    statistics: RunStatistics, name: str, record: PickRecord, rng: np.random.Generator
) -> None:
    picked, candidates = picks_of_record(name, record), record.candidates
    assert picked is not None
    assert candidates is not None
    statistics.picked[name] = record.described
    statistics.candidate_scores += np.histogram(candidates.scores, SCORE_EDGES)[0]
    criteria = PickCriteria.of_values(record.described.criteria.model_dump())
    if criteria.mixture is not None:
        statistics.thresholds[name] = criteria.lowest_score(candidates)
    rows = criteria.rows_of(candidates)
    stds = np.minimum(candidates.stds[rows], STD_EDGES[-1])
    statistics.pick_stds += np.histogram(stds, STD_EDGES)[0]
    scores = candidates.scores[rows]
    for ranks, kept in ((rng.random(len(rows)), statistics.random), (scores, statistics.lowest)):
        for rank, (row, col), score in zip(
            ranks.tolist(), candidates.centres_yx[rows].tolist(), scores.tolist(), strict=True
        ):
            # a heap of the lowest, of which the highest is its first
            entry = Shown(-rank, name, row, col, score)
            if len(kept) < SHOWN:
                heapq.heappush(kept, entry)
            elif entry > kept[0]:
                heapq.heapreplace(kept, entry)
