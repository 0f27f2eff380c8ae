"""Small jobs that follow what the user does: they run a moment later, one at a time, if seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_deepem.controllers.in_sight import is_in_sight
from napari_deepem.controllers.workers import Job, report, run
from napari_deepem.core.errors import InputError

DELAY_MS = 300  # after the last change: a user who clicks on is not done


class DebouncedJob(QObject):
    """A job that keeps something up to date in another thread while its widget is in sight.

    Parameters
    ----------
    widget : QWidget
        While it is hidden nothing runs; when it is shown, what was asked meanwhile runs.
    job_of : callable
        Makes the job of the present state, on the main thread; None where there is nothing to do.
    on_result : callable
        Gets what the job returns, unless something else was asked since.
    on_input_error : callable
        Gets the line of an `InputError`; any other error is reported.
    on_progress : callable
        Gets what the job yields.
    delay_ms : int
        The time from the last asking until it runs.
    """

    def __init__(
        self,
        widget: QWidget,
        job_of: Callable[[], Job | None],
        on_result: Callable[[Any], object],
        on_input_error: Callable[[str], object] = lambda _: None,
        on_progress: Callable[[Any], object] = lambda _: None,
        delay_ms: int = DELAY_MS,
    ) -> None:
        super().__init__(widget)
        self._widget, self._job_of = widget, job_of
        self._on_result, self._on_input_error = on_result, on_input_error
        self._on_progress = on_progress
        self._is_wanted = self._is_running = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._start)
        widget.installEventFilter(self)
        self._alive = [True]  # the job may outlast the widget
        widget.destroyed.connect(self._alive.clear)

    def ask(self) -> None:
        """Ask for a run of the job, soon."""
        self._is_wanted = True
        self._timer.start()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Run the job that was asked for while the widget was hidden."""
        is_seen = event is not None and event.type() in (QEvent.Type.Show, QEvent.Type.Paint)
        if is_seen and self._is_wanted and not self._timer.isActive():
            self._timer.start()
        return False

    def _start(self) -> None:
        if self._is_running or not self._is_wanted or not is_in_sight(self._widget):
            return
        self._is_wanted = False
        job = self._job_of()
        if job is None:
            return
        self._is_running = True
        run(
            job,
            on_progress=self._pass_on,
            on_result=self._finish,
            on_failed=self._fail,
            on_cancelled=self._go_on,
            is_wanted=lambda: bool(self._alive) and not self._is_wanted,
        )

    def _pass_on(self, progress: Any) -> None:
        if self._alive:
            self._on_progress(progress)

    def _finish(self, result: Any) -> None:
        self._on_result(result)
        self._go_on()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, InputError):
            if self._alive:
                self._on_input_error(str(error))
        else:
            report(error)
        self._go_on()

    def _go_on(self) -> None:
        self._is_running = False
        if self._alive and self._is_wanted:
            self._timer.start()
