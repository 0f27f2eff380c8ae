"""The field for the pixel size of a folder, where its files say nothing or what is not so."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import LineEdit
from napari.utils.notifications import show_info
from pydantic import ValidationError

from napari_deepem.session.parameters import Parameters
from napari_deepem.widgets.docks.dock import Dock, lock, show_value

NOT_KNOWN = "not known"
NO_FOLDER = "The pixel size is that of a folder: open one first."


def pixel_size_field(dock: Dock) -> Any:
    """The field of a dock; while it is empty it tells what the file of this micrograph says."""
    session, info = dock.session, Parameters.model_fields["given_pixel_size"]
    field: Any = LineEdit(name="pixel_size", label=info.title, tooltip=info.description)

    def show() -> None:
        given = session.given_pixel_size
        show_value(field, "" if given is None else f"{given:g}")
        own = session.pixel_size
        field.native.setPlaceholderText(NOT_KNOWN if own is None else f"{own:.4g}, says the file")
        lock(field, "" if session.files else NO_FOLDER)

    def take() -> None:
        text = field.value.strip()
        try:
            session.given_pixel_size = float(text) if text else None
        except (ValueError, ValidationError):
            show_info(f"A pixel size of {text!r}: type a number of Å from 0.01 to 1000.")
        show()

    field.native.editingFinished.connect(take)
    for signal in (
        session.events.given_pixel_size,
        session.events.micrographs,
        session.events.current,
        session.events.files,
    ):
        dock.follow(signal, show)
    show()
    return field


def in_angstrom(length_px: int, pixel_size: float | None) -> str:
    """A length in the units of the specimen, such as "= 120 Å"; empty where they are not known."""
    return "" if pixel_size is None else f"= {length_px * pixel_size:.0f} Å"
