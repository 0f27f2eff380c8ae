"""What another window does with a folder, shown in this one as it is saved there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from qtpy.QtCore import QTimer

from napari_deepem.controllers.kept_model import load_kept_model
from napari_deepem.controllers.workers import report, run
from napari_deepem.session import Session
from napari_deepem.session.following import Seen, follow, looking
from napari_deepem.session.open_folder import Opened
from napari_deepem.session.persistence import restore_model

LOOK_MS = 1000  # from one look at the other window's file to the next
REST = 4  # times as long as a look took, at least


class Follower:
    """The following of one window until it is closed, or this one goes elsewhere."""

    def __init__(
        self, session: Session, opened: Opened, path: Path, on_free: Callable[[], object]
    ) -> None:
        self._session, self._opened, self._path = session, opened, path
        self._on_free = on_free
        self._seen = Seen(opened.stored)
        self._began = 0.0
        self._stopped = False
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._timer.start(LOOK_MS)

    def stop(self) -> None:
        """Follow no more."""
        self._stopped = True
        self._timer.stop()

    def _look(self) -> None:
        self._began = perf_counter()
        run(
            partial(looking, self._opened, self._path, self._seen),
            on_progress=lambda _: None,
            on_result=self._on_look,
            on_failed=self._on_failed,
            is_wanted=lambda: not self._stopped,
            owner=self._session,
        )

    def _on_look(self, seen: Seen) -> None:
        before, self._seen = self._seen, seen
        if seen.is_free:
            self.stop()
            self._on_free()
            return
        if seen is not before:
            self._show(before, seen)
        took_ms = 1000 * (perf_counter() - self._began)
        self._timer.start(max(LOOK_MS, round(REST * took_ms)))

    def _show(self, before: Seen, now: Seen) -> None:
        follow(self._session, before.stored, now.stored)
        content = now.stored.model
        if content == before.stored.model:
            return
        if not content:
            self._session.model = None
            return
        load_kept_model(
            self._session,
            self._opened,
            content,
            on_loaded=self._on_model,
            on_other=lambda: None,
            on_failed=report,
            is_wanted=lambda: not self._stopped and self._seen.stored.model == content,
        )

    def _on_model(self, model: Any) -> None:
        kept = replace(self._opened.kept, stored=self._seen.stored)
        restore_model(self._session, replace(self._opened, kept=kept), model)

    def _on_failed(self, error: Exception) -> None:
        report(error)
        self._timer.start(LOOK_MS)
