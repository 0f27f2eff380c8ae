"""A probe of a window's loop of events: how long its turns take, and what held up the long ones.

A timer beats as often as the loop lets it; the time from one beat to the next is a turn. A thread
looks at what the others are at while a beat is overdue, by which the culprit of a stall is told.
"""

from __future__ import annotations

import faulthandler
import itertools
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEAT_MS = 5
OVERDUE_MS = 30  # from then on it is looked at what goes on
STALL_MS = 100
LONG_S = 900.0
OURS = "napari_deepem"
HERE = Path(__file__).resolve().parent
IDLE = ("threading.py", "selectors.py", "queue.py", "thread.py")  # where threads wait for work

Call = tuple[Path, str]  # a function of a file


@dataclass(frozen=True, eq=False, slots=True)
class Stall:
    """A turn of more than `STALL_MS`."""

    turn: float  # milliseconds
    worked: float  # of them, by the window's thread
    culprit: str


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """The turns of one step of a story."""

    name: str
    turns: NDArray[np.float64]  # (n,) milliseconds between two beats
    worked: NDArray[np.float64]  # (n,) milliseconds of a processor that the window's thread took
    stalls: list[Stall]  # the longest first

    def figures(self) -> dict[str, Any]:
        """Milliseconds and numbers, as they are told."""
        return {
            "turns": len(self.turns),
            "99th percentile": _ms(np.quantile(self.turns, 0.99)),
            "longest": _ms(self.turns.max()),
            "99th percentile, of a processor": _ms(np.quantile(self.worked, 0.99)),
            "longest, of a processor": _ms(self.worked.max()),
            "stalls": [f"{_ms(s.turn)} / {_ms(s.worked)}: {s.culprit}" for s in self.stalls],
        }


class Probe:
    """Beats in the window's loop of events, and tells of each step of a story."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt

        self.steps: list[Step] = []
        self._beats: list[tuple[float, float]] = []  # when, and what the thread had worked by then
        self._looks: list[tuple[float, str]] = []  # when, and what went on
        self._window_thread = threading.get_ident()
        self._ended = threading.Event()
        self._timer = self.every(BEAT_MS, self._beat)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat()
        threading.Thread(target=self._watch, daemon=True).start()

    def every(self, milliseconds: int, callback: Callable[[], object]) -> Any:
        """A timer that calls again and again."""
        from qtpy.QtCore import QTimer

        timer = QTimer()
        timer.timeout.connect(callback)
        timer.start(milliseconds)
        return timer

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step of the story: what the beats tell from here to its end."""
        self._beats, self._looks = self._beats[-1:], []
        self._beat()
        yield
        self.rest(0.05)  # whatever it held up has come by then
        beats = np.array(self._beats)
        turns, worked = (1000 * np.diff(axis) for axis in beats.T)
        stalls = []
        for row in np.argsort(-turns)[: (turns > STALL_MS).sum()]:
            start, end = beats[row : row + 2, 0]
            looks = [what for when, what in self._looks if start < when < end]
            stalls.append(Stall(turns[row], worked[row], _most_seen(looks)))
        self.steps.append(Step(name, turns, worked, stalls))

    def until(self, happened: Callable[[], bool]) -> None:
        """Let the window work until something has happened."""
        from qtpy.QtCore import QEventLoop, QTimer

        loop, end = QEventLoop(), time.monotonic() + LONG_S
        timer = self.every(20, lambda: loop.quit() if happened() else None)
        QTimer.singleShot(int(1000 * LONG_S), loop.quit)
        loop.exec()
        timer.stop()
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")

    def rest(self, seconds: float = 1.0) -> None:
        """Let the window come to rest."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def end(self) -> None:
        """Beat no more."""
        self._timer.stop()
        self._ended.set()

    def _beat(self) -> None:
        self._beats.append((time.perf_counter(), time.thread_time()))

    def _watch(self) -> None:
        """Look at all threads while a beat is overdue.

        What faulthandler writes holds on to no frame: a painter in one that outlived its function
        would bring Qt down.
        """
        with tempfile.TemporaryFile("w+") as file:
            while not self._ended.wait(BEAT_MS / 1000):
                now = time.perf_counter()
                if now - self._beats[-1][0] > OVERDUE_MS / 1000:
                    file.seek(0)
                    file.truncate()
                    faulthandler.dump_traceback(file, all_threads=True)
                    file.seek(0)
                    self._looks.append((now, _told(file.read(), self._window_thread)))


def _most_seen(looks: list[str]) -> str:
    """What was seen most often: the first part, and the second where that was the same as well."""
    if not looks:
        return "not seen: every thread stood still"
    for seen in (looks, [what.split(" .. ")[0] for what in looks]):
        ((what, count),) = Counter(seen).most_common(1)
        if count > 0.5 * len(seen):
            break
    return what if count > 0.9 * len(looks) else f"{what} ({count / len(looks):.0%})"


def _told(traces: str, window_thread: int) -> str:
    """What the window's thread is at; where it waits, what other threads are at."""
    stacks = {}
    for trace in traces.split("\n\n"):
        head, *lines = trace.strip().splitlines()
        if head.startswith("Thread"):
            stacks[int(head.split()[1], 16)] = _calls(lines)
    window = stacks.pop(window_thread, [])
    if window:
        return _at(window)
    busy = sorted(filter(None, (_at(calls) for calls in stacks.values())))
    return f"Qt, or waits for: {', '.join(busy) or 'nobody'}"


def _calls(lines: list[str]) -> list[Call]:
    """(file, function) of each call below us, the innermost first."""
    found = re.findall(r'File "(.*)", line \d+ in (.*)', "\n".join(lines))
    calls = [(Path(file), function) for file, function in found if os.sep in file]
    return list(itertools.takewhile(lambda call: call[0].parent != HERE, calls))


def _at(calls: list[Call]) -> str:
    """Where a thread is: the innermost of our functions, and what it has called or imports.

    Empty for a thread that waits for work.
    """
    if not calls or calls[0][0].name in IDLE:
        return ""
    modules = [_module(file) for file, function in calls if function == "<module>"]
    if modules:
        return f"import of {modules[-1]}" + (f" .. {modules[0]}" if len(modules) > 1 else "")
    ours = next((row for row, (file, _) in enumerate(calls) if OURS in file.parts), None)
    if ours is None:
        inside = [call for call in calls if call[0].stem != "qt_main_window"] or calls
        return f"napari: {_place(inside[-1])} .. {_place(inside[0])}"
    called = calls[max(0, ours - 1)]
    return _place(calls[ours]) + (f" > {_place(called)}" if ours else "")


def _place(call: Call) -> str:
    return f"{call[0].stem}.{call[1]}"


def _module(file: Path) -> str:
    """The name of a module by its file: its package, and its own."""
    return file.parent.name if file.stem == "__init__" else f"{file.parent.name}.{file.stem}"


def _ms(value: Any) -> float:
    return round(float(value), 1)
