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
        self._texts: dict[str, tuple[QStaticText, int]] = {}
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
        painter.setPen(self._color)
        for row, is_selected in zip(rows.tolist(), selected[rows].tolist(), strict=True):
            line, column = divmod(row, columns)
            left, top = column * self.width, line * self.height
            if is_selected:
                painter.fillRect(left, top, self.width, self.height, self.selected)
            self._draw_cell(painter, row, left, top, ratio)

    def draw_band(self, painter: QPainter, band: QRect) -> None:
        """Draw a rubber band."""
        inside = QColor(self.selected)
        inside.setAlpha(60)
        painter.fillRect(band, inside)
        painter.setPen(QPen(self._color, 1, Qt.PenStyle.DashLine))
        painter.drawRect(band.adjusted(0, 0, -1, -1))

    def _draw_cell(self, painter: QPainter, row: int, left: int, top: int, ratio: float) -> None:
        side, text = self.picture_px, self._pictures.figure_of(row)
        pixmap = self._pictures.drawn(row, side, ratio)
        if pixmap is None:
            painter.fillRect(left + MARGIN, top + MARGIN, side, side, PLACEHOLDER)
        else:
            painter.drawPixmap(left + MARGIN, top + MARGIN, pixmap)
        if verdict := int(self._pictures.verdicts[row]):
            color, sign = VERDICTS[verdict]
            text = f"{sign} {text}"
            inset, within = MARGIN + FRAME // 2, side - FRAME
            painter.setPen(QPen(color, FRAME))
            painter.drawRect(left + inset, top + inset, within, within)
            painter.setPen(self._color)
        label, width = self._laid_out(text)
        painter.drawStaticText(left + (self.width - width) // 2, top + MARGIN + side + 1, label)

    def _laid_out(self, text: str) -> tuple[QStaticText, int]:
        """A text that is laid out already, and its width: there are few different ones."""
        if (known := self._texts.get(text)) is not None:
            return known
        if len(self._texts) > TEXTS:
            self._texts.clear()
        label = QStaticText(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.prepare(font=self._font)
        self._texts[text] = label, round(label.size().width())
        return self._texts[text]
