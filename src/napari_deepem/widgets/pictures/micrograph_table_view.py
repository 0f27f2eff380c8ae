"""The view of the table of micrographs: its columns, and its cells with a thumbnail."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from napari_deepem.layers.label_points import COLORS as LAYER_COLORS
from napari_deepem.session import Session
from napari_deepem.session.series import State
from napari_deepem.widgets.pictures.micrograph_table import LABELS, NAME, SCORE, MicrographTable

COLORS: dict[State, str] = {
    "labelled": LAYER_COLORS["positive"],
    "scored": LAYER_COLORS["picks"],
    "reviewed": "#fbbf24",
    "failed": LAYER_COLORS["negative"],
    "excluded": LAYER_COLORS["negative"],
}
PICTURE_PX, GAP_PX = 52, 6
NUMBERS_PX = (52, 44, 46)  # widths of the columns of labels, picks and scores


class MicrographTableView(QTableView):
    """The table of a session's micrographs, sorted by a click on a header."""

    in_sight = Signal(object)  # names of the micrographs of which a row is drawn: others than last

    def __init__(self, table: MicrographTable, session: Session) -> None:
        super().__init__()
        self._table = table
        self._names_in_sight: list[str] = []
        self.setModel(table)
        self.setItemDelegateForColumn(NAME, NameCell(session, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(3 * PICTURE_PX)
        self.setShowGrid(False)
        self.setWordWrap(False)
        rows: Any = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(PICTURE_PX + 4)
        header: Any = self.horizontalHeader()
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in zip(range(LABELS, SCORE + 1), NUMBERS_PX, strict=True):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        header.setSortIndicator(NAME, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)

    def look_again(self) -> None:
        """Tell what is in sight once more."""
        self._names_in_sight = []
        self._viewport().update()

    def paintEvent(self, event: Any) -> None:
        """Tell what is in sight: whatever brings other rows there has them drawn."""
        super().paintEvent(event)
        first, last = self.rowAt(0), self.rowAt(self._viewport().height() - 1)
        end = last + 1 if last >= 0 else len(self._table.names)
        names = self._table.names[first:end] if first >= 0 else []
        if names != self._names_in_sight:
            self._names_in_sight = names
            self.in_sight.emit(names)

    def _viewport(self) -> Any:
        return self.viewport()


class NameCell(QStyledItemDelegate):
    """The cell of a micrograph: its thumbnail, its name, and how far the user has got with it."""

    def __init__(self, session: Session, parent: Any) -> None:
        super().__init__(parent)
        self._session = session

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: D102
        return QSize(160, PICTURE_PX + 4)

    def paint(self, painter: Any, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # noqa: D102
        name, state = index.data(), index.data(Qt.ItemDataRole.UserRole)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        self.initStyleOption(option, index)
        option.text, option.icon = "", type(option.icon)()
        style: Any = option.widget.style() if option.widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        painter.save()
        frame = QRect(option.rect.left() + 2, option.rect.top() + 2, PICTURE_PX, PICTURE_PX)
        if picture is not None:
            thumbnail = picture.scaled(
                frame.size(),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            place = thumbnail.rect()
            place.moveCenter(frame.center())
            painter.drawPixmap(place.topLeft(), thumbnail)
        left = frame.right() + GAP_PX
        text = QRect(left, frame.top(), max(0, option.rect.right() - left), PICTURE_PX)
        metrics = option.fontMetrics
        upper, lower = text.adjusted(0, 6, 0, -PICTURE_PX // 2), text.adjusted(0, 26, 0, -4)
        name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, text.width())
        painter.setPen(option.palette.text().color())
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, name)
        problem = index.data() in self._session.problems
        color = COLORS["excluded"] if problem else COLORS.get(state)
        if color is not None:
            painter.setBrush(QColor(color))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(lower.left(), lower.center().y() - 3, 8, 8)
            painter.setPen(option.palette.text().color())
            lower.setLeft(lower.left() + 14)
        painter.setOpacity(0.75)
        word = "can't be used" if problem else state
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, word)
        painter.restore()
