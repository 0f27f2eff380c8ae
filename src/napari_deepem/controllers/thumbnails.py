"""Makes thumbnails of the micrographs that are in sight, one after the other, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QTimer

from napari_deepem.controllers.workers import RunningJob, run
from napari_deepem.session import Session
from napari_deepem.session.series import thumbnails

REST_MS = 120  # a list that is scrolling has to rest for as long before files are read


class Thumbnails:
    """The last list that was asked for counts: what has gone out of sight is not read."""

    def __init__(self, session: Session, on_made: Callable[[str, Any], object]) -> None:
        self._session = session
        self._on_made = on_made
        self._made: set[str] = set()
        self._wanted: list[str] = []
        self._run: RunningJob | None = None
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._begin)

    def want(self, names: Sequence[str]) -> None:
        """Make thumbnails of these, and of no others."""
        self._wanted = list(names)
        self._timer.start(REST_MS)

    def forget(self) -> None:
        """Make all of them again when they are wanted: there are other files."""
        self._made.clear()

    def stop(self) -> None:
        """Make no more."""
        self._wanted = []
        if self._run is not None:
            self._run.cancel()

    def _begin(self) -> None:
        if self._run is not None:
            self._run.cancel()
            return  # goes on from there when that one has stopped
        files, inside = self._session.files, self._session.micrographs
        wanted = {
            name: inside.get(name) or files.get(name)
            for name in self._wanted
            if name not in self._made and (name in files or name in inside)
        }
        if wanted:
            self._run = run(
                lambda: thumbnails(wanted),
                on_progress=self._deliver,
                on_result=lambda _: self._on_end(again=False),
                on_failed=lambda _: self._on_end(again=False),
                on_cancelled=lambda: self._on_end(again=True),
            )

    def _deliver(self, made: tuple[str, Any]) -> None:
        name, picture = made
        self._made.add(name)
        if picture is not None:
            self._on_made(name, picture)

    def _on_end(self, again: bool) -> None:
        self._run = None
        if again:
            self._begin()
