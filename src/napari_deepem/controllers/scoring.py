"""The scoring of a session's micrographs, whichever docks are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from napari_deepem.controllers.time_left import TimeLeft
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.session import Session
from napari_deepem.session.readiness import why_not_score
from napari_deepem.session.series_scoring import SeriesScoring

REDRAW_S = 0.2  # between two changes of the scores that are shown of a job


class Scoring:
    """The scoring of one session's micrographs, one after the other: started, followed, stopped."""

    def __init__(
        self,
        session: Session,
        view_centre_yx: Callable[[], tuple[float, float] | None] = lambda: None,
    ) -> None:
        self._session = session
        self._view_centre_yx = view_centre_yx  # on the current micrograph, original pixels
        self._series = SeriesScoring(session, [])
        self._job: RunningJob | None = None
        self._time_left, self._drawn_at = TimeLeft(), 0.0  # monotonic seconds
        session.events.model.connect(self._on_model)

    def score(self, names: Sequence[str]) -> None:
        """Score micrographs one after the other, or say why not."""
        session = self._session
        if session.scoring.running:
            return
        if why_not := why_not_score(session, names):
            session.scoring.message = why_not
            return
        self._series, self._time_left = SeriesScoring(session, names), TimeLeft()
        self._go_on()

    def cancel(self) -> None:
        """Stop scoring; scores so far are kept."""
        if self._job is not None and self._session.scoring.running:
            self._job.cancel()

    def _go_on(self) -> None:
        """Score the next micrograph; remarks are told when all are done."""
        activity, series = self._session.scoring, self._series
        job = series.next(self._view_centre_yx())
        if job is None:
            return activity.end(series.run.summary)
        if activity.running:
            activity.message = self._message()
        else:
            activity.begin(self._message())
        self._job = run(
            job.steps,
            on_progress=self._on_tile,
            on_result=self._on_scored,
            on_failed=self._on_failed,
            on_cancelled=self._on_dropped,
            owner=self._session,
            is_wanted=job.is_wanted,
        )

    def _message(self) -> str:
        """What is scored, its place among several, and how long all of the rest takes."""
        run, activity = self._series.run, self._session.scoring
        name, count = run.names[run.over], len(run.names)
        place = f" ({run.over + 1} of {count})" if count > 1 else ""
        left = self._time_left.after(activity.done, activity.total) if activity.running else ""
        return f"Scoring {name}{place}{left or ' ...'}"

    def _on_tile(self, tiles: Any) -> None:
        """Show how far scoring is, as often as one can see: each time the window is drawn."""
        now = monotonic()
        if tiles.done == 1 or now - self._drawn_at >= REDRAW_S:
            self._drawn_at = now
            self._series.show(tiles)
            self._session.scoring.message = self._message()

    def _on_scored(self, scores: Any) -> None:
        self._series.take(scores)
        self._go_on()

    def _on_failed(self, error: Exception) -> None:
        """Note an error and go on; only the first of many is reported."""
        self._series.fail(str(error) if self._series.run.problems else report(error))
        self._go_on()

    def _on_model(self) -> None:
        """Stop scoring: the scores of the model before are not to be shown any more."""
        self._session.scored_so_far = None
        self.cancel()

    def _on_dropped(self) -> None:
        """Go on with the next one if only the micrograph was closed or changed meanwhile."""
        done, count = self._series.run.over, len(self._series.run.names)
        cancelled = self._job is not None and self._job.cancelled
        if not self._series.drop() or cancelled:
            text = f"Stopped: {done} of {count} are done." if count > 1 else "Cancelled."
            return self._session.scoring.end(text)
        self._go_on()
