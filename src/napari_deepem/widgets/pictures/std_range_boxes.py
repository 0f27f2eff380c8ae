"""Boxes at both ends of the range of standard deviations: the last that are kept, the first cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_deepem.widgets.pictures.picture_strip import grey_image

SIDE, GAP, CAPTION = 66, 6, 16  # screen pixels
KEPT, CUT = "#22d3ee", "#f472b6"
WORDS = ("cut", "kept", "kept", "cut")


class StdRangeBoxes(QWidget):
    """Four pictures: just below the range, just within it, and the same at its other end."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[QImage | None] = [None] * len(WORDS)
        self._stds: list[float | None] = [None] * len(WORDS)
        self.setFixedHeight(SIDE + CAPTION)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Boxes next to both ends of the range, of those above the threshold. Below each, the "
            "standard deviation of its pixels."
        )

    def show_stds(self, stds: Sequence[float | None]) -> None:
        """Show standard deviations of the four boxes, None where there is none; pictures follow."""
        self._stds = list(stds)
        self.images = [
            None if std is None else image for std, image in zip(stds, self.images, strict=True)
        ]
        self.update()

    def show_pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Show the (box, box) grey pictures of the boxes that have a standard deviation."""
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
        right = self.width() - 2 * SIDE - GAP - 1
        lefts = (0, SIDE + GAP, right, right + SIDE + GAP)
        for left, image, word, caption in zip(
            lefts, self.images, WORDS, self.captions, strict=True
        ):
            frame = QRect(left, 0, SIDE, SIDE)
            if image is not None:
                painter.drawImage(frame, image)
            if caption:
                painter.setPen(QPen(QColor(KEPT if word == "kept" else CUT), 2))
                painter.drawRect(frame.adjusted(1, 1, -1, -1))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            below = QRect(left, SIDE, SIDE, CAPTION)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, caption)
        painter.end()
