"""The thin bar of a job that runs, in the gap below the buttons that start and stop it.

It is not laid out: where nothing runs there is no empty place, and nothing moves when it is seen.
"""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, ProgressBar
from qtpy.QtCore import QEvent, QObject

BAR_PX = 4  # height of a bar, screen pixels; the gap has two more
MOVES = (
    QEvent.Type.ParentChange,
    QEvent.Type.Show,
    QEvent.Type.Move,
    QEvent.Type.Resize,
)


def progress_bar() -> ProgressBar:
    """A bar that is to be shown while a job runs; how far it is stands in a line below."""
    bar = ProgressBar(min=0, max=1, value=0)
    bar.native.setTextVisible(False)
    bar.native.setFixedHeight(BAR_PX)
    bar.native.hide()
    return bar


def with_bar(row: Container, bar: ProgressBar) -> Container:
    """The same row of a column, with a bar in the gap below it."""
    _Gap(row.native, bar.native)
    return row


class _Gap(QObject):
    """The gap below a row, which a bar follows wherever that is laid out."""

    _bar: Any = None  # of an object that Python has taken back: its row changes as it goes

    def __init__(self, row: Any, bar: Any) -> None:
        super().__init__(row)
        self._row, self._bar = row, bar
        row.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the row; never take an event."""
        if self._bar is not None and event is not None and event.type() in MOVES:
            self._place()
        return False

    def _place(self) -> None:
        row, bar, column = self._row, self._bar, self._row.parentWidget()
        if bar.parentWidget() is not column:
            is_shown = not bar.isHidden()
            bar.setParent(column)
            bar.setVisible(is_shown)
        bar.setGeometry(row.x(), row.geometry().bottom() + 2, row.width(), BAR_PX)
        bar.raise_()
