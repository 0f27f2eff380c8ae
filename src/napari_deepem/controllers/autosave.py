"""Opens folders of micrographs, and keeps what the user does with them in a session file."""

from __future__ import annotations

import weakref
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.session import Session
from napari_deepem.session.open_folder import Opened, loading, named_as_kept, opening
from napari_deepem.session.persistence import (
    Snapshot,
    changes,
    differ,
    held_by,
    restore,
    restore_model,
    snapshot,
)
from napari_deepem.session.readiness import why_not_open

DELAY_MS = 1000  # from a change until it is written


class Autosave:
    """The session file of one viewer: written in another thread, a second after each change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._opened: Opened | None = None  # with the file that is written
        self._saved = Snapshot()
        self._writing = False
        self._asked: Path | None = None  # the folder that is to be opened
        self.message = ""
        self.remark = ""  # why nothing is saved, or where it is
        self.changed = SignalInstance((), name="changed")
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._save)
        session.events.connect(self._on_change)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(partial(_close, weakref.ref(self)))

    def open_folder(self, folder: Path) -> None:
        """Open the micrographs of a folder as a series, and go on where the user was."""
        if why := why_not_open(self._session):
            return show_warning(why)
        busy, self._asked = self._asked is not None, folder
        self._tell(f"Opening {folder} ...", running=True)
        if not busy:  # one after the other: an open session file is locked
            self._open(folder)

    def _open(self, folder: Path) -> None:
        run(
            partial(opening, folder),
            on_progress=lambda _: None,
            on_result=partial(self._on_opened, folder),
            on_failed=partial(self._on_not_opened, folder),
            owner=self._session,
        )

    @property
    def path(self) -> Path | None:
        """The file in which the session is kept."""
        return None if self._file is None else self._file.path

    @property
    def _file(self) -> Any:
        return None if self._opened is None else self._opened.file

    def close(self) -> None:
        """Write what has not been written yet, and let others open the file."""
        file, self._opened = self._file, None
        self._timer.stop()
        if file is not None:
            file.close(changes(self._saved, snapshot(self._session), file.path.parent))

    def _on_opened(self, folder: Path, opened: Opened) -> None:
        why = why_not_open(self._session, opened.files)
        if self._asked != folder or why:
            if opened.file is not None:
                opened.file.close()
            return self._go_on(folder, why)
        if opened.file is None and self.path is not None and self.path.parent == opened.folder:
            self._asked = None
            names = {name: path.name for name, path in self._session.files.items()}
            self._session.files = named_as_kept(opened.files, names)  # there may be more by now
            return self._tell("")
        if why := self._leave():
            if opened.file is not None:
                opened.file.close()
            return self._go_on(
                folder, f"{folder} is not opened, or what you did here is lost: {why}"
            )
        self._asked = None
        restore(self._session, opened)
        self._opened, self._saved = opened, held_by(opened, self._session)
        self.remark = opened.remark
        if opened.remark:
            show_warning(opened.remark)
        self._tell("")
        if opened.stored.model:
            self._load_model(opened, opened.stored.model)
        self._on_change()  # what was brought along is written too

    def _on_not_opened(self, folder: Path, error: Exception) -> None:
        self._go_on(folder, str(error) if isinstance(error, InputError) else report(error))

    def _go_on(self, folder: Path, why: str) -> None:
        """Open the folder that was asked for meanwhile, or say why this one is not open."""
        asked, self._asked = self._asked, None
        self._tell(why)
        if asked is not None and asked != folder:
            self.open_folder(asked)
        elif why:
            show_warning(why)

    def _leave(self) -> str:
        """Close the last folder; where that can't be written, stay in it and say why."""
        file, now = self._file, snapshot(self._session)
        if file is not None:
            try:
                file.write(changes(self._saved, now, file.path.parent))
            except InputError as error:
                return str(error)
            self._saved = now
        self.close()
        return ""

    def _load_model(self, opened: Opened, content: bytes) -> None:
        session, before = self._session, self._session.model
        self._tell("Loading the model ...", running=True)
        run(
            partial(loading, content, opened.folder),
            on_progress=lambda _: None,
            on_result=partial(self._on_model, opened),
            on_failed=self._on_failed,
            on_cancelled=partial(self._on_other_model, opened),
            is_wanted=lambda: session.model is before and self._opened is opened,
            owner=session,
        )

    def _on_model(self, opened: Opened, model: Any) -> None:
        saved = self._saved
        restore_model(self._session, opened, model)
        now = snapshot(self._session)
        self._saved = Snapshot(
            saved.settings, saved.labels, saved.verdicts, now.candidates, now.model
        )
        self._tell("")

    def _on_other_model(self, opened: Opened) -> None:
        """Another model came while this one was read: what this one found is to go."""
        if self._opened is opened:
            kept = {n: c for n, c in opened.stored.candidates.items() if c is not None}
            self._saved = replace(self._saved, candidates={**kept, **self._saved.candidates})
            self._tell("")
            self._on_change()

    def _on_failed(self, error: Exception) -> None:
        self._tell(report(error))

    def _on_change(self) -> None:
        if self._file is not None and not self._timer.isActive():
            self._timer.start(DELAY_MS)  # not put off by further changes

    def _save(self) -> None:
        file, now = self._file, snapshot(self._session)
        if file is None or self._writing or not differ(self._saved, now):
            return
        self._writing = True
        before = self._saved

        def job() -> Generator[None, None, Snapshot]:
            yield
            file.write(changes(before, now, file.path.parent))
            return now

        run(
            job,
            on_progress=lambda _: None,
            on_result=self._on_saved,
            on_failed=self._on_not_saved,
            on_cancelled=partial(self._on_saved, None),
            is_wanted=lambda: self._file is file,
            owner=self._session,
        )

    def _on_saved(self, saved: Snapshot | None) -> None:
        self._writing = False
        if saved is not None:
            self._saved = saved
            self.remark = "" if "nothing is saved" in self.remark else self.remark
            self.changed.emit()
        self._on_change()  # what has changed meanwhile

    def _on_not_saved(self, error: Exception) -> None:
        self._writing = False
        if str(error) != self.remark:
            self.remark = report(error)
            self.changed.emit()
        self._on_change()

    def _tell(self, message: str, running: bool = False) -> None:
        self.message = message
        self._session.opening.running = running
        self.changed.emit()


def _close(autosave: weakref.ref[Autosave]) -> None:
    """Write what is not written, when the program ends."""
    found = autosave()
    if found is not None:
        found.close()
