"""Boxes at both ends of the range of standard deviations: the last that are kept, the first cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_deepem.layers.label_points import COLORS
from napari_deepem.session.display import Display
from napari_deepem.widgets.pictures.picture_strip import grey_image
from napari_deepem.widgets.pictures.picture_zoom import (
    PictureZoom,
    Zoomed,
    box_part,
    follow_picture_size,
)

HELP = (
    "Boxes next to both ends of the range, of those above the threshold. Below each, the standard "
    "deviation of its pixels."
)
GAP, CAPTION = 6, 16  # screen pixels
KEPT, CUT = COLORS["picks"], COLORS["negative"]
WORDS = ("cut", "kept", "kept", "cut")


class StdRangeBoxes(QWidget):
    """Four pictures: just below the range, just within it, and the same at its other end."""

    def __init__(self, display: Display) -> None:
        super().__init__()
        self.images: list[QImage | None] = [None] * len(WORDS)
        self._stds: list[float | None] = [None] * len(WORDS)
        self._largest = display.picture_px
        self.setToolTip(HELP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.zoom = PictureZoom(self, self._zoomed_at, display)
        follow_picture_size(self, display, self._on_size)

    def resizeEvent(self, event: object) -> None:
        """Keep the height that fits the width."""
        self.setFixedHeight(self._side() + CAPTION)

    def _on_size(self, side: int) -> None:
        self._largest = side
        self.setFixedHeight(self._side() + CAPTION)
        self.update()

    def _side(self) -> int:
        """The side of a picture: as set for all docks, or less where four are too wide."""
        return min(self._largest, (self.width() - 4 * GAP) // len(WORDS))

    def _lefts(self) -> tuple[int, int, int, int]:
        side = self._side()
        right = self.width() - 2 * side - GAP - 1
        return 0, side + GAP, right, right + side + GAP

    def _zoomed_at(self, position: QPoint) -> Zoomed | None:
        for image, left, caption in zip(self.images, self._lefts(), self.captions, strict=True):
            if image is not None and 0 <= position.x() - left < self._side():
                return Zoomed(image, f"std: {caption}")
        return None

    def show_stds(self, stds: Sequence[float | None]) -> None:
        """Show standard deviations of the four boxes, None where there is none; pictures follow."""
        self._stds = list(stds)
        self.images = [
            None if std is None else image for std, image in zip(stds, self.images, strict=True)
        ]
        self.update()

    def show_pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show the (side, side) grey pictures of the boxes that have a standard deviation."""
        remaining = iter(pictures)
        self.images = [None if std is None else grey_image(next(remaining)) for std in self._stds]
        self.update()

    @property
    def captions(self) -> list[str]:
        """The text below each box; empty where there is no box."""
        return [
            "" if std is None else f"{word} {std:.2f}"
            for std, word in zip(self._stds, WORDS, strict=True)
        ]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw two pictures on the left, two on the right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        side = self._side()
        for left, image, word, caption in zip(
            self._lefts(), self.images, WORDS, self.captions, strict=True
        ):
            frame = QRect(left, 0, side, side)
            if image is not None:
                painter.drawImage(frame.toRectF(), image, box_part(image))
            if caption:
                painter.setPen(QPen(QColor(KEPT if word == "kept" else CUT), 2))
                painter.drawRect(frame.adjusted(1, 1, -1, -1))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            below = QRect(left, side, side, CAPTION)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, caption)
        painter.end()
