"""Rows of small pictures, such as the boxes that a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRect, QSize
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

GAP = 3  # screen pixels


class PictureStrip(QWidget):
    """Rows of grey pictures, as large as the width allows, each row with a coloured edge."""

    def __init__(self, columns: int, colors: Sequence[str]) -> None:
        super().__init__()
        self._columns = columns
        self._colors = colors
        self._rows: list[list[QImage]] = [[] for _ in colors]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: Sequence[NDArray[np.uint8]]) -> None:
        """Show (n, box, box) grey pictures, one array a row; more than fit are left out."""
        self._rows = [[grey_image(pixels) for pixels in row[: self._columns]] for row in rows]
        self.updateGeometry()
        self.update()

    @property
    def counts(self) -> list[int]:
        """The number of pictures in each row."""
        return [len(row) for row in self._rows]

    def sizeHint(self) -> QSize:
        """The size that the rows need at the present width."""
        return QSize(300, len(self._rows) * (self._side(self.width() or 300) + GAP))

    def resizeEvent(self, event: object) -> None:
        """Keep the height that fits the width."""
        self.setFixedHeight(len(self._rows) * (self._side(self.width()) + GAP))

    def _side(self, width: int) -> int:
        return max(12, (width - 4) // self._columns - GAP)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the rows of pictures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = self._side(self.width())
        for number, (row, color) in enumerate(zip(self._rows, self._colors, strict=True)):
            top = number * (side + GAP)
            if row:
                painter.fillRect(QRect(0, top, 2, side), QColor(color))
            for column, image in enumerate(row):
                painter.drawImage(QRect(4 + column * (side + GAP), top, side, side), image)
        painter.end()


def grey_image(pixels: NDArray[np.uint8]) -> QImage:
    """The image of (h, w) grey values, with its own copy of them."""
    height, width = pixels.shape
    data = np.ascontiguousarray(pixels).tobytes()
    return QImage(data, width, height, width, QImage.Format.Format_Grayscale8).copy()
