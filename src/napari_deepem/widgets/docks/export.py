"""The Export dock: picks, or labels, as coordinate files, and picks as a layer of the user's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit, PushButton, RadioButtons
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QMessageBox

from napari_deepem.controllers.workers import report
from napari_deepem.core.errors import InputError
from napari_deepem.core.wording import counted
from napari_deepem.layers.micrographs import folder_of
from napari_deepem.session import export_plan
from napari_deepem.session.export_plan import NO_FORMAT
from napari_deepem.session.final_selection import total_text
from napari_deepem.session.parameters import OF_PICKING
from napari_deepem.session.readiness import What, why_no_picks, why_not_save
from napari_deepem.session.series import Scope, names_of
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    enable_running,
    form,
    row,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.format_list import FormatList
from napari_deepem.widgets.docks.gap_bar import progress_bar, with_bar

PICKS, LABELS = "picks", "labelled particles"
THIS, CHOSEN, ALL = "this micrograph", "those chosen in the table", "all but the excluded"
WHATS: dict[str, What] = {PICKS: "picks", LABELS: "labels"}
SCOPES: dict[str, Scope] = {ALL: "all", CHOSEN: "chosen", THIS: "this"}
FOLDERS = {PICKS: "picks", LABELS: "labels"}  # beside the micrographs
WHAT_COPYING_DOES = (
    "As a Points layer of your own, to edit or to train on; without those that you rejected. One "
    "micrograph is in view at a time: the picks of all are saved as files."
)
WHAT_STOP_DOES = "Writes no more files. Those that are written stay, and are whole."
PAUSE_MS = 150  # of a slider that is dragged, before picks of a whole series are counted
NAMED = 8  # files that a question names one by one


class Export(Dock):
    """The dock in which picks or labels are saved as files, and picks copied to a layer."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._chosen_folders: dict[str, Path] = {}  # by the name that ours would have
        self.content = ComboBox(label="Save", choices=list(WHATS))
        self.content.tooltip = (
            "Picks that you placed by hand, and particles that the network misses, are among them; "
            "what you rejected or removed is not."
        )
        self.scope = RadioButtons(label="Of", choices=list(SCOPES), orientation="vertical")
        self.scope.value = ALL
        self.format_list = FormatList(self.session)
        self.formats = self.format_list.boxes
        self.totals = text_line("totals")
        self.hint = text_line("hint")
        self.destination = FileEdit(
            label="Folder",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            tooltip="Files are named as their micrographs. Made if missing.",
        )
        self.save = PushButton(text="Save")
        self.stop = button("Stop", self.link.exporting.stop)
        self.copy_to_layer = PushButton(text="Copy picks of this micrograph to a layer")
        self.progress = progress_bar()
        self.status = text_line("status")
        self._count_steps: Iterator[None] = iter(())
        self._count_timer = QTimer(self.native)
        self._count_timer.setSingleShot(True)
        self._count_timer.timeout.connect(self._count_on)
        self.fill(
            [
                form(self.content, self.scope),
                self.format_list.column,
                form(self.destination),
                self.totals,
                self.hint,
                with_bar(row(self.save, self.stop), self.progress),
                self.status,
                self.copy_to_layer,
            ]
        )
        self.content.changed.connect(self._show_destination)
        self.scope.changed.connect(self._show)
        self.destination.changed.connect(self._on_destination)
        self.save.changed.connect(self._save_files)
        self.copy_to_layer.changed.connect(self._copy_to_layer)
        events = self.session.events
        for signal in (events.current, events.files, events.folder):
            self.follow_seen(signal, self._show_destination)
        for signal in (events.picks, events.candidates, events.labels, events.micrographs):
            self.follow_seen(signal, self._show)
        for name in ("verdicts", *OF_PICKING):
            self.follow_seen(events[name], self._count)
        for name in ("chosen", "excluded", "headers", "box_size_px", "models_to_come"):
            self.follow_seen(events[name], self._show)
        for signal in (events.formats, events.format_options):
            self.follow_seen(signal, self._show_formats)
        for name in ("running", "done"):
            self.follow(self.session.exporting.events[name], self._show_exporting)
        self._show_destination()
        self._show_exporting()

    def _destination(self) -> Path | None:
        text = self.destination.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def _on_destination(self) -> None:
        folder = self._destination()
        if folder is not None and folder.is_absolute():
            self._chosen_folders[FOLDERS[self.content.value]] = folder
        self._show()

    def _folder(self) -> Path:
        """The folder to save to: that which the user last chose, or one beside the micrographs."""
        name, session = FOLDERS[self.content.value], self.session
        if name in self._chosen_folders:
            return self._chosen_folders[name]
        if session.folder is not None and (session.current in session.files):
            return session.folder / name
        image = self.link.image_of(session.current)
        return ((folder_of(image) if image is not None else None) or Path.home()) / name

    def _show_destination(self) -> None:
        with self.destination.changed.blocked():
            self.destination.value = self._folder()
        self._show()

    def _show_formats(self) -> None:
        self.format_list.show()
        self._show()

    def _show(self) -> None:
        tell(self.hint, export_plan.remark_on(self.session, self._choice()[0]))
        why_not = (
            why_not_save(self.session, *self._choice())
            or ("" if self.format_list.chosen else NO_FORMAT)
            or ("" if self._destination() else "Name a folder to save to.")
        )
        saving = "Files are being written." if self.session.exporting.running else ""
        enable(self.save, why_not or saving)
        enable(
            self.copy_to_layer,
            why_no_picks(self.session),
            WHAT_COPYING_DOES,
        )
        if not saving:
            tell(self.status, why_not)
        self._count()

    def _count(self) -> None:
        """Count what would be saved as soon as nothing moves any more."""
        self._count_steps = self.session.selection.steps()
        self._count_timer.start(PAUSE_MS)

    def _count_on(self) -> None:
        for _ in self._count_steps:  # one micrograph at a time: the window has other things to do
            self._count_timer.start(0)
            return
        what, scope = self._choice()
        counts = self.session.selection.total_of(names_of(self.session, scope))
        is_told = what == "picks" and counts is not None and counts.picks + counts.rejected > 0
        tell(self.totals, total_text(counts) if is_told and counts is not None else "")

    def _show_exporting(self) -> None:
        exporting = self.session.exporting
        self.progress.max, self.progress.value = exporting.total, exporting.done
        enable_running(self.stop, exporting.running, WHAT_STOP_DOES)
        self.progress.visible = exporting.running and exporting.total > 1
        self._show()
        if exporting.message:
            tell(self.status, exporting.message)

    def _choice(self) -> tuple[What, Scope]:
        return WHATS[self.content.value], SCOPES[self.scope.value]

    def _save_files(self) -> None:
        try:
            plan = export_plan.plan(
                self.session,
                *self._choice(),
                self._destination() or self._folder(),
                self.format_list.chosen,
            )
        except InputError as error:
            return tell(self.status, report(error))
        if not self._may_replace(self.session.written.others(plan.paths())):
            return tell(self.status, "Nothing was written.")
        self.link.exporting.write(plan, "pick" if self._choice()[0] == "picks" else "particle")

    def _may_replace(self, others: list[Path]) -> bool:
        if not others:
            return True
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"Saving replaces {counted(len(others), 'file')} not written here:"
        answer = QMessageBox.question(
            self.native, "Replace?", f"{question}\n{_listed(others)}\n\nReplace?", yes | no, no
        )
        return bool(cast(Any, answer) == yes)

    def _copy_to_layer(self) -> None:
        layer = self.link.copy_picks()
        if layer is not None:
            tell(
                self.status,
                f"Copied {counted(len(layer.data), 'pick')} to the layer '{layer.name}'",
            )


def _listed(paths: Iterable[Path]) -> str:
    """The names of files, one a line; of many the first few, and how many more there are."""
    names = [str(path) for path in paths]
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return "\n".join([*names[:NAMED], *more])
