"""A gallery of candidates: thousands of small pictures, of which only those in sight are drawn.

A list view of Qt's asks Python for each of its items again and again: selecting 5000 took it most
of a second. Here a selection is a mask, and when the viewport is scrolled only new lines are drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QRect, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QCursor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QAbstractScrollArea

from napari_deepem.controllers.canvas_focus import KEEPS_FOCUS
from napari_deepem.session.display import Display
from napari_deepem.widgets.pictures.gallery_cells import GalleryCells
from napari_deepem.widgets.pictures.gallery_pictures import GalleryPictures
from napari_deepem.widgets.pictures.gallery_selection import STEPS, GallerySelection
from napari_deepem.widgets.pictures.picture_zoom import PictureZoom, Zoomed, follow_picture_size

KEYS = {Qt.Key.Key_A: "accepted", Qt.Key.Key_R: "rejected", Qt.Key.Key_U: None}
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
TOLD = SHIFT | CTRL | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
DRAG_PX = 6  # of the screen: a mouse that moved less has clicked
AUTO_SCROLL_MS = 30  # while a rubber band is dragged past the edge
_BAR_ON, _BAR_OFF = Qt.ScrollBarPolicy.ScrollBarAlwaysOn, Qt.ScrollBarPolicy.ScrollBarAlwaysOff


class GalleryView(QAbstractScrollArea):
    """The view of a gallery's pictures; any number can be selected and given verdicts by key.

    Click, Shift-click and Ctrl-click, a rubber band, Ctrl-A and the arrow keys select, as in any
    list of files.
    """

    verdict_given = Signal(object)  # "accepted", "rejected" or None: take the verdict back
    undo_asked = Signal()
    scrolled = Signal()  # other rows are in sight
    row_chosen = Signal(int)
    selection_changed = Signal()

    def __init__(self, pictures: GalleryPictures) -> None:
        super().__init__()
        self.pictures = pictures
        self.cells = GalleryCells(pictures)
        self._selection = GallerySelection()
        self._pressed: QPoint | None = None  # in the coordinates of all lines
        self._band: QRect | None = None
        self._scrolling = QTimer(self)
        self._scrolling.setInterval(AUTO_SCROLL_MS)
        self._scrolling.timeout.connect(self._scroll_on)
        self.setProperty(KEEPS_FOCUS, True)  # though the mouse is over the canvas
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setVerticalScrollBarPolicy(_BAR_OFF)
        self.setHorizontalScrollBarPolicy(_BAR_OFF)
        self.setMinimumHeight(2 * self.cells.height + 8)
        self.bar.valueChanged.connect(lambda _: self.scrolled.emit())
        self.pictures.shown.connect(self._on_shown)

    @property
    def area(self) -> Any:
        """The widget that the cells are drawn on."""
        return self.viewport()

    @property
    def bar(self) -> Any:
        """The scroll bar, which counts screen pixels."""
        return self.verticalScrollBar()

    def show_theme(self, theme: str) -> None:
        """Show the gallery in the colours of a theme."""
        colors = get_theme(theme)
        self.cells.color(colors.current.as_hex(), colors.text.as_hex())
        self.redraw()

    def sizeHint(self) -> QSize:
        """The size of five columns of pictures; its height is what a dock has left for it."""
        return QSize(5 * self.cells.width + 24, self.minimumHeight())

    def follow_display(self, display: Display) -> None:
        """Enlarge the picture under the mouse, and show all in the size that is chosen."""
        self.zoom = PictureZoom(self.area, self._zoomed_at, display)
        follow_picture_size(self, display, self.show_size)

    def show_size(self, picture_px: int) -> None:
        """Show pictures with sides of so many screen pixels; what is on top stays there."""
        top = self.bar.value() // self.cells.height * self._columns
        self.cells.picture_px = picture_px
        self._lay_out()
        self.bar.setValue(top // self._columns * self.cells.height)
        self.redraw()
        self.scrolled.emit()

    # rows

    def rows_in_sight(self) -> range:
        """The rows of which something is seen, and of one line more."""
        first = self.bar.value() // self.cells.height
        lines = self.area.height() // self.cells.height + 3
        count = len(self._selection)
        return range(min(first * self._columns, count), min((first + lines) * self._columns, count))

    def selected_rows(self) -> NDArray[np.int64]:
        """The (n,) selected rows, rising."""
        return self._selection.rows

    @property
    def current_row(self) -> int | None:
        """The row that was selected last; None where there is none."""
        return self._selection.current

    def row_at(self, position: QPoint) -> int | None:
        """The row drawn at a place of the viewport; None beside all."""
        place = position + QPoint(0, self.bar.value())
        return self.cells.row_at(place, self._columns, len(self._selection))

    def place_of(self, row: int) -> QRect:
        """The place of a row's cell on the viewport."""
        return self.cells.place_of(row, self._columns).translated(0, -self.bar.value())

    def redraw(self) -> None:
        """Draw what is in sight again."""
        self.area.update()

    # selection

    def select_row(self, row: int, *, adding: bool = False) -> None:
        """Select this row, alone or `adding` it to those that are, and bring it into sight."""
        if 0 <= row < len(self._selection):
            self._selection.click(row, toggles=adding)
            self._go_to(row)

    def select_rows(self, rows: NDArray[np.int64]) -> None:
        """Select just these rows; the view stays where it is."""
        self._selection.only(rows)
        self._tell_selection()

    def selectAll(self) -> None:
        """Select every row."""
        self.select_rows(np.arange(len(self.pictures.gallery)))

    def _go_to(self, row: int) -> None:
        """Bring a row that was selected into sight, and tell of it."""
        self._bring_into_sight(row)
        self.row_chosen.emit(row)
        self._tell_selection()

    def _tell_selection(self) -> None:
        self.redraw()
        self.selection_changed.emit()

    def _bring_into_sight(self, row: int) -> None:
        place = self.place_of(row)
        if place.top() < 0:
            self.bar.setValue(self.bar.value() + place.top())
        elif place.bottom() > self.area.height():
            self.bar.setValue(self.bar.value() + place.bottom() - self.area.height() + 1)

    # what Qt tells

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Give verdicts by A, R and U; Ctrl+Z takes the last verdict back; arrows go on."""
        if event is None:
            return
        key, modifiers = event.key(), event.modifiers() & TOLD
        if key in KEYS and modifiers == NONE:
            self.verdict_given.emit(KEYS[Qt.Key(key)])
        elif key == Qt.Key.Key_Z and modifiers == CTRL:
            self.undo_asked.emit()
        elif key == Qt.Key.Key_A and modifiers == CTRL:
            self.selectAll()
        elif key in STEPS and modifiers in (NONE, SHIFT):
            self._step(*STEPS[Qt.Key(key)], extends=modifiers == SHIFT)
        else:
            event.ignore()  # the window's keys are at hand here, too

    def _step(self, rows: int, lines: int, pages: int, *, extends: bool) -> None:
        if len(self._selection):
            lines += pages * max(1, self.area.height() // self.cells.height)
            self._go_to(self._selection.step(rows + lines * self._columns, extends=extends))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Select what is pressed on; a rubber band may follow."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        row, modifiers = self.row_at(event.pos()), event.modifiers() & TOLD
        self._pressed = event.pos() + QPoint(0, self.bar.value())
        self._selection.begin_band(keeps=bool(modifiers & (SHIFT | CTRL)))
        if row is not None and modifiers & SHIFT:
            self._selection.extend(row)
        elif row is not None:
            self._selection.click(row, toggles=bool(modifiers & CTRL))
        elif not modifiers & (SHIFT | CTRL):
            self._selection.only(np.empty(0, dtype=np.int64))
        self._tell_selection()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Select what a rubber band touches."""
        if event is not None:
            self._stretch_to(event.pos())

    def _stretch_to(self, position: QPoint) -> None:
        """Stretch the rubber band to a place of the viewport; beyond its edge it scrolls."""
        start, place = self._pressed, position + QPoint(0, self.bar.value())
        if start is None or (self._band is None and (place - start).manhattanLength() < DRAG_PX):
            return
        self._band = QRect(start, place).normalized()
        self._selection.band(self.cells.rows_in(self._band, self._columns, len(self._selection)))
        self._tell_selection()
        if 0 <= position.y() < self.area.height():
            self._scrolling.stop()
        elif not self._scrolling.isActive():
            self._scrolling.start()

    def _scroll_on(self) -> None:
        """Scroll while the mouse is held beyond the upper or lower edge, the faster the farther."""
        position = self.area.mapFromGlobal(QCursor.pos())
        beyond = min(position.y(), 0) + max(position.y() - self.area.height(), 0)
        self.bar.setValue(self.bar.value() + beyond)
        self._stretch_to(position)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Let the rubber band go; what was clicked on is gone to."""
        if self._pressed is None:
            return
        row = None if self._band is not None else self._selection.current
        self._scrolling.stop()
        self._pressed = self._band = None
        if row is not None:
            self._go_to(row)
        self.redraw()

    def _zoomed_at(self, position: QPoint) -> Zoomed | None:
        row = self.row_at(position)
        return None if row is None else self.pictures.zoomed(self.pictures.gallery, row)

    def resizeEvent(self, event: Any) -> None:
        """Tell that other rows are in sight."""
        super().resizeEvent(event)
        self._lay_out()
        self.scrolled.emit()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is drawn; only the lines that come into sight are drawn anew."""
        if self._band is None:
            self.area.scroll(dx, dy)
        else:
            self.redraw()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the cells in the part that is to be drawn."""
        if event is None:
            return
        painter, top = QPainter(self.area), self.bar.value()
        part = event.rect().translated(0, top)
        painter.translate(0, -top)
        rows = self.cells.rows_in(part, self._columns, len(self._selection))
        self.cells.draw(painter, rows, self._columns, self._selection.mask)
        if self._band is not None:
            self.cells.draw_band(painter, self._band)
        painter.end()

    # layout

    @property
    def _columns(self) -> int:
        return max(1, self.area.width() // self.cells.width)

    def _on_shown(self) -> None:
        count = len(self.pictures.gallery)
        self.setVerticalScrollBarPolicy(_BAR_ON if count else _BAR_OFF)  # none beside nothing
        self._selection.begin(count)
        self._lay_out()
        self._tell_selection()

    def _lay_out(self) -> None:
        lines = -(-len(self._selection) // self._columns)
        height = self.area.height()
        self.bar.setPageStep(height)
        self.bar.setSingleStep(self.cells.height // 2)
        self.bar.setRange(0, max(0, lines * self.cells.height - height))
