"""The controls of what is seen: filter, contrast, and the size of pictures of boxes."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, SpinBox

from napari_deepem.controllers.key_bindings import with_keys
from napari_deepem.session.display import Display
from napari_deepem.widgets.docks.dock import Dock, button, form, row, show_value
from napari_deepem.widgets.docks.typed_numbers import take_when_typed

FILTERED_HELP = Display.model_fields["filtered"].description or ""
BY_BOX = "The low-pass follows the box: what is finer than an eighth of it is taken away."
OF_SEEN = "Makes the most of the part that is seen now. It stays with this micrograph."
OF_WHOLE = "Makes the most of the whole micrograph, as at first."


class DisplayControls:
    """The controls of one dock for the view that all docks share."""

    def __init__(self, dock: Dock) -> None:
        self._session, display = dock.session, dock.session.display
        self.filtered = dock.control("filtered", display, widget_type="CheckBox")
        self.low_pass = self._low_pass()
        self.by_box = button("By box", self._take_by_box, BY_BOX)
        self.by_box.native.setCheckable(True)
        self._low_pass_row = row(self.low_pass, self.by_box)
        self.high_pass = dock.control("high_pass_angstrom", display, step=10)
        self.contrast = dock.control(
            "contrast_percent", display, widget_type="FloatSlider", step=0.1
        )
        filtered_layer = dock.link.filtered_layer
        self.of_seen = button("Of what is seen", filtered_layer.take_contrast_of_seen)
        self.of_whole = button("Of the whole", filtered_layer.forget_contrast)
        self.picture_px = picture_size(dock)
        events = dock.session.events
        for signal in (
            events.box_size_px,
            events.current,
            events.micrographs,
            display.events.low_pass_angstrom,
        ):
            dock.follow(signal, self.show)

    @property
    def form(self) -> Container:
        """The controls below each other, to be laid out in the dock."""
        return form(
            self.filtered,
            self._low_pass_row,
            self.high_pass,
            self.contrast,
            row(self.of_seen, self.of_whole),
            self.picture_px,
        )

    def show(self) -> None:
        """Show the low-pass in use, what can be done now, and by which keys."""
        session, display = self._session, self._session.display
        low_pass = display.chosen_low_pass.in_angstrom(session.box_size_px, session.pixel_size)
        unit = "px" if session.pixel_size is None else "Å"  # the wider one first
        self._low_pass_row.label, self.high_pass.label = f"Low-pass ({unit})", f"High-pass ({unit})"
        show_value(self.low_pass, min(round(low_pass), self.low_pass.max))
        self.by_box.native.setChecked(display.low_pass_angstrom is None)
        self.of_seen.tooltip = with_keys(OF_SEEN, "contrast_of_seen")
        self.of_whole.tooltip = with_keys(OF_WHOLE, "contrast_of_whole")
        self.filtered.tooltip = with_keys(FILTERED_HELP, "show_filtered")

    def _low_pass(self) -> Any:
        """A number that shows the low-pass in use, and sets another."""
        info = Display.model_fields["low_pass_angstrom"]
        control = SpinBox(
            name="low_pass_angstrom", label=info.title, tooltip=info.description, min=0, max=1000
        )
        display = self._session.display
        control.changed.connect(lambda value: setattr(display, "low_pass_angstrom", value))
        take_when_typed(control, control.min, control.max)
        return control

    def _take_by_box(self) -> None:
        self._session.display.low_pass_angstrom = None
        self.show()  # a click on what is so would uncheck it


def picture_size(dock: Dock) -> Any:
    """The slider of a dock for the size of pictures of boxes, the same in all docks."""
    return dock.control("picture_px", dock.session.display, widget_type="Slider")
