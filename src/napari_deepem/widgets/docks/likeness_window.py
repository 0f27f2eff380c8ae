"""The window of picks by their likeness: one sweep of a lasso, one key, and a kind is rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from magicgui.widgets import Container, ProgressBar
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_deepem.controllers.comparing import Comparing
from napari_deepem.session.boxes_alike import GROUPS
from napari_deepem.session.readiness import why_not_review
from napari_deepem.session.review_gallery import verdicts_on
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    enable_running,
    row,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.gallery_filling import GalleryFilling
from napari_deepem.widgets.pictures.gallery import KEYS
from napari_deepem.widgets.pictures.picture_zoom import PictureZoom, Zoomed
from napari_deepem.widgets.plots.likeness_plot import COLORS, LikenessPlot, symbol_path

TITLE = "Picks by likeness"
SIZE = 460, 520  # screen pixels: on a window of 1280 x 800 it leaves the gallery free
HINT = (
    "Each point is a pick; those that look alike to the network lie together. Drag a lasso around "
    "some, or click one of the groups: Review shows their pictures, all selected. Are they no "
    "particles? R rejects them all, A accepts them. Shift adds to the lasso."
)
WHAT_COMPARE_DOES = (
    "Lays out the picks so that those lie together in which the network sees the same."
)
WHAT_STOP_DOES = "Stops after the next boxes. What was compared is kept for the next time."


class LikenessWindow(QWidget):
    """A window beside Review.

    Parameters
    ----------
    dock : Dock
        Review, over whose window this one stays.
    filling : GalleryFilling
        Says which micrographs' picks are compared, and shows what is in the lasso.
    on_key : callable
        Gets a verdict, or "undo".
    """

    def __init__(
        self,
        dock: Dock,
        filling: GalleryFilling,
        on_key: Callable[[Any], object],
    ) -> None:
        super().__init__(dock.native.window(), Qt.WindowType.Tool)
        self.setWindowTitle(TITLE)
        self.resize(*SIZE)
        self._session, self._filling, self._on_key = dock.session, filling, on_key
        self.comparing = Comparing(dock.session, filling.peak_sizes)
        self.plot = LikenessPlot()
        self.groups = [_GroupButton(number) for number in range(GROUPS)]
        self.compare = button("Compare", self._compare, WHAT_COMPARE_DOES)
        self.stop = button("Stop", self.comparing.cancel, WHAT_STOP_DOES)
        self.progress = ProgressBar(min=0, max=1, value=0)
        self.status, self.hint = text_line("status"), text_line("hint")
        self._lay_out()
        for number, group in enumerate(self.groups):
            group.clicked.connect(lambda _=False, number=number: self._choose_group(number))
        self.plot.chosen.connect(self._choose)
        self.zoom = PictureZoom(self.plot.widget.viewport(), self._zoomed_at, dock.session.display)
        self._follow(dock)
        self._show_result()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.plot.widget, 1)
        chips = QHBoxLayout()
        for group in self.groups:
            chips.addWidget(group)
        column.addLayout(chips)
        lines: list[Any] = [self.hint, self.status, self.progress, row(self.compare, self.stop)]
        controls = Container(widgets=lines, labels=False)
        controls.margins = (0, 0, 0, 0)
        self._controls = controls  # magicgui's part must live as long as Qt's
        column.addWidget(controls.native)

    def _follow(self, dock: Dock) -> None:
        session, activity = dock.session, self.comparing.activity.events
        for signal in (activity.running, activity.message, activity.total, activity.done):
            dock.follow(signal, self._show_progress)
        dock.follow(self.comparing.changed, self._show_result)
        for name in ("model", "files"):
            dock.follow(session.events[name], self.comparing.forget)
        for name in ("candidates", "models_to_come"):
            dock.follow(session.events[name], self._show_progress)
        dock.follow(session.events.verdicts, self._show_verdicts)
        dock.follow_theme(self.plot.show_theme)

    # what is done

    def _compare(self) -> None:
        self.comparing.compare(self._filling.names)

    def _choose_group(self, number: int) -> None:
        result = self.comparing.result
        if result is not None:
            mask = result.groups == number
            self.plot.choose(mask)
            self._choose(mask)

    def _choose(self, mask: NDArray[np.bool_]) -> None:
        result = self.comparing.result
        if result is not None:
            self._filling.show_lassoed(result.gallery.only(mask))
            self._show_progress()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin at once: whoever opens the window wants to see how picks compare."""
        super().showEvent(event)
        if self.comparing.result is None and not why_not_review(self._session):
            self._compare()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Give verdicts by A, R and U; Ctrl+Z takes the last verdict back."""
        if event is None:
            return
        key, modifiers = event.key(), event.modifiers()
        if key in KEYS and modifiers == Qt.KeyboardModifier.NoModifier:
            self._on_key(KEYS[Qt.Key(key)])
        elif key == Qt.Key.Key_Z and modifiers == Qt.KeyboardModifier.ControlModifier:
            self._on_key("undo")
        else:
            super().keyPressEvent(event)

    # what is shown

    def _zoomed_at(self, position: QPoint) -> Zoomed | None:
        result, point = self.comparing.result, self.plot.point_at(position)
        if result is None or point is None:
            return None
        return self._filling.zoomed(result.gallery, point)

    def _show_result(self) -> None:
        result = self.comparing.result
        groups = np.zeros(0, np.int64) if result is None else result.groups
        self.plot.show(np.zeros((0, 2)) if result is None else result.places, groups)
        for number, group in enumerate(self.groups):
            group.show_count(int((groups == number).sum()))
        self._show_verdicts()
        self._show_progress()

    def _show_verdicts(self) -> None:
        result = self.comparing.result
        if result is not None:
            self.plot.show_groups(result.groups, verdicts_on(self._session, result.gallery))

    def _show_progress(self) -> None:
        activity, result = self.comparing.activity, self.comparing.result
        why_not = why_not_review(self._session)
        self.compare.text = "Compare" if result is None else "Compare again"
        enable(self.compare, "Comparing." if activity.running else why_not, WHAT_COMPARE_DOES)
        enable_running(self.stop, activity.running, WHAT_STOP_DOES)
        self.progress.visible = activity.running
        self.progress.max, self.progress.value = max(1, activity.total), activity.done
        chosen = int(self.plot.mask.sum())
        told = f"{chosen} of {len(self.plot.mask)} picks chosen: see Review." if chosen else ""
        tell(self.status, activity.message if activity.running else told or activity.message)
        waits = "" if activity.running else why_not or f"Press Compare. {WHAT_COMPARE_DOES}"
        tell(self.hint, HINT if result is not None else waits)


class _GroupButton(QPushButton):
    """A button with the sign of a group and the number of its picks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.setIcon(_sign_of(number))
        self.setToolTip("Chooses this group: picks in which the network sees the same.")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its window has the keys

    def show_count(self, count: int) -> None:
        """Show how many picks the group has; without any it is not seen."""
        self.setText(str(count))
        self.setVisible(count > 0)


def _sign_of(number: int) -> QIcon:
    """The sign of a group, as its points have it."""
    pixmap = QPixmap(16, 16)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(8, 8)
    painter.scale(12, 12)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(COLORS[number % len(COLORS)]))
    painter.drawPath(symbol_path(number))
    painter.end()
    return QIcon(pixmap)
