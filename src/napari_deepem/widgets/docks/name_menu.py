"""Menus of names that differ at their end: what is too long is left out of the middle."""

from __future__ import annotations

from typing import Any, cast

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
)

EDGE_PX = 4  # beside a name, screen pixels


class NameMenu(QObject):
    """An event filter that draws the chosen name of a menu, and tells whole ones in tooltips."""

    def __init__(self, menu: QComboBox) -> None:
        super().__init__(menu)
        menu.installEventFilter(self)
        names: Any = menu.view()
        names.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        names.viewport().installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Whether the menu was drawn, or its tooltip was shown, here."""
        kind = None if event is None else event.type()
        if kind not in (QEvent.Type.Paint, QEvent.Type.ToolTip):
            return False  # nor is a menu asked for anything while it is destroyed
        menu = cast(QComboBox, self.parent())
        if kind == QEvent.Type.Paint and watched is menu:
            _draw(menu)
            return True
        if kind == QEvent.Type.ToolTip:
            help_event = cast(QHelpEvent, event)
            text = f"{menu.currentText()}\n\n{menu.toolTip()}".strip()
            if watched is not menu:
                names = cast(QAbstractItemView, menu.view())
                text = names.indexAt(help_event.pos()).data() or ""
            QToolTip.showText(help_event.globalPos(), text)
            return True
        return False


def name_in(menu: QComboBox) -> str:
    """The chosen name, as much of it as fits in a menu that is closed."""
    option = _option(menu)
    style: Any = menu.style()
    field = style.subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, menu
    )
    middle = Qt.TextElideMode.ElideMiddle
    return menu.fontMetrics().elidedText(option.currentText, middle, field.width() - EDGE_PX)


def _option(menu: QComboBox) -> QStyleOptionComboBox:
    option = QStyleOptionComboBox()
    menu.initStyleOption(option)
    return option


def _draw(menu: QComboBox) -> None:
    painter, option = QStylePainter(menu), _option(menu)
    painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
    option.currentText = name_in(menu)
    painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
    painter.end()
