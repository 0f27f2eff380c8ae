"""How long a job still takes, as its message says it: from the first second, without jumping."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from time import monotonic

FIRST_S = 0.5  # of work, before anything is told
TOLD_LONGER = 1.25  # times what was told before: below that what was told stays


class TimeLeft:
    """An estimate of the time that a job still takes, from when it is made.

    What is told falls as time goes by; it rises only where it was off by a quarter.

    Parameters
    ----------
    now : callable
        The time, seconds.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now, self._started_at = now, now()
        self._told: float | None = None  # seconds

    def after(self, done: float, total: float) -> str:
        """The end of a message: how long the rest takes after `done` of `total`; empty if unknown.

        The rest is taken to be as quick as what is done.
        """
        seconds = self._now() - self._started_at
        if not 0 < done < total or seconds < FIRST_S:
            return ""
        left = rounded_up(seconds / done * (total - done))
        if self._told is None or left < self._told or left > TOLD_LONGER * self._told:
            self._told = left
        return f", about {in_words(self._told)} left"


def rounded_up(seconds: float) -> float:
    """Seconds as one would say them: by one, then by five, by minutes, by half hours."""
    for most, unit in ((10, 1), (90, 5), (5400, 60)):
        if seconds <= most:
            return ceil(seconds / unit) * unit
    return ceil(seconds / 1800) * 1800


def in_words(seconds: float) -> str:
    """Seconds that are rounded, such as "20 s", "3 min" or "2.5 h"."""
    if seconds <= 90:
        return f"{seconds:g} s"
    return f"{ceil(seconds / 60)} min" if seconds <= 5400 else f"{seconds / 3600:.2g} h"
