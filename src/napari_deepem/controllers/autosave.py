"""Folders of micrographs, opened, and what the user does with them, kept in a session file."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_deepem.controllers.single_file_labels import SingleFileLabels
from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.session import Session
from napari_deepem.session.open_folder import Opened, loading, named_as_kept, opening
from napari_deepem.session.persistence import (
    Snapshot,
    changes,
    differ,
    held_by,
    restore,
    restore_model,
    saved,
    snapshot,
    to_keep,
)
from napari_deepem.session.readiness import why_not_open

DELAY_MS = 1000  # from a change until it is written


class Autosave:
    """The session file of one viewer: written in another thread, a second after each change."""

    def __init__(self, session: Session, single_files: SingleFileLabels) -> None:
        self._session = session
        self._single_files = single_files
        self._listed: set[Path] = set()  # single files for which their folder was listed again
        self._opened: Opened | None = None  # with the file that is written
        self._saved = Snapshot()
        self._writing = False
        self._asked_folder: Path | None = None  # that is to be opened
        self._is_moving = False  # what is kept at home may be joined to the folder just now
        self.message = ""
        self._problem = ""  # why the last change is not saved
        self.changed = SignalInstance((), name="changed")
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._save)
        session.events.connect(self._on_change)
        session.display.events.connect(self._on_change)
        session.events.micrographs.connect(self._on_micrographs)
        single_files.changed.connect(self.changed.emit)
        single_files.follow()
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(partial(_close, weakref.ref(self)))

    def open_folder(self, folder: Path) -> None:
        """Open the micrographs of a folder as a series, and go on where the user was."""
        if why_not := why_not_open(self._session):
            return show_warning(why_not)
        is_opening, self._asked_folder = self._asked_folder is not None, folder
        self._tell(f"Opening {folder} ...", running=True)
        if not is_opening:  # one after the other: an open session file is locked
            self._open(folder)

    def _open(self, folder: Path) -> None:
        try:
            self._single_files.lend(folder)
            if self._opened is not None and self._opened.source == folder.absolute():
                self._write_now()
                self._is_moving = True
        except InputError as error:
            return self._on_not_opened(folder, error)
        run(
            partial(opening, folder, self._opened),
            on_progress=lambda _: None,
            on_result=partial(self._on_opened, folder),
            on_failed=partial(self._on_not_opened, folder),
            owner=self._session,
        )

    @property
    def remark(self) -> str:
        """Why the series is not saved, or where it is if that is not its folder."""
        return self._problem or ("" if self._opened is None else self._opened.remark)

    def remark_on(self, name: str | None) -> str:
        """Why what is said of a micrograph is not saved, or where it is if that is not its folder.

        Empty where it is saved beside the micrograph's file.
        """
        micrograph = self._session.micrographs.get(name or "")
        if micrograph is None or name in self._session.files:
            return self.remark
        if micrograph.source is None:
            return f"{name} is no file: its labels are not saved. Export them before you close it."
        kept = self._single_files.kept_of(micrograph.name)
        return self._single_files.problem or ("" if kept is None else kept.remark)

    @property
    def path(self) -> Path | None:
        """The file in which the session is kept; None if there is none."""
        return None if self._file is None else self._file.path

    @property
    def _file(self) -> Any:
        return None if self._opened is None else self._opened.file

    def close(self) -> None:
        """Write what has not been written yet, and let others open the files."""
        try:
            self._single_files.close()
        finally:
            self._close_series()

    def _close_series(self) -> None:
        file, self._opened = self._file, None
        self._timer.stop()
        if file is not None:
            file.close(changes(self._saved, snapshot(self._session), file.path.parent))

    def _on_opened(self, folder: Path, opened: Opened) -> None:
        now, self._is_moving = self._opened, False
        if now is not None and opened.source == now.source:
            return self._on_opened_again(now, opened)
        why_not = why_not_open(self._session, opened.files)
        if self._asked_folder != folder or why_not:
            if opened.file is not None:
                opened.file.close()
            return self._go_on(folder, why_not)
        if why_not := self._leave():
            if opened.file is not None:
                opened.file.close()
            return self._go_on(
                folder, f"{folder} is not opened, or what you did here is lost: {why_not}"
            )
        self._asked_folder = None
        self._take(opened)

    def _on_opened_again(self, now: Opened, opened: Opened) -> None:
        """Go on with the folder that is open: there may be more files, or another session file."""
        session, self._asked_folder = self._session, None
        if opened.file is now.file and opened.run is None:
            self._opened = replace(now, files=opened.files, kept=opened.kept)
            names = {name: path.name for name, path in session.files.items()}
            session.files = named_as_kept(opened.files, names)
            self._single_files.take_back()
            return self._tell("")
        late = changes(self._saved, snapshot(session), now.source)
        if session.current in opened.files:
            late = replace(late, settings={**late.settings, "current": session.current})
        if opened.file is not None:
            opened.file.write(late)
        self._take(opened.with_more(late))

    def _take(self, opened: Opened) -> None:
        """Put what was opened into the session, and save into its file from now on."""
        restore(self._session, opened)
        self._opened, self._saved = opened, held_by(opened, self._session)
        self._problem = ""
        self._single_files.take_back()
        for warning in opened.warnings:
            show_warning(warning)
        self._tell("")
        if opened.stored.model:
            self._load_model(opened, opened.stored.model)
        self._on_change()  # what was brought along is written too

    def _on_not_opened(self, folder: Path, error: Exception) -> None:
        self._is_moving = False
        self._go_on(folder, str(error) if isinstance(error, InputError) else report(error))

    def _go_on(self, folder: Path, why_not: str) -> None:
        """Open the folder that was asked for meanwhile, or say why this one is not open."""
        asked_folder, self._asked_folder = self._asked_folder, None
        self._single_files.take_back()
        self._tell(why_not)
        if asked_folder is not None and asked_folder != folder:
            self.open_folder(asked_folder)
        elif why_not:
            show_warning(why_not)

    def _leave(self) -> str:
        """Why the last folder can't be left: its file can't be written. Empty once it is closed."""
        try:
            self._write_now()
        except InputError as error:
            return str(error)
        self._close_series()
        return ""

    def _write_now(self) -> None:
        """Write what has not been written yet, on this thread; InputError if that can't be."""
        file, current = self._file, snapshot(self._session)
        if file is not None:
            file.write(changes(self._saved, current, file.path.parent))
            self._saved = saved(self._saved, current)

    def _load_model(self, opened: Opened, content: bytes) -> None:
        session, last_model = self._session, self._session.model
        self._tell("Loading the model ...", running=True)
        run(
            partial(loading, content, opened.folder),
            on_progress=lambda _: None,
            on_result=partial(self._on_model, opened),
            on_failed=self._on_failed,
            on_cancelled=partial(self._on_other_model, opened),
            is_wanted=lambda: session.model is last_model and self._opened is opened,
            owner=session,
        )

    def _on_model(self, opened: Opened, model: Any) -> None:
        restore_model(self._session, opened, model)
        current = snapshot(self._session)
        self._saved = replace(self._saved, candidates=current.candidates, model=current.model)
        self._tell("")

    def _on_other_model(self, opened: Opened) -> None:
        """Let the file forget its model's candidates: another model came while that was read."""
        if self._opened is opened:
            in_file = to_keep(opened.stored.candidates)
            self._saved = replace(self._saved, candidates={**in_file, **self._saved.candidates})
            self._tell("")
            self._on_change()

    def _on_failed(self, error: Exception) -> None:
        self._tell(report(error))

    def _on_micrographs(self, micrographs: Mapping[str, Micrograph]) -> None:
        """List the folder again where a file of it was opened that was not there before."""
        opened, files = self._opened, self._session.files
        sources = {each.source for name, each in micrographs.items() if name not in files}
        new = {path for path in sources - self._listed if path is not None}
        if opened is not None and any(path.parent == opened.source for path in new):
            self._listed |= new
            self.open_folder(opened.source)

    def _on_change(self) -> None:
        if self._file is not None and not self._timer.isActive():
            self._timer.start(DELAY_MS)  # not put off by further changes

    def _save(self) -> None:
        if self._is_moving:  # into which file is not known yet
            return self._on_change()
        file, current = self._file, snapshot(self._session)
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
            is_wanted=lambda: self._file is file,
            owner=self._session,
        )

    def _on_saved(self, content: Snapshot | None) -> None:
        self._writing = False
        if content is not None:
            self._saved = content
            self._problem = ""
            self.changed.emit()
        self._on_change()  # what has changed meanwhile

    def _on_not_saved(self, error: Exception) -> None:
        self._writing = False
        if str(error) != self._problem:
            self._problem = report(error)
            self.changed.emit()
        self._on_change()

    def _tell(self, message: str, running: bool = False) -> None:
        self.message = message
        self._session.opening.running = running
        self.changed.emit()


def _close(reference: weakref.ref[Autosave]) -> None:
    """Write what is not written, when the program ends."""
    autosave = reference()
    if autosave is not None:
        autosave.close()
