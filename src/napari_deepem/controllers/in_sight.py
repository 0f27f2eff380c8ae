"""Whether a widget is in sight."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget


def is_in_sight(widget: QWidget) -> bool:
    """Whether something of a widget is drawn.

    Qt calls a dock visible, too, that lies behind another tab: it only moves it out of the window.
    """
    return widget.isVisible() and not widget.visibleRegion().isEmpty()
