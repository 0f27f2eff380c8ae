"""A cache of rankings and picks, kept while a slider moves, so that each move costs little.

The std range and the minimum distance rank a micrograph's candidates; the threshold then cuts that
ranking. Only the current micrograph's is worked out at once: the rest of a series follows step by
step, when a view has time for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.network.general import is_general
from napari_deepem.core.network.model import Model
from napari_deepem.core.picking.criteria import PickCriteria, moved, picks_above
from napari_deepem.core.picking.precision_estimate import PrecisionEstimate, judge
from napari_deepem.core.picking.score_evidence import FittedScores, mixture_in
from napari_deepem.core.picking.score_mixture import ScoreMixture
from napari_deepem.core.types import Candidates, FloatArray, Picks
from napari_deepem.session.scored import RecordedCandidates
from napari_deepem.session.series_criteria import Chosen, SeriesCriteria

LARGEST_ERROR_HERE = 0.06  # of one micrograph's estimate, which is shown with its error


class Source(Chosen, Protocol):
    """The part of a session that a selection reads."""

    candidates: dict[str, Candidates]
    excluded: frozenset[str]
    model: Any
    adaptive_threshold: bool

    def lose_candidates(self, name: str, why: str) -> None:
        """Go on without candidates that can't be read any more."""


@dataclass(frozen=True, eq=False, slots=True)
class _Ranking:
    """The picks of one micrograph at a threshold of 0, and what they were made from."""

    candidates: Candidates
    criteria: PickCriteria
    picks: Picks
    shift: float  # of an adaptive threshold, see `PickCriteria.shift_on`


@dataclass(frozen=True, eq=False, slots=True)
class _Known:
    """The part of a ranking that is kept of every micrograph."""

    candidates: Candidates
    scores: FloatArray  # rising
    shift: float


class Selection:
    """The picks of a session's micrographs at its present threshold, std range and distance."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._last: _Ranking | None = None
        self._cut: tuple[_Ranking, Picks] | None = None
        self._fitted: tuple[_Ranking, FittedScores | None] | None = None
        self._learnt: tuple[Any, ScoreMixture | None] = None, None  # by which model
        self.criteria = SeriesCriteria.of(source, self._mixture())
        self._basis = replace(self.criteria.common, threshold=0.0)  # what rankings are made by
        self._ranked: dict[str, _Known] = {}

    def read_criteria(self) -> None:
        """Take over what the user has chosen by now."""
        self.criteria = SeriesCriteria.of(self._source, self._mixture())
        basis = replace(self.criteria.common, threshold=0.0)
        if basis != self._basis:
            self._basis, self._ranked = basis, {}

    def picks_of(self, name: str) -> Picks | None:
        """The picks of a micrograph; None if it was not scored. Quick for the last one asked for.

        As long as they are the same, it is the same object.
        """
        ranking = self._ranking_of(name)
        if ranking is None:
            return None
        picks, cut = picks_above(ranking.picks, self._threshold(name, ranking.shift)), self._cut
        if cut is None or cut[0] is not ranking or len(cut[1]) != len(picks):
            self._cut = cut = ranking, picks
        return cut[1]

    def ranking_of(self, name: str) -> Picks | None:
        """The picks of a micrograph at a threshold of 0, which begin with `picks_of`."""
        ranking = self._ranking_of(name)
        return None if ranking is None else ranking.picks

    def estimated_precision(
        self, name: str, model: Model, pixel_size: float | None = None
    ) -> PrecisionEstimate | None:
        """The share of a micrograph's picks that is right, or why that is not told.

        None without picks. `pixel_size` is the micrograph's, A/px; None: not known.
        """
        picks, ranking = self.picks_of(name), self._ranking_of(name)
        if picks is None or ranking is None or not len(picks):
            return None
        if self._fitted is None or self._fitted[0] is not ranking:
            self._fitted = ranking, FittedScores.of(ranking.picks, model, pixel_size)
        fitted, threshold = self._fitted[1], self._threshold(name, ranking.shift)
        evidence = None if fitted is None else fitted.evidence_above(threshold)
        return judge(evidence, LARGEST_ERROR_HERE, is_taught=not is_general(model))

    def shift_on(self, name: str) -> float:
        """The logits by which an adaptive threshold moves on a micrograph; 0 where it does not."""
        ranking = self._ranking_of(name)
        return 0.0 if ranking is None or name in self.criteria.own_thresholds else ranking.shift

    def count_of(self, name: str) -> int | None:
        """The number of picks of a micrograph; None if that is not known yet: see `steps`."""
        candidates, known = self._source.candidates.get(name), self._known_of(name)
        if known is not None:
            threshold = self._threshold(name, known.shift)
            return len(known.scores) - int(np.searchsorted(known.scores, threshold))
        if isinstance(candidates, RecordedCandidates):
            return candidates.count_by(self.criteria.on(name))
        return None

    def mean_score_of(self, name: str) -> float | None:
        """The mean score of a micrograph's picks; None if it has none, or it is not known yet."""
        known, count = self._known_of(name), self.count_of(name)
        return float(known.scores[-count:].mean()) if count and known is not None else None

    def total(self) -> tuple[int, int] | None:
        """The number of picks of all micrographs that are scored and not excluded, and of these.

        None while that of a micrograph is not known yet: see `steps`.
        """
        counts = [self.count_of(name) for name in self._wanted()]
        known = [count for count in counts if count is not None]
        return (sum(known), len(known)) if len(known) == len(counts) else None

    def steps(self) -> Iterator[None]:
        """A stream of steps, a micrograph each, that work out what `count_of` and `total` need."""
        for name in self._wanted():
            if name in self._source.candidates and self._known_of(name) is None:
                self._rank(name)
                yield

    def _mixture(self) -> ScoreMixture | None:
        """The mixture by which thresholds adapt; None if they don't, or the model has none."""
        model = self._source.model
        if model is None or not self._source.adaptive_threshold:
            return None
        if self._learnt[0] is not model:
            self._learnt = model, mixture_in(model.summary)
        return self._learnt[1]

    def _wanted(self) -> list[str]:
        return [name for name in self._source.candidates if name not in self._source.excluded]

    def _threshold(self, name: str, shift: float) -> float:
        """The lowest score that is picked on a micrograph, if an adaptive one moves so far."""
        own = self.criteria.own_thresholds.get(name)
        return moved(self.criteria.common.threshold, shift) if own is None else own

    def _known_of(self, name: str) -> _Known | None:
        """The part of a ranking by the present criteria; None if it was not made yet."""
        known = self._ranked.get(name)
        is_present = known is not None and self._source.candidates.get(name) is known.candidates
        return known if is_present else None

    def _ranking_of(self, name: str) -> _Ranking | None:
        candidates, last = self._source.candidates.get(name), self._last
        if candidates is None:
            return None
        if last is None or last.candidates is not candidates or last.criteria != self._basis:
            last = self._rank(name)
            self._last = last or self._last
        return last

    def _rank(self, name: str) -> _Ranking | None:
        """The ranking of a micrograph's candidates; None if they can't be read any more."""
        candidates, criteria = self._source.candidates[name], self._basis
        try:
            picks = criteria.of_ranking.picks_of(candidates)
        except InputError as error:
            self._source.lose_candidates(name, str(error))
            return None
        assert picks.scores is not None
        shift = criteria.shift_on(picks)
        self._ranked[name] = _Known(candidates, np.ascontiguousarray(picks.scores[::-1]), shift)
        return _Ranking(candidates, criteria, picks, shift)
