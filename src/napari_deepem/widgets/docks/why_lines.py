"""Lines that say why controls are disabled, in their place: below the row that they are in.

A reason is said once in a dock, below the first row that has it, and not at all where a text that
is seen in the dock says it already. While the mouse is over the dock no line gets a new place, and
none loses its own: see `steady_places`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from napari.utils.theme import get_theme
from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_deepem.widgets.docks.steady_places import SteadyPlaces

WHY_NOT = "napari-deepem why not"  # property of a disabled control
NAME = "napari-deepem why line"
DIMMED = 0.72  # of the text's colour; the rest is the background's
Row = TypeVar("Row", bound=Hashable)


def set_why_not(control: QWidget, why_not: str) -> None:
    """Note why a control is disabled, and have it said; empty where it is enabled."""
    if (control.property(WHY_NOT) or "") == why_not:
        return
    control.setProperty(WHY_NOT, why_not)
    above: QWidget | None = control
    while above is not None:
        lines = above.findChild(WhyLines, options=Qt.FindChildOption.FindDirectChildrenOnly)
        if lines is not None:
            return lines.refresh_soon()
        above = above.parentWidget()


def reasons_by_row(reasons: Iterable[tuple[Row, str]], told: Sequence[str]) -> dict[Row, str]:
    """What is to be said below each row, of reasons in the order of the rows; see the module."""
    lines: dict[Row, str] = {}
    texts = list(told)
    for row, reason in reasons:
        if not reason or any(reason.rstrip(".") in text for text in texts):
            continue
        texts.append(reason)
        lines[row] = f"{lines[row]} {reason}" if row in lines else reason
    return lines


class WhyLines(QObject):
    """The lines of one dock, laid out when there is first something to say."""

    def __init__(self, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._lines: dict[QWidget, QLabel] = {}  # by the row above it
        self._color = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)  # after all that changes at once
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self._places = SteadyPlaces(dock, self.refresh_soon)

    def refresh_soon(self) -> None:
        """Say what there is to say as soon as the controls are what they will be."""
        self._timer.start()

    def refresh(self) -> None:
        """Say why each control that is seen is disabled."""
        rows = sorted(self._reasons(), key=lambda each: each[0])
        lines = reasons_by_row(((row, why) for _, row, why in rows), self._told())
        self._show(lines)

    def show_theme(self, theme: str) -> None:
        """Take the colour of a theme."""
        colors = get_theme(theme)
        text, behind = QColor(colors.text.as_hex()), QColor(colors.background.as_hex())
        self._color = _between(behind, text, DIMMED).name()
        for line in self._lines.values():
            self._color_in(line)

    def _color_in(self, line: QLabel) -> None:
        line.setStyleSheet(f"color: {self._color}; font-style: italic;")

    def _reasons(self) -> Iterable[tuple[tuple[int, ...], QWidget, str]]:
        """Of each disabled control the place of its row from top to bottom, its row, and why."""
        for control in self._dock.findChildren(QWidget):
            why_not = control.property(WHY_NOT)
            if why_not and not control.isEnabled() and control.isVisibleTo(self._dock):
                row = row_of(control)
                if row is not None:
                    yield _place_of(control, self._dock), row, why_not

    def _told(self) -> list[str]:
        """What texts of the dock say, those of buttons among them."""
        labels = [each for each in self._dock.findChildren(QLabel) if each.objectName() != NAME]
        texts: list[Any] = [*labels, *self._dock.findChildren(QAbstractButton)]
        return [each.text() for each in texts if each.isVisibleTo(self._dock)]

    def _show(self, texts: Mapping[QWidget, str]) -> None:
        is_fixed = self._places.are_fixed
        if not is_fixed:
            for row in texts.keys() - self._lines.keys():
                self._lines[row] = self._line_below(row)
        for row, line in self._lines.items():
            if is_fixed and line.isVisible():
                self._places.keep(line)
            line.setText(texts.get(row, ""))
            if not is_fixed:
                line.setVisible(row in texts)

    def _line_below(self, row: QWidget) -> QLabel:
        line = QLabel()
        line.setObjectName(NAME)
        line.setWordWrap(True)
        line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._color_in(line)
        above = row.parentWidget()
        column = None if above is None else above.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertWidget(column.indexOf(row) + 1, line)
        return line


def row_of(control: QWidget) -> QWidget | None:
    """The widget with a control in it, or the control itself, that is a row of a column."""
    row, above = control, control.parentWidget()
    while above is not None:
        if isinstance(above.layout(), QVBoxLayout):
            return row
        row, above = above, above.parentWidget()
    return None


def _place_of(control: QWidget, dock: QWidget) -> tuple[int, ...]:
    """The indices in the layouts that a control is in, the outermost first."""
    indices: list[int] = []
    widget = control
    while widget is not dock and (above := widget.parentWidget()) is not None:
        layout = above.layout()
        indices.append(0 if layout is None else layout.indexOf(widget))
        widget = above
    return tuple(reversed(indices))


def _between(one: QColor, other: QColor, share: float) -> QColor:
    parts = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
    return QColor(*(round(a + share * (b - a)) for a, b in parts))
