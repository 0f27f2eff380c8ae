"""Keys beside what they do, and gestures of the mouse: for the help of one dock, and of all."""

from __future__ import annotations

from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_deepem.widgets.docks.dock_help import DockHelp


def key_table(dock_help: DockHelp, theme: str) -> QWidget:
    """A widget of the keys of a dock, each in a frame, and below them its gestures."""
    colors = get_theme(theme)
    text = colors.text.as_hex()
    background = colors.primary.as_hex()
    frame = f"background: {background}; color: {text}; border-radius: 3px; padding: 0px 5px;"
    table = QWidget()
    table.setStyleSheet("background: transparent;")
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(1, 1)
    top, left = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignLeft
    for keys, effect in dock_help.key_lines:
        key = QLabel(keys)
        key.setStyleSheet(frame)
        grid.addWidget(key, grid.rowCount(), 0, top | left)
        grid.addWidget(_text(effect, text), grid.rowCount() - 1, 1, top)
    for gesture, effect in dock_help.gestures:
        line = _text(f"<b>{gesture}</b>: {effect[0].lower()}{effect[1:]}", text)
        grid.addWidget(line, grid.rowCount(), 0, 1, 2, top)
    return table


def _text(html: str, color: str) -> QLabel:
    label = QLabel(html)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.setStyleSheet(f"color: {color}; background: transparent;")
    return label
