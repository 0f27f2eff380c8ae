"""Annotate: mark particles, and what is not one, on each micrograph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtWidgets import QFileDialog

from napari_deepem.core.errors import InputError
from napari_deepem.layers.annotation import Mark, adoptable
from napari_deepem.layers.micrographs import folder_of
from napari_deepem.session.state import OPEN_FIRST
from napari_deepem.widgets.dock import Dock, counted, form, row, tell, text_line
from napari_deepem.widgets.workers import report

FILTER = "Coordinates (*.star *.box *.csv)"
HINT = (
    "Click the middle of particles, twenty or more on each of two micrographs. You need not mark "
    "them all; background is drawn at random, away from your marks."
)


class Annotate(Dock):
    """The dock of this name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.micrograph = self.micrograph_combo()
        self.box_size = self.control("box_size_px")
        self.in_angstrom = text_line("in_angstrom")
        self.mark_positive = self._button("Mark particles", "positive", self.link.mark)
        self.mark_negative = self._button("Mark non-particles", "negative", self.link.mark)
        self.load = PushButton(text="Load marks ...")
        self.load.tooltip = "Adds the particles of a coordinate file to those of this micrograph."
        self.load.changed.connect(self._load_marks)
        self.counts = text_line("counts")
        self.status = text_line("status")
        self.hint = text_line("hint")
        self.points = ComboBox(
            name="points",
            label="Own points",
            choices=lambda _: [(layer.name, layer) for layer in adoptable(self._layers())],
            nullable=True,
            tooltip="A Points layer of yours, to be used as labels of this micrograph.",
        )
        self.use_positive = self._button("Use as particles", "positive", self._adopt)
        self.use_negative = self._button("Use as non-particles", "negative", self._adopt)
        self.use = row(self.use_positive, self.use_negative)
        self.own = form(self.points)
        self.fill(
            [
                form(
                    self.micrograph, row(self.box_size, self.in_angstrom, label=self.box_size.label)
                ),
                row(self.mark_positive, self.mark_negative),
                self.load,
                self.counts,
                self.status,
                self.hint,
                self.own,
                self.use,
            ]
        )
        events = self.session.events
        for signal in (events.micrographs, events.current, events.labels, events.box_size_px):
            self.follow(signal, self._show)
        self.follow(events.current, lambda: tell(self.status, ""))
        self.follow(self.link.points_changed, self._show_points)
        self.points.changed.connect(self._show_choice)
        self._show()
        self._show_points()

    def _button(self, text: str, mark: Mark, action: Any) -> PushButton:
        button = PushButton(text=text, name=text)
        button.changed.connect(lambda: action(mark))
        return button

    def _adopt(self, mark: Mark) -> None:
        try:
            self.link.adopt(self.points.value, mark)
        except InputError as error:
            report(error)

    def _load_marks(self) -> None:
        image = self.link.image_of(self.session.current)
        folder = folder_of(image) if image is not None else None
        chosen, _ = QFileDialog.getOpenFileName(
            self.native, "Load marks", str(folder or ""), FILTER
        )
        if not chosen:
            return
        try:
            count, outside = self.link.load_marks(Path(chosen))
        except InputError as error:
            tell(self.status, report(error))
        else:
            left_out = f"; {outside} outside the image left out" if outside else ""
            tell(self.status, f"Loaded {counted(count, 'particle')}{left_out}.")

    def _layers(self) -> list[Any]:
        return list(self.link.viewer.layers)

    def _show_points(self) -> None:
        self.points.reset_choices()
        self.own.visible = self.use.visible = bool(adoptable(self._layers()))
        self._show_choice()

    def _show_choice(self) -> None:
        chosen = self.points.value is not None and self.session.current is not None
        self.use_positive.enabled = self.use_negative.enabled = chosen

    def _show(self) -> None:
        session = self.session
        is_open = session.current is not None
        self.mark_positive.enabled = self.mark_negative.enabled = self.load.enabled = is_open
        self._show_choice()
        tell(self.hint, HINT if is_open else OPEN_FIRST)
        tell(self.in_angstrom, in_angstrom(session.box_size_px, session.pixel_size))
        tell(self.counts, self._counts() if is_open else "")

    def _counts(self) -> str:
        here = self.session.labels_of(self.session.current)
        all_labels = self.session.annotated().values()
        positives = sum(len(labels.positive_yx) for labels in all_labels)
        negatives = sum(len(labels.negative_yx) for labels in all_labels)
        outside = self.link.count_outside()
        stray = f"; {counted(outside, 'mark')} outside the image not counted" if outside else ""
        return (
            f"{counted(len(here.positive_yx), 'particle')}, "
            f"{counted(len(here.negative_yx), 'non-particle')} here; "
            f"{positives} and {negatives} on {counted(len(all_labels), 'micrograph')}{stray}"
        )


def in_angstrom(length_px: int, pixel_size: float | None) -> str:
    """Say a length in the units of the specimen, where they are known."""
    return "" if pixel_size is None else f"= {length_px * pixel_size:.0f} Å"
