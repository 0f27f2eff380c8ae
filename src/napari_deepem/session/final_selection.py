"""The final picks of a session's micrographs: the network's at its settings, mended by the user.

Everything that shows, counts or writes picks asks here. A micrograph on which the user has marked
something is mended once, until its marks or the ranking change; a threshold then cuts that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.mending import Mended, mend
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate
from napari_deepem.core.types import NO_LABELS, Candidates, FinalPicks, Labels, PickCounts, Picks
from napari_deepem.core.wording import counted
from napari_deepem.session.pick_cache import Selection, Source
from napari_deepem.session.series_criteria import SeriesCriteria

# fields of a session that final picks are made from, beside the criteria
MADE_FROM = ("candidates", "verdicts", "labels", "headers", "box_size_px")

# of the network's picks: by a verdict or a label; verdicts are *rejected*, of which there may be
# more, on what the threshold leaves out anyway
TAKEN_OUT = "taken out by hand"


class MarkedSource(Source, Protocol):
    """The part of a session that final picks are made from."""

    labels: dict[str, Labels]
    verdicts: dict[str, Labels]
    headers: dict[str, Any]
    files: dict[str, Any]
    micrographs: dict[str, Any]

    @property
    def criteria(self) -> PickCriteria:
        """The present criteria, as far as they are the same on all micrographs."""

    @property
    def picks_box_px(self) -> int:
        """The box of picks by hand, original pixels."""


@dataclass(frozen=True, eq=False, slots=True)
class Basis:
    """What the final picks of one micrograph are made from, at any threshold."""

    candidates: Candidates | None  # None: no network has scored it
    box_size_px: int
    criteria: PickCriteria  # of the ranking
    verdicts: Labels
    labels: Labels  # none where there are no candidates: these labels are for training alone
    shape: tuple[int, int] | None = None  # of the micrograph, outside of which no mark counts

    @classmethod
    def of(cls, source: MarkedSource, name: str) -> Basis:
        """What a session has of a micrograph now."""
        candidates, header = source.candidates.get(name), source.headers.get(name)
        return cls(
            candidates,
            source.picks_box_px if candidates is None else candidates.box_size_px,
            source.criteria.of_ranking,
            source.verdicts.get(name, NO_LABELS),
            NO_LABELS if candidates is None else source.labels.get(name, NO_LABELS),
            None if header is None else header[0],
        )

    @property
    def has_marks(self) -> bool:
        """Whether the user has marked anything."""
        verdicts = self.verdicts
        return verdicts.can_teach or len(verdicts.unsure_yx) > 0 or self.labels.can_teach

    def same(self, other: Basis) -> bool:
        """Whether both are the very same values: arrays are frozen, so that tells enough."""
        return (
            self.candidates is other.candidates
            and self.verdicts is other.verdicts
            and self.labels is other.labels
            and (self.box_size_px, self.criteria, self.shape)
            == (other.box_size_px, other.criteria, other.shape)
        )

    def mend(self, ranking: Picks | None = None) -> Mended:
        """The ranking of the candidates, made here unless it is given, mended by the marks."""
        if self.candidates is None:
            ranking = Picks(np.empty((0, 2)), np.empty(0), self.box_size_px)
        elif ranking is None:
            ranking = self.criteria.picks_of(self.candidates)
        verdicts, labels = self.verdicts, self.labels
        if self.shape is not None:
            verdicts, labels = verdicts.inside(self.shape), labels.inside(self.shape)
        return mend(ranking, verdicts, labels)


class FinalSelection:
    """The final picks of a session's micrographs at its present threshold, std range, distance."""

    def __init__(self, source: MarkedSource) -> None:
        self._source = source
        self._network = Selection(source)
        self._mended: dict[str, tuple[Basis, Mended]] = {}  # of those with marks
        self._last: tuple[Basis, Mended] | None = None  # of the last one without
        self._cut: tuple[Mended, int, FinalPicks] | None = None

    @property
    def criteria(self) -> SeriesCriteria:
        """The present criteria of the network's picks on each micrograph."""
        return self._network.criteria

    def read_criteria(self) -> None:
        """Take over what the user has chosen by now."""
        self._network.read_criteria()

    def shift_on(self, name: str) -> float:
        """The logits by which an adaptive threshold moves, see `Selection.shift_on`."""
        return self._network.shift_on(name)

    def picks_of(self, name: str) -> FinalPicks | None:
        """The picks of a micrograph; None if it was not scored, and has none by hand.

        As long as they are the same, it is the same object.
        """
        network = self._network.picks_of(name)
        if network is None and not self.has_picks(name):
            return None
        mended, count = self._mended_of(name), 0 if network is None else len(network)
        cut = self._cut
        if cut is None or cut[0] is not mended or cut[1] != count:
            self._cut = cut = mended, count, mended.picks_at(count)
        return cut[2]

    def picks_by(self, name: str, verdicts: Labels) -> FinalPicks:
        """The picks that a micrograph would have with other verdicts."""
        network, ranking = self._network.picks_of(name), self._network.ranking_of(name)
        basis = replace(Basis.of(self._source, name), verdicts=verdicts)
        return basis.mend(ranking).picks_at(0 if network is None else len(network))

    def estimated_precision(
        self, name: str, model: Model, pixel_size: float | None = None
    ) -> PrecisionEstimate | None:
        """The share of the network's picks that is right, see `Selection.estimated_precision`."""
        return self._network.estimated_precision(name, model, pixel_size)

    def mean_score_of(self, name: str) -> float | None:
        """The mean score of the network's picks, see `Selection.mean_score_of`."""
        return self._network.mean_score_of(name)

    def counts_of(self, name: str) -> PickCounts | None:
        """How many picks a micrograph has; None if that is not known yet: see `steps`."""
        count = self._count_by_network(name)
        if count is None or not self._may_have_marks(name):
            return None if count is None else PickCounts(count)
        is_scored = name in self._source.candidates
        mended = self._known(name, Basis.of(self._source, name)) if is_scored else None
        if mended is None and not is_scored:
            mended = self._mended_of(name)  # which takes no time
        return None if mended is None else mended.counts_at(count)

    def count_of(self, name: str) -> int | None:
        """The number of picks of a micrograph; None if it has none at all, or not known yet."""
        counts = self.counts_of(name) if self.has_picks(name) else None
        return None if counts is None else counts.picks

    def total_of(self, names: Iterable[str]) -> PickCounts | None:
        """How many picks some micrographs have; None while that of one is not known yet."""
        total, by_network = PickCounts(), 0
        for name in names:
            if self._may_have_marks(name):
                counts = self.counts_of(name)
                if counts is None:
                    return None
                total += counts
            else:  # ten thousand of them, at each move of a slider
                count = self._count_by_network(name)
                if count is None:
                    return None
                by_network += count
        return total + PickCounts(by_network)

    def total(self) -> tuple[int, int] | None:
        """The number of picks of all micrographs that have any and are not excluded, and of these.

        None while that of a micrograph is not known yet: see `steps`.
        """
        names = self._wanted()
        counts = self.total_of(names)
        return None if counts is None else (counts.picks, len(names))

    def steps(self) -> Iterator[None]:
        """A stream of steps, a micrograph each, that work out what the counts need."""
        yield from self._network.steps()
        for name in self._wanted():
            if name in self._source.candidates and self.counts_of(name) is None:
                self._mended_of(name)
                yield

    def _wanted(self) -> list[str]:
        source = self._source
        others = (name for name in source.verdicts if name not in source.candidates)
        names = [*source.candidates, *filter(self.has_picks, others)]
        return [name for name in names if name not in source.excluded]

    def has_picks(self, name: str) -> bool:
        """Whether a micrograph was scored, or is open and has picks by hand."""
        source = self._source
        if name in source.candidates:
            return True
        is_open = name in source.files or name in source.micrographs
        return is_open and len(source.verdicts.get(name, NO_LABELS).positive_yx) > 0

    def _count_by_network(self, name: str) -> int | None:
        return self._network.count_of(name) if name in self._source.candidates else 0

    def _may_have_marks(self, name: str) -> bool:
        return name in self._source.verdicts or name in self._source.labels

    def _known(self, name: str, basis: Basis) -> Mended | None:
        """What was mended before from the same; None: nothing."""
        known = self._mended.get(name) if basis.has_marks else self._last
        return known[1] if known is not None and known[0].same(basis) else None

    def _mended_of(self, name: str) -> Mended:
        ranking = self._network.ranking_of(name)  # before all else: it may be lost by now
        basis = Basis.of(self._source, name)
        mended = self._known(name, basis)
        if mended is None:
            mended = basis.mend(ranking)
            if basis.has_marks:
                self._mended[name] = basis, mended
            else:
                self._last = basis, mended
        return mended


def final_picks(basis: Basis, criteria: PickCriteria) -> tuple[FinalPicks, Picks]:
    """The final picks of a micrograph by criteria, and what lies below their threshold."""
    count = 0 if basis.candidates is None else len(criteria.rows_of(basis.candidates))
    mended = basis.mend()
    return mended.picks_at(count), mended.below(count)


def kept_text(counts: PickCounts, candidates: Candidates | None) -> str:
    """How many picks one micrograph has, in words, and what they are of."""
    if candidates is None:
        return f"{counted(counts.by_hand, 'pick')} by hand here"
    picks, all_of_them = counted(counts.picks, "pick"), counted(len(candidates), "candidate")
    taken_out = f", {counts.rejected} {TAKEN_OUT}" if counts.rejected else ""
    if not counts.by_hand:
        return f"{picks} here, of {all_of_them}{taken_out}"
    return (
        f"{picks} here: {counts.by_network} of {all_of_them}, {counts.by_hand} by hand{taken_out}"
    )


def total_text(counts: PickCounts) -> str:
    """How many picks some micrographs have, in words, and how many are left out."""
    whose = f": {counts.whose}" if counts.whose else ""
    rejected = f"; {counts.rejected} {TAKEN_OUT}" if counts.rejected else ""
    return f"{counted(counts.picks, 'pick')}{whose}{rejected}."
