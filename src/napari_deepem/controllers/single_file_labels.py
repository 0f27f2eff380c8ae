"""Labels of files that are open without their folder, kept as one works."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Lock

from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.session import Session
from napari_deepem.session.kept import Kept, Replaced, moved_home, was_kept
from napari_deepem.session.single_files import (
    Change,
    Marks,
    SingleFolder,
    open_single,
    take_marks,
)

DELAY_MS = 1000  # from a change until it is written


class SingleFileLabels:
    """The sessions of the folders of which single files are open in one viewer.

    One is opened where there is one already, or as soon as there is something to keep in it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files: dict[str, Path] = {}  # by micrograph: those that are open
        self._folders: dict[Path, SingleFolder] = {}
        self._lent: Path | None = None  # the folder that is being opened as a series
        self._saved: dict[str, Marks] = {}  # by micrograph: what its folder's session holds
        self._writing = False
        self._numbers = count(1)
        self._last_written: dict[str, int] = {}  # number of a change, by micrograph
        self._busy = Lock()
        self.problem = ""  # why the last change could not be saved
        self.changed = SignalInstance((), name="changed")
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._save)

    def follow(self) -> None:
        """Follow the session from now on."""
        events = self._session.events
        for signal in (events.micrographs, events.files):
            signal.connect(self._look)
        for signal in (events.labels, events.verdicts):
            signal.connect(self._on_change)

    def kept_of(self, name: str) -> Kept | None:
        """Where the labels of a micrograph are kept; None where nothing was to be kept yet."""
        folder = self._folder_of(name)
        return None if folder is None else folder.kept

    def lend(self, folder: Path) -> None:
        """Write what there is, and let a folder be opened as a series, until `take_back`.

        Raises
        ------
        InputError
            Something can't be written.
        """
        self._write_now()
        self._lent = folder.absolute()
        self._look()

    def take_back(self) -> None:
        """Go on with single files of the folder that was lent, if there are any still."""
        self._lent = None
        self._look()

    def close(self) -> None:
        """Write what has not been written yet, and let others open the files.

        Raises
        ------
        InputError
            Something can't be written; the files are closed all the same.
        """
        self._timer.stop()
        try:
            self._write_now()
        finally:
            self._files = {}
            self._release_unused()

    def _look(self) -> None:
        """Follow what is open: write what is said of files that have gone, read what was kept."""
        session = self._session
        files = {
            name: micrograph.source.absolute()
            for name, micrograph in session.micrographs.items()
            if micrograph.source is not None and name not in session.files
        }
        files = {name: file for name, file in files.items() if file.parent != self._lent}
        gone = [name for name, file in self._files.items() if files.get(name) != file]
        if gone:
            try:
                self._write_now()
            except InputError as error:
                report(error)
        for name in gone:
            self._saved.pop(name, None)
        self._files = files
        self._release_unused()
        self._on_change()
        self.changed.emit()

    def _open_wanted(self) -> None:
        """Open the session of each folder where there is one, or something to keep in it.

        On this thread: what is closed at once must have been opened.
        """
        for name, file in self._files.items():
            folder, marks = file.parent, Marks.of(self._session, name)
            if folder in self._folders or (marks.same(Marks()) and not was_kept(folder)):
                continue
            self._folders[folder] = opened = open_single(folder)
            for warning in opened.warnings:
                show_warning(warning)
        self._read()

    def _read(self) -> None:
        """Take what was kept of files whose session was opened since."""
        for name, file in self._files.items():
            folder = self._folder_of(name)
            if folder is not None and name not in self._saved:
                self._saved[name] = marks = folder.marks_of(file)  # before others hear of it
                remark = take_marks(self._session, name, marks, folder.kept.stored.settings)
                if remark:
                    show_warning(remark)

    def _folder_of(self, name: str) -> SingleFolder | None:
        file = self._files.get(name)
        return None if file is None else self._folders.get(file.parent)

    def _release_unused(self) -> None:
        for folder in self._folders.keys() - {file.parent for file in self._files.values()}:
            file = self._folders.pop(folder).kept.file
            if file is not None:
                file.close()

    def _on_change(self) -> None:
        self._open_wanted()
        if self._folders and not self._timer.isActive():
            self._timer.start(DELAY_MS)  # not put off by further changes

    def _changes(self) -> list[Change]:
        """What has changed of files whose session is open."""
        session, changes = self._session, []
        box_size_px = None if session.files else session.box_size_px
        for name, saved in self._saved.items():
            folder, marks = self._folder_of(name), Marks.of(session, name)
            if folder is not None and folder.kept.file is not None and not marks.same(saved):
                stored = folder.change(self._files[name], marks, box_size_px)
                file, number = folder.kept.file, next(self._numbers)
                changes.append(Change(name, marks, file, stored, number))
        return changes

    def _write_now(self) -> None:
        changes = self._changes()
        try:
            self._write(changes)
        except Replaced as error:
            self._go_home(error)
            return self._write_now()
        self._note(changes)

    def _go_home(self, error: Replaced) -> None:
        """Keep a folder's session at home: its file is left as another program has made it."""
        folder = self._folders[error.path.parent]
        kept = moved_home(folder.kept, folder.folder, lambda _: folder.kept.stored, error)
        self._folders[folder.folder] = replace(folder, kept=kept)
        show_warning(kept.remark)

    def _write(self, changes: list[Change]) -> None:
        """Write changes, in whatever thread."""
        with self._busy:
            for change in changes:
                if change.number > self._last_written.get(change.name, 0):
                    change.file.write(change.stored)
                    self._last_written[change.name] = change.number

    def _note(self, changes: list[Change]) -> None:
        """Remember what was written."""
        for change in changes:
            folder = self._folder_of(change.name)
            if folder is not None and folder.kept.file is change.file:
                self._folders[folder.folder] = folder.with_change(change.stored)
                self._saved[change.name] = change.marks
            if remark := change.file.take_remark():
                show_warning(remark)

    def _save(self) -> None:
        changes = self._changes()
        if self._writing or not changes:
            return
        self._writing = True

        def job() -> Generator[None, None, list[Change]]:
            yield
            self._write(changes)
            return changes

        run(
            job,
            on_progress=lambda _: None,
            on_result=self._on_saved,
            on_failed=self._on_not_saved,
            owner=self._session,
        )

    def _on_saved(self, changes: list[Change]) -> None:
        self._writing = False
        self._note(changes)
        self._tell("")
        self._on_change()  # what has changed meanwhile

    def _on_not_saved(self, error: Exception) -> None:
        self._writing = False
        problem: Exception | None = error
        if isinstance(error, Replaced):
            try:
                problem = None
                if error.path.parent in self._folders:
                    self._go_home(error)
            except InputError as no_home:
                problem = no_home
        if problem is None:
            self._tell("")
        elif str(problem) != self.problem:
            self._tell(report(problem))
        self._on_change()

    def _tell(self, problem: str) -> None:
        self.problem = problem
        self.changed.emit()
