"""The ? in the title bar of a dock, and what it shows: what the dock is for, and its keys."""

from __future__ import annotations

from collections.abc import Callable

from napari.utils.theme import get_theme
from qtpy.QtCore import QObject, QPoint, Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QBoxLayout,
    QDockWidget,
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
)

from napari_deepem.controllers.key_bindings import keys_of
from napari_deepem.widgets.docks.dock_help import HELP, DockHelp
from napari_deepem.widgets.docks.guide_link import guide_link
from napari_deepem.widgets.docks.key_table import key_table

WIDTH = 340  # screen pixels
NAME, TOOLTIP = "napari-deepem help", "What this dock is for, and its keys."
KEYS_LINK = "keys"


class HelpButton(QObject):
    """A ? in the title bar of a dock, which napari makes anew where the dock floats or moves."""

    def __init__(
        self,
        dock: QDockWidget,
        name: str,
        theme_of: Callable[[], str],
        show_keys: Callable[[], object],
    ) -> None:
        super().__init__(dock)
        self._dock, self._name, self._theme_of, self._show_keys = dock, name, theme_of, show_keys
        dock.topLevelChanged.connect(self._add)
        dock.dockLocationChanged.connect(self._add)
        self._add()

    def _add(self) -> None:
        bar = self._dock.titleBarWidget()
        layout = None if bar is None else bar.layout()
        if bar is None or not isinstance(layout, QBoxLayout) or bar.findChild(QPushButton, NAME):
            return
        button = QPushButton("?", bar)
        button.setObjectName(NAME)
        button.setToolTip(TOOLTIP)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setStyleSheet("font-weight: bold;")
        button.clicked.connect(self.show_help)
        layout.addWidget(button)

    def show_help(self) -> None:
        """Show the help of the dock below its ?."""
        popover = HelpPopover(HELP[self._name], self._name, self._theme_of(), self._show_keys)
        popover.setParent(self._dock, popover.windowFlags())
        bar = self._dock.titleBarWidget() or self._dock
        corner = bar.mapToGlobal(QPoint(bar.width() - popover.width(), bar.height()))
        popover.move(corner)
        popover.show()


class HelpPopover(QFrame):
    """What a dock is for, its keys and gestures; it goes with a click elsewhere, or Escape."""

    def __init__(
        self, dock_help: DockHelp, name: str, theme: str, show_keys: Callable[[], object]
    ) -> None:
        super().__init__(None, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._show_keys = show_keys
        self.setFixedWidth(WIDTH)
        colors = get_theme(theme)
        text, behind = colors.text.as_hex(), colors.background.as_hex()
        self.setObjectName("HelpPopover")
        self.setStyleSheet(
            f"#HelpPopover {{ background: {behind}; border: 1px solid {colors.primary.as_hex()}; }}"
            f" QLabel {{ color: {text}; background: transparent; }}"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(_text(f"<b>{name}</b><br>{dock_help.purpose}"))
        column.addWidget(key_table(dock_help, theme))
        self.links = _text(_links(dock_help, text))
        self.links.setOpenExternalLinks(False)
        self.links.linkActivated.connect(self._follow)
        column.addWidget(self.links)
        self.setFixedHeight(column.totalHeightForWidth(WIDTH))

    def _follow(self, address: str) -> None:
        self.close()
        if address == KEYS_LINK:
            self._show_keys()
        else:
            QDesktopServices.openUrl(QUrl(address))


def _links(dock_help: DockHelp, color: str) -> str:
    address, keys = guide_link(dock_help.section), keys_of("show_keys")
    section = f"Guide: {dock_help.section}"
    guide = f'<a href="{address}" style="color: {color}">{section}</a>' if address else section
    pressed = f" ({keys})" if keys else ""
    return f'{guide}<br><a href="{KEYS_LINK}" style="color: {color}">All keys{pressed}</a>'


def _text(html: str) -> QLabel:
    label = QLabel(html)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label
