"""The long jobs of a session as bars in napari's activity area."""

from __future__ import annotations

from napari.utils import progress
from qtpy.QtCore import QTimer

from napari_deepem.session import Activity, Session

DELAY_MS = 300  # what is done sooner is not shown, and nothing is shown more often


class ProgressBars:
    """The bars of a session, one for each job that is running; there are none without a window."""

    def __init__(self, session: Session) -> None:
        self._bars = [
            _ProgressBar("Training", session.training),
            _ProgressBar("Proposing", session.proposing),
            _ProgressBar("Scoring", session.scoring),
            _ProgressBar("Opening", session.opening),
            _ProgressBar("Exporting", session.exporting),
        ]

    def open(self) -> None:
        """Show the jobs that are running, and those to come."""
        for bar in self._bars:
            bar.open()

    def close(self) -> None:
        """Show no jobs any more."""
        for bar in self._bars:
            bar.close()


class _ProgressBar:
    """The bar of one activity, a moment behind it.

    napari lets Qt handle what is waiting whenever a bar changes. So that it does not do so in the
    middle of what somebody does with the session, bars change in a moment of their own.
    """

    def __init__(self, title: str, activity: Activity) -> None:
        self._title, self._activity = title, activity
        self._bar: progress | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._show)
        self._is_open = self._is_changing = False

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
        if self._is_changing:  # this came while a bar was changed
            return self._wait()
        self._is_changing = True
        try:
            self._update()
        finally:
            self._is_changing = False

    def _update(self) -> None:
        activity = self._activity
        if not activity.running:
            return self._end()
        if self._bar is None or self._bar.disable:  # napari ends it with any of its windows
            bar = progress(desc=self._title, total=activity.total)
            if not self._is_open:  # the window was closed meanwhile
                return bar.close()
            self._bar = bar
        bar, done = self._bar, activity.done
        if bar.total != activity.total:
            bar.total = activity.total
        if bar.n != done:
            bar.update(done - bar.n)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
