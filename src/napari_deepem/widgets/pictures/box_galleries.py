"""A choice of boxes: of each a few pictures that it would hold, one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_deepem.layers.label_points import COLORS
from napari_deepem.session.box_choices import PicturedBox
from napari_deepem.session.display import Display
from napari_deepem.widgets.pictures.picture_strip import PictureStrip

COLOR = COLORS["picks"]
WHAT_CHOOSING_DOES = (
    "Makes this the box size. A particle and a little of its surroundings should be in the "
    "pictures: they hold what the general network takes for particles first at this size, and the "
    "figure is how sure it is of them. Below 50 % it takes hardly any for a particle."
)


class BoxGalleries(QWidget):
    """The boxes to choose from, each a button and a strip of pictures; a click on either takes it.

    `chosen` has the size of a box, original pixels.
    """

    chosen = Signal(int)

    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display
        self.buttons: list[QPushButton] = []
        self.strips: list[PictureStrip] = []
        self._boxes: Sequence[PicturedBox] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(3)

    def show_boxes(self, boxes: Sequence[PicturedBox]) -> None:
        """Show other boxes; nothing is seen where there are none."""
        if boxes is self._boxes:
            return
        self._boxes = boxes
        for widget in (*self.buttons, *self.strips):
            self._column.removeWidget(widget)
            widget.deleteLater()
        self.buttons, self.strips = [], []
        for box in boxes:
            button, strip = QPushButton(), _ClickedStrip([COLOR], self._display, wraps=False)
            button.setCheckable(True)
            button.setToolTip(WHAT_CHOOSING_DOES)
            strip.show_rows([box.pictures])
            for signal in (button.clicked, strip.clicked):
                signal.connect(lambda *_, box=box: self.chosen.emit(box.box_size_px))
            self._column.addWidget(button)
            self._column.addWidget(strip)
            self.buttons.append(button)
            self.strips.append(strip)
        self.setVisible(bool(boxes))

    def show_sizes(self, box_size_px: int, pixel_size: float | None) -> None:
        """Show which of the boxes is in use, and how large each is, in Angstrom where known."""
        for button, box in zip(self.buttons, self._boxes, strict=True):
            size_px = box.box_size_px
            angstrom = "" if pixel_size is None else f" ({size_px * pixel_size:.0f} Å)"
            button.setText(f"Box of {size_px} px{angstrom}: {box.score:.0%} sure")
            button.setChecked(size_px == box_size_px)


class _ClickedStrip(PictureStrip):
    """A strip of pictures that is clicked on as a whole."""

    clicked = Signal()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> Any:
        """Tell of the click."""
        self.clicked.emit()
