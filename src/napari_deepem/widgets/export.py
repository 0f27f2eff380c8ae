"""Export: save the picks as coordinate files, or keep them as a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, FileEdit, PushButton, RadioButtons

from napari_deepem.core.errors import InputError
from napari_deepem.layers.micrographs import folder_of
from napari_deepem.session.export import FORMATS, NOTHING_SCORED, write_all_picks, write_picks

from .dock import Dock, counted, form, row, tell, text_line
from .workers import report

THIS, ALL = "this micrograph", "all scored micrographs"


class Export(Dock):
    """The dock of this name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.format = ComboBox(label="Format", choices=list(FORMATS))
        self.scope = RadioButtons(label="Picks of", choices=[THIS, ALL], orientation="vertical")
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
        self.scope.changed.connect(self._show)
        self.save.changed.connect(self._save_picks)
        self.copy_to_layer.changed.connect(self._copy_to_layer)
        events = self.session.events
        self.follow(events.current, self._show_destination)
        for signal in (events.picks, events.scored, events.current):
            self.follow(signal, self._show)
        self._show_destination()
        self._show()

    @property
    def suffix(self) -> str:
        """Suffix of the chosen format."""
        return FORMATS[self.format.value]

    def _chosen(self) -> Path:
        return Path(str(self.destination.value))

    def _folder(self) -> Path:
        chosen = self._chosen()
        if chosen.is_absolute():
            return chosen.parent if chosen.suffix in FORMATS.values() else chosen
        image = self.link.image_of(self.session.current)
        return (folder_of(image) if image is not None else None) or Path.home()

    def _show_destination(self) -> None:
        folder = self._folder()
        if self.scope.value == ALL:
            self.destination.label, self.destination.mode = (
                "Folder",
                FileDialogMode.EXISTING_DIRECTORY,
            )
            self.destination.value = folder
        else:
            self.destination.label, self.destination.mode = "File", FileDialogMode.OPTIONAL_FILE
            self.destination.value = folder / f"{self.session.current or 'picks'}{self.suffix}"

    def _show(self) -> None:
        has_picks = self.session.picks is not None
        self.save.enabled = bool(self.session.scored) if self.scope.value == ALL else has_picks
        self.copy_to_layer.enabled = has_picks
        tell(self.status, "" if self.save.enabled else NOTHING_SCORED)

    def _save_picks(self) -> None:
        try:
            tell(self.status, self._write())
        except InputError as error:
            tell(self.status, report(error))

    def _write(self) -> str:
        if self.scope.value == ALL:
            paths = write_all_picks(self.session, self._chosen(), self.suffix)
            return f"Wrote {counted(len(paths), 'file')} to {self._chosen()}"
        path, count = write_picks(self.session, self._chosen(), self.suffix)
        return f"Wrote {counted(count, 'pick')} to {path}"

    def _copy_to_layer(self) -> None:
        layer = self.link.copy_picks()
        if layer is not None:
            tell(
                self.status,
                f"Copied {counted(len(layer.data), 'pick')} to the layer '{layer.name}'",
            )
