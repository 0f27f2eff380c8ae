"""Export: save the picks as coordinate files, or keep them as a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, FileEdit, PushButton, RadioButtons

from napari_deepem.core.errors import InputError
from napari_deepem.layers.micrographs import folder_of
from napari_deepem.session.export import FORMATS, NOTHING_SCORED, write_all_picks, write_picks

from .dock import Dock, form, row, tell, text_line
from .workers import report

THIS, ALL = "this micrograph", "all scored micrographs"


class Export(Dock):
    """The dock of this name."""

    beside = "Pick"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.format = ComboBox(label="Format", choices=list(FORMATS))
        self.scope = RadioButtons(
            label="Picks of", choices=[THIS, ALL], value=THIS, orientation="vertical"
        )
        self.destination = FileEdit(label="File", mode="w", nullable=True)
        self.save = PushButton(text="Save")
        self.copy = PushButton(text="Copy to a layer")
        self.copy.tooltip = "The picks as a Points layer of your own, to edit or to train on."
        self.status = text_line("status")
        self.fill(
            [
                form(self.format, self.scope, self.destination),
                row(self.save, self.copy),
                self.status,
            ]
        )
        self.format.changed.connect(self._show_destination)
        self.scope.changed.connect(self._show_destination)
        self.save.changed.connect(self._save)
        self.copy.changed.connect(self._copy)
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

    def _folder(self) -> Path:
        chosen = self.destination.value
        if chosen and str(chosen) != ".":
            return chosen.parent if chosen.suffix in FORMATS.values() else chosen
        image = self.link.image_of(self.session.current)
        return (folder_of(image) if image is not None else None) or Path.home()

    def _show_destination(self) -> None:
        folder = self._folder()
        if self.scope.value == ALL:
            self.destination.label, self.destination.mode = "Folder", "d"
            self.destination.value = folder
        else:
            self.destination.label, self.destination.mode = "File", "w"
            self.destination.value = folder / f"{self.session.current or 'picks'}{self.suffix}"

    def _show(self) -> None:
        scored = bool(self.session.scored)
        has_picks = self.session.picks is not None
        self.save.enabled = has_picks or (scored and self.scope.value == ALL)
        self.copy.enabled = has_picks
        tell(self.status, "" if self.save.enabled else NOTHING_SCORED)

    def _save(self) -> None:
        try:
            if self.scope.value == ALL:
                paths = write_all_picks(self.session, self.destination.value, self.suffix)
                tell(self.status, f"Wrote {len(paths)} files to {self.destination.value}")
            else:
                path = write_picks(self.session, self.destination.value, self.suffix)
                tell(self.status, f"Wrote {len(self.session.picks)} picks to {path}")
        except InputError as error:
            tell(self.status, report(error))

    def _copy(self) -> None:
        layer = self.link.copy_picks()
        if layer is not None:
            tell(self.status, f"Copied {len(layer.data)} picks to the layer '{layer.name}'")
