"""Thumbnails of the micrographs in sight, made one after the other in another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import takewhile
from typing import Any, TypeVar

from qtpy.QtCore import QTimer

from napari_deepem.controllers.workers import RunningJob, run
from napari_deepem.session import Session
from napari_deepem.session.series import thumbnails

T = TypeVar("T")
REST_MS = 120  # a list that is scrolling has to rest for as long before files are read


class Thumbnails:
    """The maker of thumbnails; only the last list that was asked for is read."""

    def __init__(self, session: Session, on_made: Callable[[str, Any], object]) -> None:
        self._session = session
        self._on_made = on_made
        self._made_names: set[str] = set()
        self._wanted_names: list[str] = []
        self._job: RunningJob | None = None
        self._stop = threading.Event()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._begin)

    def want(self, names: Sequence[str]) -> None:
        """Make thumbnails of the micrographs of these names, and of no others."""
        self._wanted_names = list(names)
        self._timer.start(REST_MS)

    def forget(self) -> None:
        """Forget which thumbnails were made: there are other files."""
        self._made_names.clear()

    def stop(self) -> None:
        """Make no more thumbnails."""
        self._wanted_names = []
        if self._job is not None:
            self._job.drop()

    def _begin(self) -> None:
        if self._job is not None:
            self._stop.set()
            return  # goes on from there when that one has ended: one file is read at a time
        files, micrographs = self._session.files, self._session.micrographs
        sources = {
            name: micrographs.get(name) or files.get(name)
            for name in self._wanted_names
            if name not in self._made_names and (name in files or name in micrographs)
        }
        if sources:
            self._stop = stop = threading.Event()
            self._job = run(
                lambda: _until(stop, thumbnails(sources)),
                on_progress=self._deliver,
                on_result=lambda _: self._on_end(),
                on_failed=lambda _: self._on_end(),
            )

    def _deliver(self, thumbnail: tuple[str, Any]) -> None:
        name, picture = thumbnail
        self._made_names.add(name)
        if picture is not None:
            self._on_made(name, picture)

    def _on_end(self) -> None:
        self._job = None
        if self._stop.is_set():
            self._begin()


def _until(stop: threading.Event, steps: Iterator[T]) -> Generator[T, None, None]:
    """A stream of steps, as far as they come before it is asked to stop."""
    yield from takewhile(lambda _: not stop.is_set(), steps)
