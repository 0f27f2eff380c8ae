"""The view of micrographs, remembered from one start of the program to the next."""

from __future__ import annotations

from pydantic import ValidationError
from qtpy.QtCore import QSettings

from napari_deepem.session.display import Display


def remember(display: Display) -> None:
    """Give a view the values that were set last, and keep those that are set from now on.

    They are the user's, not a folder's: Angstrom and standard deviations, and whether at all.
    """
    settings = QSettings(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-deepem", "display"
    )
    for name in Display.model_fields:
        if settings.contains(name):
            try:
                setattr(display, name, settings.value(name))
            except ValidationError:  # of another version, or somebody's own edit
                settings.remove(name)
    display.events.connect(lambda info: settings.setValue(info.signal.name, info.args[0]))
