"""The cells of a gallery: where each is, and how it is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QStaticText

from napari_deepem.layers.verdict_points import ACCEPTED, REJECTED
from napari_deepem.widgets.pictures.gallery_pictures import GalleryPictures

PICTURE_PX = 55  # screen pixels, at first
MARGIN, FRAME = 3, 3
PLACEHOLDER = QColor(128, 128, 128, 60)
VERDICTS = {1: (QColor(ACCEPTED), "✓"), -1: (QColor(REJECTED), "✗")}  # a sign beside the colour
TEXTS = 2000  # that are kept laid out


class GalleryCells:
    """The layout of a gallery's cells in lines, and their looks.

    A cell holds a picture, in a frame of the colour of its verdict, and a figure below it. Places
    are those of all lines, as if all could be seen at once.
    """

    def __init__(self, pictures: GalleryPictures) -> None:
        self._pictures = pictures
        self._texts: dict[str, QStaticText] = {}
        self._color = QColor()
        self.selected = QColor()
        self.picture_px = PICTURE_PX
        self._font = QFont()
        self._font.setPointSizeF(max(6.0, 0.8 * self._font.pointSizeF()))
        self._text_px = QFontMetrics(self._font).height()

    @property
    def width(self) -> int:
        """The width of a cell, screen pixels."""
        return self.picture_px + 2 * MARGIN

    @property
    def height(self) -> int:
        """The height of a cell, screen pixels."""
        return self.picture_px + 2 * MARGIN + self._text_px

    def color(self, selected: str, text: str) -> None:
        """Draw in these colours from now on."""
        self.selected, self._color = QColor(selected), QColor(text)

    def place_of(self, row: int, columns: int) -> QRect:
        """The place of a row's cell."""
        line, column = divmod(row, columns)
        return QRect(column * self.width, line * self.height, self.width, self.height)

    def row_at(self, place: QPoint, columns: int, count: int) -> int | None:
        """The row of the cell at a place; None beside the first `count` cells."""
        column, line = place.x() // self.width, place.y() // self.height
        row = line * columns + column
        return row if 0 <= column < columns and 0 <= row < count else None

    def rows_in(self, part: QRect, columns: int, count: int) -> NDArray[np.int64]:
        """The (n,) rows of the first `count` cells that reach into a part, rising."""
        first, last = part.left() // self.width, part.right() // self.width
        across = np.arange(max(0, first), min(last, columns - 1) + 1)
        down = np.arange(max(0, part.top() // self.height), part.bottom() // self.height + 1)
        rows = (down[:, None] * columns + across).ravel()
        return rows[rows < count]

    def draw(
        self,
        painter: QPainter,
        rows: NDArray[np.int64],
        columns: int,
        selected: NDArray[np.bool_],
    ) -> None:
        """Draw the cells of these rows; `selected`, (n,), is a mask of all."""
        painter.setFont(self._font)
        device: Any = painter.device()
        ratio = device.devicePixelRatioF()
        for row in rows.tolist():
            self._draw_cell(painter, row, self.place_of(row, columns), bool(selected[row]), ratio)

    def draw_band(self, painter: QPainter, band: QRect) -> None:
        """Draw a rubber band."""
        inside = QColor(self.selected)
        inside.setAlpha(60)
        painter.fillRect(band, inside)
        painter.setPen(QPen(self._color, 1, Qt.PenStyle.DashLine))
        painter.drawRect(band.adjusted(0, 0, -1, -1))

    def _draw_cell(
        self, painter: QPainter, row: int, cell: QRect, selected: bool, ratio: float
    ) -> None:
        if selected:
            painter.fillRect(cell, self.selected)
        side = self.picture_px
        place = QRect(cell.x() + MARGIN, cell.y() + MARGIN, side, side)
        pixmap = self._pictures.drawn(row, side, ratio)
        if pixmap is None:
            painter.fillRect(place, PLACEHOLDER)
        else:
            painter.drawPixmap(place.topLeft(), pixmap)
        text = self._pictures.figure_of(row)
        if verdict := int(self._pictures.verdicts[row]):
            color, sign = VERDICTS[verdict]
            half = FRAME // 2
            painter.setPen(QPen(color, FRAME))
            painter.drawRect(place.adjusted(half, half, -half - 1, -half - 1))
            text = f"{sign} {text}"
        label = self._laid_out(text)
        left = cell.x() + (self.width - round(label.size().width())) // 2
        painter.setPen(self._color)
        painter.drawStaticText(left, place.bottom() + 2, label)

    def _laid_out(self, text: str) -> QStaticText:
        """A text that is laid out already: there are few different ones."""
        label = self._texts.get(text)
        if label is None:
            if len(self._texts) > TEXTS:
                self._texts.clear()
            label = self._texts[text] = QStaticText(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.prepare(font=self._font)
        return label
