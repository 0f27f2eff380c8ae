"""Rows of small pictures, such as the boxes that a network is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QIODevice, QPoint, QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_deepem.session.display import Display
from napari_deepem.widgets.pictures.picture_zoom import (
    PictureZoom,
    Zoomed,
    box_part,
    follow_picture_size,
)

ENLARGED = 256  # screen pixels, a side of the picture under the mouse
GAP, EDGE = 3, 4  # screen pixels: between pictures, and left of them


class PictureStrip(QWidget):
    """Rows of grey pictures of boxes, each row with a coloured edge.

    They are of the size that is set for all docks. A row that is too long goes on below, or ends
    if the strip does not wrap.
    """

    def __init__(self, colors: Sequence[str], display: Display, *, wraps: bool = True) -> None:
        super().__init__()
        self._colors = colors
        self._wraps = wraps
        self._rows: list[list[QImage]] = [[] for _ in colors]
        self._side = display.picture_px
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.zoom = PictureZoom(self, self._zoomed_at, display)
        follow_picture_size(self, display, self._on_size)

    def show_rows(self, rows: Sequence[NDArray[np.uint8]]) -> None:
        """Show (n, side, side) grey pictures, see `session.box_pictures`, one array a row."""
        self._rows = [[grey_image(pixels) for pixels in row] for row in rows]
        self._lay_out()

    @property
    def counts(self) -> list[int]:
        """The number of pictures in each row."""
        return [len(row) for row in self._rows]

    def picture_at(self, position: QPoint) -> QImage | None:
        """The picture at a place on the widget; None beside them."""
        return next((image for place, image, _ in self._places() if place.contains(position)), None)

    def sizeHint(self) -> QSize:
        """The size that the rows need at the present width."""
        return QSize(300, self._height(self.width() or 300))

    def resizeEvent(self, event: object) -> None:
        """Keep the height that fits the width."""
        self._lay_out()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the rows of pictures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for place, image, color in self._places():
            painter.fillRect(QRect(0, place.top(), 2, place.height()), QColor(color))
            painter.drawImage(place.toRectF(), image, box_part(image))
        painter.end()

    def _on_size(self, side: int) -> None:
        self._side = side
        self._lay_out()

    def _lay_out(self) -> None:
        self.setFixedHeight(self._height(self.width()))
        self.updateGeometry()
        self.update()

    def _zoomed_at(self, position: QPoint) -> Zoomed | None:
        image = self.picture_at(position)
        return None if image is None else Zoomed(image)

    def _columns(self, width: int) -> int:
        return max(1, (width - EDGE + GAP) // (self._side + GAP))

    def _height(self, width: int) -> int:
        columns = self._columns(width)
        return sum(self._lines(row, columns) for row in self._rows) * (self._side + GAP)

    def _lines(self, row: Sequence[QImage], columns: int) -> int:
        lines = -(-len(row) // columns)
        return lines if self._wraps else min(lines, 1)

    def _places(self) -> Iterator[tuple[QRect, QImage, str]]:
        """Where each picture is, and the colour of its row."""
        columns, pitch, line = self._columns(self.width()), self._side + GAP, 0
        for row, color in zip(self._rows, self._colors, strict=True):
            lines = self._lines(row, columns)
            for number, image in enumerate(row[: lines * columns]):
                down, column = divmod(number, columns)
                left, top = EDGE + column * pitch, (line + down) * pitch
                yield QRect(left, top, self._side, self._side), image, color
            line += lines


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
