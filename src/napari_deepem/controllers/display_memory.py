"""The view of micrographs, remembered from one start of the program to the next."""

from __future__ import annotations

from functools import partial

from pydantic import ValidationError
from qtpy.QtCore import QSettings

from napari_deepem.session.display import OF_USER, Display


def remember(display: Display) -> None:
    """Give a view the values that were set last, and keep those that are set from now on.

    They are the user's. What is filtered away depends on the micrographs: their folder keeps it.
    """
    settings = QSettings(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-deepem", "display"
    )
    for name in OF_USER:
        if settings.contains(name):
            try:
                setattr(display, name, settings.value(name))
            except ValidationError:  # of another version, or somebody's own edit
                settings.remove(name)
        display.events[name].connect(partial(_keep, settings, name))


def _keep(settings: QSettings, name: str, value: object) -> None:
    settings.setValue(name, value)
    settings.sync()  # for a second window, and for whatever ends the program
