"""Labels that the user does not click: from files, and drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from magicgui.widgets import PushButton
from qtpy.QtWidgets import QFileDialog

from napari_deepem.controllers.workers import report, run
from napari_deepem.core.types import FloatArray
from napari_deepem.core.wording import counted
from napari_deepem.session import Session
from napari_deepem.session.background_labels import drawing_background
from napari_deepem.session.labels import FILE_FILTERS, LabelsRead, add_labels, reading_labels
from napari_deepem.session.readiness import (
    why_not_begin,
    why_not_change,
    why_not_draw_background,
)
from napari_deepem.widgets.docks.dock import enable, row

WHAT_LOADING_DOES = "Adds the particles of a coordinate file to the labels."
WHAT_LOADING_A_FOLDER_DOES = "Adds the particles of one file for each micrograph, by name."
WHAT_DRAWING_DOES = (
    "Marks places as non-particles, drawn at random: away from your labels, from what looks like "
    "them, and from what the network takes for particles. Erase what is one."
)


class LabelImport:
    """The buttons that add labels; `tell` gets a line on what came of it."""

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._session = session
        self._listeners = [tell]  # none when the dock is closed; a job may outlast it
        self.load = _button("Load file ...", self._choose_file)
        self.load_folder = _button("Load folder ...", self._choose_folder)
        self.draw = _button("Draw background", self._draw)
        self.buttons = row(self.load, self.load_folder, self.draw)
        self.buttons.native.destroyed.connect(self._listeners.clear)

    def _tell(self, text: str) -> None:
        for listener in self._listeners:
            listener(text)

    def show(self) -> None:
        """Show of each button what it does, or why it does nothing now."""
        session = self._session
        why_not = why_not_begin(session) or why_not_change(session)
        enable(self.load, why_not, WHAT_LOADING_DOES)
        enable(self.load_folder, why_not, WHAT_LOADING_A_FOLDER_DOES)
        enable(self.draw, why_not_draw_background(session), WHAT_DRAWING_DOES)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.buttons.native, "Load labels", self._folder(), FILE_FILTERS
        )
        self._load(path)

    def _choose_folder(self) -> None:
        self._load(
            QFileDialog.getExistingDirectory(
                self.buttons.native, "Load labels of a folder", self._folder()
            )
        )

    def _folder(self) -> str:
        micrograph = self._session.micrographs.get(self._session.current or "")
        return str(micrograph.source.parent) if micrograph and micrograph.source else ""

    def _load(self, path: str) -> None:
        if path:
            self._tell(f"Reading {Path(path).name} ...")
            self._run(partial(reading_labels, self._session, Path(path)), self._on_read)

    def _on_read(self, labels: LabelsRead) -> None:
        add_labels(self._session, labels.centres_yx, "positive")
        count = counted(sum(map(len, labels.centres_yx.values())), "particle")
        loaded = f"Loaded {count}{self._where(list(labels.centres_yx))}."
        self._tell(" ".join([loaded, *labels.remarks]))

    def _where(self, names: list[str]) -> str:
        if len(names) != 1:
            return f" on {len(names)} micrographs" if names else ""
        return "" if names[0] == self._session.current else f" on {names[0]}"

    def _draw(self) -> None:
        name = self._session.current or ""
        self._tell("Drawing background ...")
        self._run(partial(drawing_background, self._session), partial(self._on_drawn, name))

    def _on_drawn(self, name: str, centres_yx: FloatArray) -> None:
        add_labels(self._session, {name: centres_yx}, "negative")
        number = counted(len(centres_yx), "non-particle")
        self._tell(f"Drew {number} away from particles: erase those that lie on one.")

    def _run(self, job: Callable[[], Any], on_result: Callable[[Any], None]) -> None:
        steps = job()  # reads the session, on this thread
        run(
            lambda: steps,
            on_progress=lambda _: None,
            on_result=on_result,
            on_failed=lambda error: self._tell(report(error)),
        )


def _button(text: str, action: Callable[[], None]) -> PushButton:
    button = PushButton(text=text, name=text)
    button.changed.connect(lambda _: action())
    return button
