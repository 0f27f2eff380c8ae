"""The beat of the window's loop of events, by which other threads can tell that it is busy."""

from __future__ import annotations

from time import perf_counter

from qtpy.QtCore import QTimer

BEAT_MS = 10
LATE_S = 0.02  # from then on the window's thread is at something
BLOCKED_S = 0.25  # from then on it may well wait for who asks, or there is no loop


class WindowBeat:
    """A timer that beats as long as somebody wants to know."""

    def __init__(self) -> None:
        self._last = 0.0
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Beat."""
        self._beat()
        self._timer.start(BEAT_MS)

    def end(self) -> None:
        """Beat no more."""
        self._timer.stop()

    def is_late(self) -> bool:
        """Whether the window's thread is at something that should not be held up; in any thread."""
        return LATE_S < perf_counter() - self._last < BLOCKED_S

    def _beat(self) -> None:
        self._last = perf_counter()
