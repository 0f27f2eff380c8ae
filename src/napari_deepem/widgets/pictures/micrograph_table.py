"""The micrographs of a session as a table, of which Qt asks only for the rows in sight."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QImage, QPixmap

from napari_deepem.session import Session
from napari_deepem.session.series import State, state_of, why_failed

NAME, LABELS, PICKS, SCORE = range(4)
HEADERS = ("Micrograph", "Labels", "Picks", "Score")
TIPS = (
    "Every file of the folder, and how far you have got with it.",
    "Labelled particles / non-particles.",
    "Picks with the present threshold, std range and distance.",
    "Mean score of the picks, 0 to 1.",
)
ALL: tuple[State, ...] = ("new", "labelled", "scored", "reviewed", "failed", "excluded")
_ROOT = QModelIndex()


class MicrographTable(QAbstractTableModel):
    """The table of all micrographs' labels, picks and scores, in an order that the user chooses."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._sorting = (NAME, False)
        self.state: State | None = None  # of those that are listed; None: any
        self.names: list[str] = []
        self.pictures: dict[str, QPixmap] = {}
        self._rows: dict[str, int] = {}
        self.list_again()

    def list_again(self) -> None:
        """List the micrographs anew, filtered and sorted."""
        column, falling = self._sorting
        names = self._session.names
        if self.state is not None:
            names = [name for name in names if state_of(self._session, name) == self.state]
        if column != NAME:  # a stable sort: equal ones stay in the order of the files
            names = sorted(names, key=lambda name: self._number(name, column), reverse=falling)
        elif falling:
            names = names[::-1]
        self.beginResetModel()
        self.names, self._rows = names, {name: row for row, name in enumerate(names)}
        self.endResetModel()

    def refresh(self) -> None:
        """Tell the views that numbers and states may have changed."""
        if self.names:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.names) - 1, SCORE))

    def add_picture(self, name: str, picture: Any) -> None:
        """Show the thumbnail of a micrograph: (height, width) uint8 grey values."""
        height, width = picture.shape
        image = QImage(picture.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
        self.pictures[name] = QPixmap.fromImage(image)
        if name in self._rows:
            index = self.index(self._rows[name], NAME)
            self.dataChanged.emit(index, index)

    def row_of(self, name: str | None) -> int | None:
        """The row of a micrograph; None if it is not listed."""
        return self._rows.get(name) if name is not None else None

    # what Qt asks

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: D102
        return 0 if parent.isValid() else len(self.names)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: D102
        return 0 if parent.isValid() else len(HEADERS)

    def sort(  # noqa: D102
        self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder
    ) -> None:
        self._sorting = column, order == Qt.SortOrder.DescendingOrder
        self.list_again()

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{TIPS[section]} Click to sort."
        return HEADERS[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        name, column = self.names[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return name if column == NAME else self._text(name, column)
        if role == Qt.ItemDataRole.DecorationRole and column == NAME:
            return self.pictures.get(name)
        if role == Qt.ItemDataRole.UserRole:
            return state_of(self._session, name)
        if role == Qt.ItemDataRole.ToolTipRole:
            path = self._session.files.get(name)
            return why_failed(self._session, name) or (str(path) if path else name)
        if role == Qt.ItemDataRole.TextAlignmentRole and column != NAME:
            return Qt.AlignmentFlag.AlignCenter
        return None

    def _text(self, name: str, column: int) -> str:
        session = self._session
        if column == LABELS:
            labels = session.labels_of(name)
            counts = len(labels.positive_yx), len(labels.negative_yx)
            return "" if counts == (0, 0) else f"{counts[0]} / {counts[1]}"
        if not session.selection.has_picks(name) or name in session.excluded:
            return ""
        if column == PICKS:
            count = session.selection.count_of(name)
            return "..." if count is None else str(count)
        mean = session.selection.mean_score_of(name)
        return "" if mean is None else f"{mean:.2f}"

    def _number(self, name: str, column: int) -> float:
        """The number by which a column is sorted; less than any other where it is not known."""
        if column == LABELS:
            labels = self._session.labels_of(name)
            return len(labels.positive_yx) + len(labels.negative_yx)
        selection = self._session.selection
        if not selection.has_picks(name):
            return -1.0
        number = selection.count_of(name) if column == PICKS else selection.mean_score_of(name)
        return -1.0 if number is None else number
