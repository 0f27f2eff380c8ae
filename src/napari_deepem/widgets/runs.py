"""Starts, follows and stops the long jobs of a session, whichever docks are open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_deepem.session import Activity, Scored, Session, jobs
from napari_deepem.widgets.workers import Run, report, run


class Runs:
    """The jobs of one session; at most one of a kind at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._training: Run | None = None
        self._scoring: Run | None = None

    def train(self) -> None:
        """Start training, or say what is missing."""
        session = self._session
        if session.training.running:
            return
        if missing := session.missing_for_training():
            session.training.message = missing
            return
        _begin(session.training, session.epochs, "Cutting boxes ...")
        session.history = ()
        self._training = run(
            jobs.training(session),
            on_progress=self._on_epoch,
            on_result=self._on_trained,
            on_failed=partial(_fail, session.training),
            on_cancelled=partial(_end, session.training, "Cancelled. The model is as before."),
        )

    def cancel_training(self) -> None:
        """Stop training after the epoch that is running."""
        if self._training is not None and self._session.training.running:
            self._training.cancel()
            self._session.training.message = "Stopping after this epoch ..."

    def load(self, path: Path) -> None:
        """Load a model file into the session."""
        activity = self._session.training
        _begin(activity, 0, f"Loading {path.name} ...")
        run(
            partial(jobs.load, path),
            on_progress=lambda _: None,
            on_result=partial(self._on_loaded, path),
            on_failed=partial(_fail, activity),
        )

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
            return _end(session.scoring, "".join(remarks[:1]) + more)
        name, *rest = names
        micrograph, model = session.micrographs[name], session.model
        _begin(session.scoring, 0, f"Scoring {name} ...")
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

    def _on_epoch(self, epoch: Any) -> None:
        session = self._session
        session.history = (*session.history, epoch)
        session.training.total = epoch.epochs
        session.training.done = epoch.epoch
        session.training.message = f"Epoch {epoch.epoch} of {epoch.epochs}"

    def _on_trained(self, model: Any) -> None:
        _end(self._session.training, "Trained: go on in the Pick dock.")
        self._session.model = model

    def _on_loaded(self, path: Path, model: Any) -> None:
        _end(self._session.training, f"Loaded {path.name}: go on in the Pick dock.")
        self._session.history = ()
        self._session.model = model

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
            return _end(self._session.scoring, "Cancelled.")
        self._score_next(rest, remarks)


def _begin(activity: Activity, total: int, message: str) -> None:
    activity.done, activity.total, activity.message = 0, total, message
    activity.running = True


def _end(activity: Activity, message: str) -> None:
    activity.message = message
    activity.running = False


def _fail(activity: Activity, error: Exception) -> None:
    _end(activity, report(error))
