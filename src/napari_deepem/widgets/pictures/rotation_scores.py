"""One box in four rotations, each with its score as a bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_deepem.layers.label_points import COLORS
from napari_deepem.widgets.pictures.picture_strip import grey_image

SIDE_PX, GAP, BAR_PX = 64, 14, 8  # screen pixels
BAR, TRACK = QColor(COLORS["picks"]), QColor(128, 128, 128, 70)


class RotationScores(QWidget):
    """Pictures side by side, a bar below each that is as long as its score, and the threshold."""

    def __init__(self) -> None:
        super().__init__()
        self._images: list[QImage] = []
        self._scores: list[float] = []
        self._threshold = 0.0
        self._color = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "The network's score of this box, as it is and turned by 90, 180 and 270 degrees: a "
            "particle has high ones in all. The line is the threshold."
        )

    def show_theme(self, theme: str) -> None:
        """Show the figures in the colours of a theme."""
        self._color = QColor(get_theme(theme).text.as_hex())
        self.update()

    def show_scores(
        self, pictures: Sequence[NDArray[np.uint8]], scores: Sequence[float], threshold: float
    ) -> None:
        """Show (box, box) pictures and their scores."""
        self._images = [grey_image(pixels) for pixels in pictures]
        self._scores, self._threshold = list(scores), threshold
        self.update()

    def sizeHint(self) -> QSize:
        """The size of four pictures with their bars and figures."""
        height = SIDE_PX + BAR_PX + 4 + self.fontMetrics().height()
        return QSize(4 * (SIDE_PX + GAP), height)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw pictures, bars and figures."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for number, (image, score) in enumerate(zip(self._images, self._scores, strict=True)):
            left, top = number * (SIDE_PX + GAP), SIDE_PX + 3
            painter.drawImage(QRect(left, 0, SIDE_PX, SIDE_PX), image)
            painter.fillRect(QRect(left, top, SIDE_PX, BAR_PX), TRACK)
            painter.fillRect(QRect(left, top, round(score * SIDE_PX), BAR_PX), BAR)
            at = left + round(self._threshold * SIDE_PX)
            painter.setPen(QPen(self._color, 2))
            painter.drawLine(at, top - 1, at, top + BAR_PX)
            below = QRect(left, top + BAR_PX, SIDE_PX, self.height() - top - BAR_PX)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, f"{score:.2f}")
        painter.end()
