"""Starts, follows and stops the scoring of micrographs, whichever docks are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any

import numpy as np

from napari_deepem.controllers.wording import time_left
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.core.types import Micrograph
from napari_deepem.session import Scored, Session, jobs
from napari_deepem.session.readiness import why_not_score

SEEN_S = 0.2  # between two changes of what is shown of a job


class Scoring:
    """The scoring of one session's micrographs; one after the other."""

    def __init__(
        self,
        session: Session,
        looked_at: Callable[[], tuple[float, float] | None] = lambda: None,
    ) -> None:
        self._session = session
        self._looked_at = looked_at  # (row, col) on the current micrograph, original pixels
        self._scoring: RunningJob | None = None
        self._all: list[str] = []  # what is being scored
        self._remarks: list[str] = []  # on them
        self._problems, self._started, self._told = 0, 0.0, 0.0  # the times: monotonic seconds
        session.events.model.connect(self._on_model)

    def score(self, names: Sequence[str]) -> None:
        """Score these micrographs one after the other, or say what is missing.

        Of several, those that are scored already are left out, so that one may stop and go on.
        """
        session = self._session
        if session.scoring.running:
            return
        if why_not := why_not_score(session, names):
            session.scoring.message = why_not
            return
        done = session.scored if len(names) == 1 else session.candidates
        self._all = [name for name in names if name not in done and name not in session.excluded]
        self._remarks, self._problems, self._started = [], 0, monotonic()
        self._score_next(0)

    def cancel(self) -> None:
        """Stop scoring after the tile that is running; what is scored is kept."""
        if self._scoring is not None and self._session.scoring.running:
            self._scoring.cancel()
            self._session.scoring.message = "Stopping after this tile ..."

    def _score_next(self, number: int) -> None:
        """Score this one of them and go on; remarks are told when all is done."""
        session, count = self._session, len(self._all)
        while number < count and self._all[number] not in session.names:  # closed meanwhile
            number += 1
        if number >= count:
            more = f" (and {len(self._remarks) - 1} more)" if len(self._remarks) > 1 else ""
            return session.scoring.end("".join(self._remarks[:1]) + more)
        name, model = self._all[number], session.model
        micrograph, path = session.micrographs.get(name), session.files.get(name)
        if not session.scoring.running:
            session.scoring.begin("")
        session.scoring.message = f"Scoring {name}{self._progress(number)} ..."
        first_yx = self._looked_at() if name == session.current else None
        self._scoring = run(
            partial(jobs.score_of_series, name, micrograph, path, model, session.folder, first_yx),
            on_progress=partial(self._on_tile, number),
            on_result=partial(self._on_scored, number),
            on_failed=partial(self._on_failed, number),
            on_cancelled=partial(self._on_dropped, number, model),
            owner=session,
            is_wanted=lambda: (
                session.model is model
                and session.files.get(name) == path
                and (path is not None or session.micrographs.get(name) is micrograph)
            ),
        )

    def _progress(self, number: int) -> str:
        """Say where among several we are, and how long it will take."""
        count = len(self._all)
        if count == 1:
            return ""
        text = f" ({number + 1} of {count}"
        if number:
            text += time_left(number + 1, count + 1, monotonic() - self._started)
        return text + ")"

    def _on_tile(self, number: int, tiles: Any) -> None:
        """Tell how far it is, as often as one can see: each time the window is drawn."""
        now = monotonic()
        if tiles.done > 1 and now - self._told < SEEN_S:
            return
        self._told = now
        self._session.scoring.total = tiles.total * len(self._all)
        self._session.scoring.done = tiles.total * number + tiles.done
        if tiles.so_far is not None and self._all[number] == self._session.current:
            self._session.scored_so_far = self._all[number], tiles.so_far

    def _on_scored(self, number: int, scored: Scored) -> None:
        session, name = self._session, self._all[number]
        session.scored_so_far = None
        here = session.micrographs.get(name)
        if here is not None and not _same_pixels(here, scored.micrograph):
            return self._score_next(number)  # as it is now
        if here is not None:
            session.scored = {**session.scored, name: replace(scored, micrograph=here)}
        else:
            session.candidates = {**session.candidates, name: scored.candidates}
        if (remark := jobs.remark_on(scored)) is not None:
            self._remarks.append(remark)
        self._score_next(number + 1)

    def _on_failed(self, number: int, error: Exception) -> None:
        """Note it and go on; only the first of many is reported."""
        name, self._problems = self._all[number], self._problems + 1
        self._session.scored_so_far = None
        problem = report(error) if self._problems == 1 else str(error)
        self._session.problems = {**self._session.problems, name: problem}
        self._remarks.append(problem)
        self._score_next(number + 1)

    def _on_model(self) -> None:
        """Stop: what the model before sees is not to be shown any more."""
        self._session.scored_so_far = None
        self.cancel()

    def _on_dropped(self, number: int, model: Any) -> None:
        """Go on where only the micrograph was closed or changed meanwhile."""
        self._session.scored_so_far = None
        cancelled = self._scoring is not None and self._scoring.cancelled
        if cancelled or self._session.model is not model:
            many = len(self._all) > 1
            done = f"Stopped: {number} of {len(self._all)} are done." if many else "Cancelled."
            return self._session.scoring.end(done)
        self._score_next(number + 1)


def _same_pixels(one: Micrograph, other: Micrograph) -> bool:
    return one is other or np.array_equal(one.image, other.image)
