"""Shows the long jobs of a session in napari's activity area."""

from __future__ import annotations

from napari.utils import progress
from qtpy.QtCore import QTimer

from napari_deepem.session import Activity, Session

DELAY_MS = 300  # what is done sooner is not shown, and nothing is shown more often


class ProgressBars:
    """One bar for each job that is running; there are none without a window."""

    def __init__(self, session: Session) -> None:
        self._bars = [
            _ProgressBar("Training", session.training),
            _ProgressBar("Scoring", session.scoring),
            _ProgressBar("Opening", session.opening),
            _ProgressBar("Exporting", session.exporting),
        ]

    def open(self) -> None:
        """Show what is running, and what will be."""
        for bar in self._bars:
            bar.open()

    def close(self) -> None:
        """Show nothing any more."""
        for bar in self._bars:
            bar.close()


class _ProgressBar:
    """Follows one activity, a moment behind.

    napari lets Qt handle what is waiting whenever a bar changes. So that it does not do so in the
    middle of what somebody does with the session, bars change in a moment of their own.
    """

    def __init__(self, title: str, activity: Activity) -> None:
        self._title, self._activity = title, activity
        self._shown: progress | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._show)
        self._is_open = self._showing = False

    def open(self) -> None:
        self._is_open = True
        for name in ("running", "done", "total"):
            self._activity.events[name].connect(self._wait)
        self._wait()

    def close(self) -> None:
        self._is_open = False
        for name in ("running", "done", "total"):
            self._activity.events[name].disconnect(self._wait, missing_ok=True)
        self._timer.stop()
        self._end()

    def _wait(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _show(self) -> None:
        if self._showing:  # this came while a bar was changed
            return self._wait()
        self._showing = True
        try:
            self._update()
        finally:
            self._showing = False

    def _update(self) -> None:
        activity = self._activity
        if not activity.running:
            return self._end()
        if self._shown is None or self._shown.disable:  # napari ends it with any of its windows
            made = progress(desc=self._title, total=activity.total)
            if not self._is_open:  # the window was closed meanwhile
                return made.close()
            self._shown = made
        shown, done = self._shown, activity.done
        if shown.total != activity.total:
            shown.total = activity.total
        if shown.n != done:
            shown.update(done - shown.n)

    def _end(self) -> None:
        if self._shown is not None:
            self._shown.close()
            self._shown = None
