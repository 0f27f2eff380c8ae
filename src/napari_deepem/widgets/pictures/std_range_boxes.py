"""Boxes at both ends of the range of standard deviations: the last that are kept, the first cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtGui import QColor, QHelpEvent, QImage, QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_deepem.widgets.pictures.picture_strip import enlarged, grey_image

HELP = (
    "Boxes next to both ends of the range, of those above the threshold. Below each, the standard "
    "deviation of its pixels."
)
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

    def event(self, event: QEvent | None) -> bool:
        """Show the box under the mouse enlarged where it rests, and what it is."""
        if isinstance(event, QHelpEvent):
            at = next(
                (n for n, x in enumerate(self._lefts()) if 0 <= event.pos().x() - x < SIDE), 0
            )
            image = self.images[at]
            QToolTip.showText(
                event.globalPos(), HELP if image is None else enlarged(image, HELP), self
            )
            return True
        return super().event(event)

    def _lefts(self) -> tuple[int, int, int, int]:
        right = self.width() - 2 * SIDE - GAP - 1
        return 0, SIDE + GAP, right, right + SIDE + GAP

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
        for left, image, word, caption in zip(
            self._lefts(), self.images, WORDS, self.captions, strict=True
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
