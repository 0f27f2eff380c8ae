"""Pieces of work of the window's thread, one in each turn of its loop of events.

What is asked for at once would hold the window up for as long as all of it takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QTimer

NEXT_TURN_MS = 1  # at 0 Qt calls in the same turn, if there is something else in it


class Turns:
    """Pieces of work that wait for their turns, in their order."""

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted  # False: what waits comes to nothing
        self._waiting: deque[Callable[[], object]] = deque()

    def add(self, piece: Callable[[], object]) -> None:
        """Do a piece in a turn of its own, after all that wait."""
        self._waiting.append(piece)
        if len(self._waiting) == 1:
            QTimer.singleShot(NEXT_TURN_MS, self._take)

    def _take(self) -> None:
        try:
            if self._is_wanted():
                self._waiting[0]()
        finally:  # the others get their turns, too, where one fails
            self._waiting.popleft()
            if self._waiting:
                QTimer.singleShot(NEXT_TURN_MS, self._take)
