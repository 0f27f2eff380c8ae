"""Export: save picks, or marks, as coordinate files, or keep picks as a layer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit, PushButton, RadioButtons
from qtpy.QtWidgets import QMessageBox

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.layers.micrographs import folder_of
from napari_deepem.session import export
from napari_deepem.session.export import FORMATS, NOTHING_MARKED, NOTHING_SCORED
from napari_deepem.widgets.dock import Dock, counted, form, row, tell, text_line
from napari_deepem.widgets.workers import report

THIS, ALL = "picks of this micrograph", "picks of all scored micrographs"
MARKED = "marked particles of all micrographs"
FOLDERS = {THIS: "picks", ALL: "picks", MARKED: "labels"}  # beside the micrographs
NAMED = 8  # files that a question names one by one


class Export(Dock):
    """The dock of this name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._chosen_folders: dict[str, Path] = {}  # by the name that ours would have
        self.format = ComboBox(label="Format", choices=list(FORMATS))
        self.scope = RadioButtons(label="Save", choices=list(FOLDERS), orientation="vertical")
        self.scope.value = THIS
        self.destination = FileEdit(label="File", mode=FileDialogMode.OPTIONAL_FILE)
        self.save = PushButton(text="Save")
        self.copy_to_layer = PushButton(text="Copy to a layer")
        self.copy_to_layer.tooltip = (
            "The picks as a Points layer of your own, to edit or to train on."
        )
        self.status = text_line("status")
        self.fill(
            [
                form(self.format, self.scope, self.destination),
                row(self.save, self.copy_to_layer),
                self.status,
            ]
        )
        self.format.changed.connect(self._show_destination)
        self.scope.changed.connect(self._show_destination)
        self.destination.changed.connect(self._on_destination)
        self.save.changed.connect(self._save_files)
        self.copy_to_layer.changed.connect(self._copy_to_layer)
        events = self.session.events
        self.follow(events.current, self._show_destination)
        for signal in (events.picks, events.scored, events.labels, events.micrographs):
            self.follow(signal, self._show)
        self._show_destination()

    @property
    def suffix(self) -> str:
        """Suffix of the chosen format."""
        return FORMATS[self.format.value]

    def _destination(self) -> Path | None:
        text = self.destination.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def _on_destination(self) -> None:
        chosen = self._destination()
        if chosen is not None and chosen.is_absolute():
            folder = chosen.parent if self.scope.value == THIS else chosen
            self._chosen_folders[FOLDERS[self.scope.value]] = folder
        self._show()

    def _folder(self) -> Path:
        """Return where to save: where the user last chose, or a folder beside the micrograph."""
        name = FOLDERS[self.scope.value]
        if name in self._chosen_folders:
            return self._chosen_folders[name]
        image = self.link.image_of(self.session.current)
        return ((folder_of(image) if image is not None else None) or Path.home()) / name

    def _show_destination(self) -> None:
        one = self.scope.value == THIS
        self.destination.label = "File" if one else "Folder"
        self.destination.mode = (
            FileDialogMode.OPTIONAL_FILE if one else FileDialogMode.EXISTING_DIRECTORY
        )
        file = f"{self.session.current or 'picks'}{self.suffix}"
        with self.destination.changed.blocked():
            self.destination.value = self._folder() / file if one else self._folder()
        self._show()

    def _show(self) -> None:
        nothing = self._nothing()
        self.save.enabled = not nothing and self._destination() is not None
        self.save.tooltip = nothing or (
            "" if self.save.enabled else f"Name a {self.destination.label.lower()} to save to."
        )
        self.copy_to_layer.enabled = self.session.picks is not None
        tell(self.status, nothing)

    def _nothing(self) -> str:
        """Say why there is nothing to save; empty if there is something."""
        if self.scope.value == MARKED:
            all_labels = self.session.annotated().values()
            return "" if any(len(each.positive_yx) for each in all_labels) else NOTHING_MARKED
        found = self.session.picks is not None if self.scope.value == THIS else self.session.scored
        return "" if found else NOTHING_SCORED

    def _save_files(self) -> None:
        try:
            files = self._files()
            if self._may_replace(export.files_of_others(self.session, files)):
                export.write(self.session, files)
                tell(self.status, self._written(files))
            else:
                tell(self.status, "Nothing was written.")
        except InputError as error:
            tell(self.status, report(error))

    def _files(self) -> dict[Path, Picks]:
        make = {
            THIS: export.current_picks,
            ALL: export.all_picks,
            MARKED: export.marked_particles,
        }[self.scope.value]
        return make(self.session, self._destination() or self._folder(), self.suffix)

    def _may_replace(self, others: list[Path]) -> bool:
        if not others:
            return True
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"Saving replaces {counted(len(others), 'file')} not written here:"
        answer = QMessageBox.question(
            self.native, "Replace?", f"{question}\n{_listed(others)}\n\nReplace?", yes | no, no
        )
        return bool(answer == yes)

    def _written(self, files: dict[Path, Picks]) -> str:
        (path, picks), *more = files.items()
        if self.scope.value != THIS:
            return f"Wrote {counted(1 + len(more), 'file')} to {path.parent}"
        return f"Wrote {counted(len(picks), 'pick')} to {path}"

    def _copy_to_layer(self) -> None:
        layer = self.link.copy_picks()
        if layer is not None:
            tell(
                self.status,
                f"Copied {counted(len(layer.data), 'pick')} to the layer '{layer.name}'",
            )


def _listed(paths: Iterable[Path]) -> str:
    """Name files line by line, the first few of many."""
    names = [str(path) for path in paths]
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return "\n".join([*names[:NAMED], *more])
