"""Rows of small pictures, such as the boxes that a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QEvent, QIODevice, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

GAP = 3  # screen pixels
ENLARGED = 256  # screen pixels, a side of the picture under the mouse


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

    def event(self, event: QEvent | None) -> bool:
        """Show the picture under the mouse enlarged where it rests."""
        if isinstance(event, QHelpEvent):
            image = self.picture_at(event.pos())
            QToolTip.showText(event.globalPos(), "" if image is None else enlarged(image), self)
            return True
        return super().event(event)

    def picture_at(self, position: QPoint) -> QImage | None:
        """The picture at a place on the widget; None beside them."""
        pitch = self._side(self.width()) + GAP
        number, column = position.y() // pitch, (position.x() - 4) // pitch
        if not 0 <= number < len(self._rows) or not 0 <= column < len(self._rows[number]):
            return None
        return self._rows[number][column]

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


def enlarged(image: QImage, text: str = "") -> str:
    """The tooltip that shows a picture large enough to judge it, above a text."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    smooth = Qt.TransformationMode.SmoothTransformation
    image.scaledToWidth(ENLARGED, smooth).save(buffer, "PNG")
    data = bytes(buffer.data().toBase64().data()).decode()
    return f'<img src="data:image/png;base64,{data}"><br>{escape(text)}'
