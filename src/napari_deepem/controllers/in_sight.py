"""Whether a widget is in sight."""

from __future__ import annotations

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDockWidget, QWidget


def is_in_sight(widget: QWidget) -> bool:
    """Whether a widget is visible, or would be if its dock were scrolled.

    Qt calls one visible, too, whose dock lies behind the tab of another: it only moves that out of
    the window.
    """
    dock: QObject | None = widget
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parent()
    return widget.isVisible() and (dock is None or not dock.visibleRegion().isEmpty())
