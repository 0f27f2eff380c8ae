"""A gallery of candidates: thousands of small pictures, of which only those in sight are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QKeyEvent, QPainter, QPalette
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate

from napari_deepem.controllers.canvas_focus import KEEPS_FOCUS
from napari_deepem.core.types import FloatArray
from napari_deepem.layers.verdict_points import ACCEPTED, REJECTED
from napari_deepem.session.review_gallery import EMPTY, Gallery
from napari_deepem.widgets.pictures.picture_strip import enlarged, grey_image

CELL, PICTURE = QSize(61, 74), 55  # screen pixels
FRAME = 3
KEPT = 60_000  # pictures in memory, some kB each
MOST_AT_ONCE = 1000  # of one micrograph: keeping them takes the window's time
KEYS = {Qt.Key.Key_A: "accepted", Qt.Key.Key_R: "rejected", Qt.Key.Key_U: None}
NO_VERDICTS = np.empty(0, dtype=np.int8)
Key = tuple[str, float, float]


class GalleryPictures(QAbstractListModel):
    """The rows of a gallery as Qt asks for them, with the pictures that were cut so far."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.gallery: Gallery = EMPTY
        self.verdicts: NDArray[np.int8] = NO_VERDICTS
        self.tells_std = False
        self._keys: list[Key] = []
        self._pictures: dict[Key, QImage] = {}

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """The number of candidates in the gallery."""
        return len(self.gallery)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The figure below a picture, or what a tooltip says."""
        row = index.row()
        if not 0 <= row < len(self.gallery):
            return None
        score, std = self.gallery.scores[row], self.gallery.stds[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{std if self.tells_std else score:.2f}"
        if role == Qt.ItemDataRole.ToolTipRole:
            verdict = {1: ", accepted", -1: ", rejected"}.get(int(self.verdicts[row]), "")
            text = f"{self.gallery.name_of(row)}: score {score:.3f}, std {std:.2f}{verdict}"
            picture = self.picture(row)
            return text if picture is None else enlarged(picture, text)
        return None

    def show(self, gallery: Gallery, verdicts: NDArray[np.int8]) -> None:
        """Show another gallery, with (n,) verdicts on its rows: 1 accepted, -1 rejected, 0 none."""
        self.beginResetModel()
        self.gallery, self.verdicts = gallery, verdicts
        places = zip(gallery.which.tolist(), *gallery.centres_yx.T.tolist(), strict=True)
        self._keys = [(gallery.names[index], y, x) for index, y, x in places]
        self.endResetModel()

    def forget_pictures(self) -> None:
        """Forget all pictures that were cut: another model has another box, or binning."""
        self._pictures.clear()

    def picture(self, row: int) -> QImage | None:
        """The picture of a row; None while it is not cut."""
        return self._pictures.get(self._keys[row])

    def missing(self, rows: range) -> dict[str, FloatArray]:
        """The centres that have no picture, by micrograph: those of which `rows` lack one.

        Each is (n, 2), those in `rows` first. A micrograph that has to be read gives more than
        those: reading takes long, cutting one more box does not.
        """
        bare_rows = [row for row in rows if row < len(self.gallery) and self.picture(row) is None]
        missing_yx = {}
        for name in dict.fromkeys(self.gallery.name_of(row) for row in bare_rows):
            index = self.gallery.names.index(name)
            others = np.flatnonzero(self.gallery.which == index).tolist()
            chosen = [row for row in bare_rows if self.gallery.which[row] == index]
            chosen += [row for row in others if self.picture(row) is None and row not in rows]
            missing_yx[name] = self.gallery.centres_yx[chosen[:MOST_AT_ONCE]]
        return missing_yx

    def add(self, name: str, centres_yx: FloatArray, pictures: NDArray[np.uint8]) -> None:
        """Keep the (n, box, box) pictures of (n, 2) centres on a micrograph."""
        if len(self._pictures) > KEPT:
            self._pictures.clear()
        for (row, col), pixels in zip(centres_yx.tolist(), pictures, strict=True):
            self._pictures[name, row, col] = grey_image(pixels)


class GalleryView(QListView):
    """The view of a gallery's pictures; any number can be selected and given verdicts by key."""

    verdict_given = Signal(object)  # "accepted", "rejected" or None: take the verdict back
    undo_asked = Signal()
    scrolled = Signal()  # other rows are in sight
    row_chosen = Signal(int)
    selection_changed = Signal()

    def __init__(self, pictures: GalleryPictures) -> None:
        super().__init__()
        self.pictures = pictures
        self.selected = QColor()
        self.setProperty(KEEPS_FOCUS, True)  # though the mouse is over the canvas
        self.setModel(pictures)
        self.setItemDelegate(_CandidateCell(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setGridSize(CELL)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(2 * CELL.height() + 8)
        if (selection := self.selectionModel()) is not None:
            selection.currentChanged.connect(lambda index, _: self.row_chosen.emit(index.row()))
            selection.selectionChanged.connect(lambda *_: self.selection_changed.emit())
        if (bar := self.verticalScrollBar()) is not None:
            bar.valueChanged.connect(lambda _: self.scrolled.emit())

    def show_theme(self, theme: str) -> None:
        """Show the selection in the colours of a theme."""
        self.selected = QColor(get_theme(theme).current.as_hex())
        self.redraw()

    def sizeHint(self) -> QSize:
        """The size of five columns of pictures and four lines."""
        return QSize(5 * CELL.width() + 24, 4 * CELL.height())

    def rows_in_sight(self) -> range:
        """The rows of which something is seen, and of one line more."""
        viewport, bar = self.viewport(), self.verticalScrollBar()
        if viewport is None or bar is None:
            return range(0)
        columns = max(1, viewport.width() // CELL.width())
        first = bar.value() // CELL.height() * columns
        lines = viewport.height() // CELL.height() + 3
        return range(first, min(first + lines * columns, self.pictures.rowCount()))

    def selected_rows(self) -> NDArray[np.int64]:
        """The (n,) selected rows, rising."""
        selection = self.selectionModel()
        rows = [] if selection is None else [index.row() for index in selection.selectedIndexes()]
        return np.array(sorted(rows), dtype=np.int64)

    def redraw(self) -> None:
        """Draw the pictures in sight again."""
        if (viewport := self.viewport()) is not None:
            viewport.update()

    def select_row(self, row: int) -> None:
        """Select this row alone and bring it into sight."""
        if 0 <= row < self.pictures.rowCount():
            index = self.pictures.index(row)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Give verdicts by A, R and U; Ctrl+Z takes the last verdict back."""
        if event is None:
            return
        modifiers = event.modifiers()
        if event.key() in KEYS and modifiers == Qt.KeyboardModifier.NoModifier:
            self.verdict_given.emit(KEYS[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Z and modifiers == Qt.KeyboardModifier.ControlModifier:
            self.undo_asked.emit()
        elif event.text().isalpha():
            event.ignore()  # the window's keys are at hand here, too; a list would search by them
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: Any) -> None:
        """Tell that other rows are in sight."""
        super().resizeEvent(event)
        self.scrolled.emit()


class _CandidateCell(QStyledItemDelegate):
    """The cell of one candidate: its picture, a frame in the colour of the verdict, a figure."""

    def __init__(self, view: GalleryView) -> None:
        super().__init__(view)
        self._view, self._pictures = view, view.pictures

    def sizeHint(self, option: Any, index: Any) -> QSize:
        return CELL

    def paint(self, painter: QPainter | None, option: Any, index: QModelIndex) -> None:
        if painter is None or index.row() >= self._pictures.rowCount():
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(cell, self._view.selected)
        place = QRect(cell.x() + 3, cell.y() + 3, PICTURE, PICTURE)
        picture = self._pictures.picture(index.row())
        if picture is None:
            painter.fillRect(place, QColor(128, 128, 128, 60))
        else:
            painter.drawImage(place, picture)
        verdict = int(self._pictures.verdicts[index.row()])
        if verdict:
            color = QColor(ACCEPTED if verdict > 0 else REJECTED)
            for inset in range(FRAME):
                painter.setPen(color)
                painter.drawRect(place.adjusted(inset, inset, -inset - 1, -inset - 1))
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        font = painter.font()
        font.setPointSizeF(max(6.0, 0.8 * font.pointSizeF()))
        painter.setFont(font)
        below = QRect(cell.x(), place.bottom() + 1, cell.width(), cell.bottom() - place.bottom())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, index.data())
        painter.restore()
