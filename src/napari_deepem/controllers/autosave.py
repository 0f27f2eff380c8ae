"""Folders of micrographs, opened, and what the user does with them, kept in a session file."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning
from psygnal import SignalInstance
from qtpy.QtWidgets import QApplication

from napari_deepem.controllers.follower import Follower
from napari_deepem.controllers.kept_model import load_kept_model
from napari_deepem.controllers.series_file import SeriesFile
from napari_deepem.controllers.single_file_labels import SingleFileLabels
from napari_deepem.controllers.workers import report, run
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Micrograph
from napari_deepem.session import Session
from napari_deepem.session.open_folder import Opened, named_as_kept, opening
from napari_deepem.session.persistence import restore, restore_model
from napari_deepem.session.readiness import why_not_open


class Autosave:
    """The folder that is open in one viewer, and where what the user does there is saved."""

    def __init__(self, session: Session, single_files: SingleFileLabels) -> None:
        self._session = session
        self._single_files = single_files
        self._listed: set[Path] = set()  # single files for which their folder was listed again
        self._series = SeriesFile(session)
        self._follower: Follower | None = None  # of the window that has the folder
        self._asked_folder: Path | None = None  # that is to be opened
        self.message = ""
        self.changed = SignalInstance((), name="changed")
        self._series.changed.connect(self.changed.emit)
        session.events.micrographs.connect(self._on_micrographs)
        single_files.changed.connect(self.changed.emit)
        single_files.follow()
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(partial(_close, weakref.ref(self)))

    def open_folder(self, folder: Path, apart: bool = False) -> None:
        """Open the micrographs of a folder as a series, and go on where the user was.

        One that another window has open is followed, unless the user works `apart` from it.
        """
        if why_not := why_not_open(self._session):
            return show_warning(why_not)
        is_opening, self._asked_folder = self._asked_folder is not None, folder
        self._tell(f"Opening {folder} ...", running=True)
        if not is_opening:  # one after the other: an open session file is locked
            self._open(folder, apart)

    def work_apart(self) -> None:
        """Follow the other window no more: what is done here is kept at home."""
        if self._follower is not None:
            self._open_again(apart=True)

    def _open_again(self, apart: bool = False) -> None:
        if self._opened is not None:
            self._series.count_as_saved()  # what was followed is no change of ours
            self.open_folder(self._opened.source, apart)

    def _open(self, folder: Path, apart: bool) -> None:
        try:
            self._single_files.lend(folder)
            if self._opened is not None and self._opened.source == folder.absolute():
                self._series.write_now()
                self._series.is_moving = True
        except InputError as error:
            return self._on_not_opened(folder, error)
        run(
            partial(opening, folder, self._opened, apart),
            on_progress=lambda _: None,
            on_result=partial(self._on_opened, folder),
            on_failed=partial(self._on_not_opened, folder),
            owner=self._session,
        )

    @property
    def remark(self) -> str:
        """Why the series is not saved, or where it is if that is not its folder."""
        return self._series.problem or ("" if self._opened is None else self._opened.remark)

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
        return self._series.path

    @property
    def _opened(self) -> Opened | None:
        return self._series.opened

    def close(self) -> None:
        """Write what has not been written yet, and let others open the files."""
        try:
            self._single_files.close()
        finally:
            self._series.close()
            self._follow()

    def _on_opened(self, folder: Path, opened: Opened) -> None:
        now, self._series.is_moving = self._opened, False
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
            self._series.opened = replace(now, files=opened.files, kept=opened.kept)
            names = {name: path.name for name, path in session.files.items()}
            session.files = named_as_kept(opened.files, names)
            self._single_files.take_back()
            self._follow()
            return self._tell("")
        late = self._series.unsaved(now.source)
        if session.current in opened.files:
            late = replace(late, settings={**late.settings, "current": session.current})
        if opened.file is not None:
            opened.file.write(late)
        self._take(opened.with_more(late))

    def _take(self, opened: Opened) -> None:
        """Put what was opened into the session, and save into its file from now on."""
        refusal = restore(self._session, opened)
        self._series.take(opened)
        self._single_files.take_back()
        self._follow()
        for warning in filter(None, (*opened.warnings, refusal)):
            show_warning(warning)
        self._tell("")
        if opened.stored.model:
            self._load_model(opened, opened.stored.model)
        self._series.on_change()  # what was brought along is written too

    def _follow(self) -> None:
        """Follow the window that has the folder which is open, if one has."""
        if self._follower is not None:
            self._follower.stop()
        path = None if self._opened is None else self._opened.followed
        self._session.is_following = path is not None
        self._follower = None
        if self._opened is not None and path is not None:
            self._follower = Follower(self._session, self._opened, path, self._open_again)

    def _on_not_opened(self, folder: Path, error: Exception) -> None:
        self._series.is_moving = False
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
            self._series.write_now()
        except InputError as error:
            return str(error)
        self._series.close()
        self._follow()
        return ""

    def _load_model(self, opened: Opened, content: bytes) -> None:
        self._tell("Loading the model ...", running=True)
        load_kept_model(
            self._session,
            opened,
            content,
            on_loaded=partial(self._on_model, opened),
            on_other=partial(self._on_other_model, opened),
            on_failed=lambda error: self._tell(report(error)),
            is_wanted=lambda: self._opened is opened,
        )

    def _on_model(self, opened: Opened, model: Any) -> None:
        restore_model(self._session, opened, model)
        self._series.count_model_as_saved()
        self._tell("")

    def _on_other_model(self, opened: Opened) -> None:
        """Let the file forget its model's candidates: another model came while that was read."""
        if self._opened is opened:
            self._series.lose_candidates(opened.stored)
            self._tell("")

    def _on_micrographs(self, micrographs: Mapping[str, Micrograph]) -> None:
        """List the folder again where a file of it was opened that was not there before."""
        opened, files = self._opened, self._session.files
        sources = {each.source for name, each in micrographs.items() if name not in files}
        new = {path for path in sources - self._listed if path is not None}
        if opened is not None and any(path.parent == opened.source for path in new):
            self._listed |= new
            self.open_folder(opened.source)

    def _tell(self, message: str, running: bool = False) -> None:
        self.message = message
        self._session.opening.running = running
        self.changed.emit()


def _close(reference: weakref.ref[Autosave]) -> None:
    """Write what is not written, when the program ends."""
    autosave = reference()
    if autosave is not None:
        autosave.close()
