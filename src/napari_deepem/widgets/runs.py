"""Starts, follows and stops the long jobs of a session, whichever docks are open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from napari_deepem.session import Scored, Session, jobs
from napari_deepem.widgets.trainings import Trainings, begin, end
from napari_deepem.widgets.workers import Run, report, run


class Runs:
    """The jobs of one session; at most one of a kind at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.trainings = Trainings(session)
        self._scoring: Run | None = None

    def score(self, names: Sequence[str]) -> None:
        """Score these micrographs one after the other, or say what is missing."""
        session = self._session
        if session.scoring.running:
            return
        if missing := session.missing_for_scoring():
            session.scoring.message = missing
            return
        self._score_next([name for name in names if name not in session.scored], [])

    def cancel_scoring(self) -> None:
        """Stop scoring after the tile that is running."""
        if self._scoring is not None and self._session.scoring.running:
            self._scoring.cancel()
            self._session.scoring.message = "Stopping after this tile ..."

    def _score_next(self, names: list[str], remarks: list[str]) -> None:
        """Score the first of these micrographs and go on; remarks are told when all is done."""
        session = self._session
        names = [name for name in names if name in session.micrographs]
        if not names:
            more = f" (and {len(remarks) - 1} more)" if len(remarks) > 1 else ""
            return end(session.scoring, "".join(remarks[:1]) + more)
        name, *rest = names
        micrograph, model = session.micrographs[name], session.model
        begin(session.scoring, f"Scoring {name} ...")
        self._scoring = run(
            partial(jobs.score, micrograph, model),
            on_progress=self._on_tile,
            on_result=partial(self._on_scored, name, rest, remarks),
            on_failed=lambda error: self._score_next(rest, [*remarks, report(error)]),
            on_cancelled=partial(self._on_dropped, rest, remarks, model),
            is_wanted=lambda: (
                session.model is model and session.micrographs.get(name) is micrograph
            ),
        )

    def _on_tile(self, tiles: Any) -> None:
        self._session.scoring.total = tiles.total
        self._session.scoring.done = tiles.done

    def _on_scored(self, name: str, rest: list[str], remarks: list[str], scored: Scored) -> None:
        self._session.scored = {**self._session.scored, name: scored}
        remark = jobs.remark_on(scored)
        self._score_next(rest, remarks if remark is None else [*remarks, remark])

    def _on_dropped(self, rest: list[str], remarks: list[str], model: Any) -> None:
        """Go on where only the micrograph was closed or changed meanwhile."""
        cancelled = self._scoring is not None and self._scoring.cancelled
        if cancelled or self._session.model is not model:
            return end(self._session.scoring, "Cancelled.")
        self._score_next(rest, remarks)
