"""The session file of the series that is open: written in another thread, soon after a change."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.session import Session
from napari_deepem.session.kept import Replaced, SessionFile, moved_home
from napari_deepem.session.open_folder import Opened
from napari_deepem.session.persistence import (
    Snapshot,
    Stored,
    changes,
    differ,
    held_by,
    saved,
    snapshot,
    to_keep,
)

DELAY_MS = 1000  # from a change until it is written


class SeriesFile:
    """The folder that is open, with its session file, and what of the session is in that."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.opened: Opened | None = None  # with the file that is written
        self.is_moving = False  # what is kept at home may be joined to the folder just now
        self.problem = ""  # why the last change is not saved
        self.changed = SignalInstance((), name="changed")  # written, or not
        self._saved = Snapshot()
        self._writing = False
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._save)
        session.events.connect(self.on_change)
        session.display.events.connect(self.on_change)

    @property
    def file(self) -> SessionFile | None:
        """The file; None where no folder is open, or nothing is saved."""
        return None if self.opened is None else self.opened.file

    @property
    def path(self) -> Path | None:
        """The path of the file; None if there is none."""
        return None if self.file is None else self.file.path

    def take(self, opened: Opened) -> None:
        """Save into another folder's file, from which the session was just restored."""
        self.opened, self._saved = opened, held_by(opened, self._session)
        self.problem = ""

    def close(self) -> None:
        """Write what has not been written yet, and let others open the file."""
        self._timer.stop()
        try:
            if (file := self.file) is not None:
                file.close(self.unsaved(file.path.parent))
        except Replaced as error:
            self._go_home(error).close()
        finally:
            self.opened = None

    def unsaved(self, folder: Path) -> Stored:
        """What a session file in a folder still lacks."""
        return changes(self._saved, snapshot(self._session), folder)

    def write_now(self) -> None:
        """Write what has not been written yet, on this thread; InputError if that can't be."""
        file, current = self.file, snapshot(self._session)
        if file is None:
            return
        try:
            file.write(changes(self._saved, current, file.path.parent))
            self._saved = saved(self._saved, current)
            self._tell_remark()
        except Replaced as error:
            self._go_home(error)

    def count_as_saved(self) -> None:
        """Take the session as it is for what is in the file."""
        self._saved = snapshot(self._session)

    def count_model_as_saved(self) -> None:
        """Take the model and candidates, which were just restored, for those in the file."""
        current = snapshot(self._session)
        self._saved = replace(self._saved, candidates=current.candidates, model=current.model)

    def lose_candidates(self, stored: Stored) -> None:
        """Let the file forget its model's candidates, which are not those of the session."""
        in_file = to_keep(stored.candidates)
        self._saved = replace(self._saved, candidates={**in_file, **self._saved.candidates})
        self.on_change()

    def on_change(self) -> None:
        """Write soon: not put off by further changes."""
        if self.file is not None and not self._timer.isActive():
            self._timer.start(DELAY_MS)

    def _save(self) -> None:
        if self.is_moving:  # into which file is not known yet
            return self.on_change()
        file, current = self.file, snapshot(self._session)
        if file is None or self._writing or not differ(self._saved, current):
            return
        self._writing = True
        before = self._saved

        def job() -> Generator[None, None, Snapshot]:
            yield
            file.write(changes(before, current, file.path.parent))
            return saved(before, current)

        run(
            job,
            on_progress=lambda _: None,
            on_result=self._on_saved,
            on_failed=self._on_not_saved,
            on_cancelled=partial(self._on_saved, None),
            is_wanted=lambda: self.file is file,
            owner=self._session,
        )

    def _on_saved(self, content: Snapshot | None) -> None:
        self._writing = False
        if content is not None:
            self._saved = content
            self.problem = ""
            self._tell_remark()
            self.changed.emit()
        self.on_change()  # what has changed meanwhile

    def _tell_remark(self) -> None:
        if self.file is not None and (remark := self.file.take_remark()):
            show_warning(remark)

    def _go_home(self, error: Replaced) -> SessionFile:
        """The file at home that holds the session from now on, all of it.

        The one in its folder is left as another program has made it.
        """
        opened, current = self.opened, snapshot(self._session)
        assert opened is not None
        # a run has its own model on record, and what that has scored
        nothing = Snapshot(model=current.model if current.run else None)
        kept = moved_home(opened.kept, opened.source, partial(changes, nothing, current), error)
        assert kept.file is not None
        self.opened, self._saved, self.problem = replace(opened, kept=kept), current, ""
        show_warning(kept.remark)
        self.changed.emit()
        return kept.file

    def _on_not_saved(self, error: Exception) -> None:
        self._writing = False
        if isinstance(error, Replaced):
            try:
                if error.path == self.path:
                    self._go_home(error)
                return
            except InputError as no_home:
                error = no_home
        if str(error) != self.problem:
            self.problem = report(error)
            self.changed.emit()
        self.on_change()
