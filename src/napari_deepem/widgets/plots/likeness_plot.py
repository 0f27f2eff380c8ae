"""A plot of picks by their likeness, with a lasso: what it holds is told when it is let go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPoint, Qt, Signal
from qtpy.QtGui import QMouseEvent

from napari_deepem.widgets.plots.small_plot import color_by_theme

# Okabe and Ito, Color Universal Design (2008): told apart by colour-blind people, on both themes
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
SYMBOLS = ("o", "t", "s", "d", "t1", "p")  # beside the colour
SIZE = 6  # screen pixels
FADED = 70  # of 255
HOVER_PX = 10
FEWEST_CORNERS = 3


class LikenessPlot(QObject):
    """A plot of (n, 2) places in the colours of their groups.

    Drag to draw a lasso, click to choose one; Shift adds to what is chosen. The wheel zooms, the
    middle button moves, and a double click shows all.
    """

    chosen = Signal(object)  # (n,) mask of the points

    def __init__(self) -> None:
        super().__init__()
        self.widget = pg.PlotWidget()
        self.widget.setMenuEnabled(False)
        self.widget.hideButtons()
        for side in ("left", "bottom"):
            self.widget.getAxis(side).setStyle(showValues=False, tickLength=0)
        self._points = pg.ScatterPlotItem(pxMode=True)
        self._rings = pg.ScatterPlotItem(pxMode=True, brush=None, size=SIZE + 1)
        self._outline = pg.PlotCurveItem()
        for item in (self._points, self._rings, self._outline):
            self.widget.addItem(item)
        self._places = np.empty((0, 2))
        self.mask: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._corners: list[tuple[float, float]] = []
        self._adds = False
        area = self.widget.viewport()
        area.setMouseTracking(True)
        area.installEventFilter(self)
        self._area = area

    def show_theme(self, theme: str) -> None:
        """Show the plot in the colours of a theme."""
        color_by_theme(self.widget, theme)
        text = get_theme(theme).text.as_hex()
        self._rings.setPen(pg.mkPen(text, width=1))
        self._outline.setPen(pg.mkPen(text, width=1.5, style=Qt.PenStyle.DashLine))

    def show(self, places: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
        """Draw (n, 2) places in (n,) groups; none is chosen."""
        self._places = places
        self.show_groups(groups)
        self.choose(np.zeros(len(places), dtype=bool))
        self.widget.autoRange()

    def show_groups(
        self, groups: NDArray[np.int64], verdicts: NDArray[np.int8] | None = None
    ) -> None:
        """Draw the points in the colours of (n,) groups; what is rejected, -1, fades."""
        brushes = [pg.mkBrush(color) for color in COLORS]
        faded = [pg.mkBrush(f"{color}{FADED:02x}") for color in COLORS]
        gone = np.zeros(len(groups), dtype=bool) if verdicts is None else verdicts < 0
        self._points.setData(
            pos=self._places,
            size=SIZE,
            pen=None,
            brush=[
                (faded if is_gone else brushes)[group % len(COLORS)]
                for group, is_gone in zip(groups.tolist(), gone.tolist(), strict=True)
            ],
            symbol=[SYMBOLS[group % len(SYMBOLS)] for group in groups.tolist()],
        )

    def choose(self, mask: NDArray[np.bool_]) -> None:
        """Show which points, (n,), are chosen; nobody is told."""
        self.mask = mask
        self._rings.setData(pos=self._places[mask])

    # the mouse

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Draw a lasso with the left button; pyqtgraph has the others."""
        if not isinstance(event, QMouseEvent) or not len(self._places):
            return False
        left = Qt.MouseButton.LeftButton
        place = self._place_of(event.position().toPoint())
        if event.type() == QEvent.Type.MouseButtonDblClick and event.button() == left:
            self.widget.autoRange()
        elif event.type() == QEvent.Type.MouseButtonPress and event.button() == left:
            self._adds = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._corners = [place]
        elif event.type() == QEvent.Type.MouseMove and event.buttons() & left:
            self._corners.append(place)
            self._outline.setData(*np.array([*self._corners, self._corners[0]]).T)
        elif event.type() == QEvent.Type.MouseButtonRelease and event.button() == left:
            self._let_go(event.position().toPoint())
        else:
            return False
        return True

    def _let_go(self, position: QPoint) -> None:
        corners, self._corners = np.array(self._corners), []
        self._outline.setData([], [])
        mask = np.zeros(len(self._places), dtype=bool)
        if len(corners) > FEWEST_CORNERS:
            mask = inside(self._places, corners)
        elif (point := self.point_at(position)) is not None:
            mask[point] = True
        if self._adds:
            mask |= self.mask
        self.choose(mask)
        self.chosen.emit(mask)

    def _place_of(self, position: QPoint) -> tuple[float, float]:
        scene = self.widget.mapToScene(position)
        place = self.widget.plotItem.vb.mapSceneToView(scene)
        return place.x(), place.y()

    def point_at(self, position: QPoint) -> int | None:
        """The point next to a place on the widget; None where none is near."""
        if not len(self._places):
            return None
        width, height = self.widget.plotItem.vb.viewPixelSize()
        away = (self._places - self._place_of(position)) / (width, height)
        distances = np.hypot(*away.T)
        nearest = int(distances.argmin())
        return nearest if distances[nearest] <= HOVER_PX else None


def inside(places: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) which of (n, 2) places lie in an outline of (k, 2) corners."""
    from matplotlib.path import Path as Outline

    return np.asarray(Outline(corners).contains_points(places))


def symbol_path(group: int) -> Any:
    """The outline of a group's sign, a QPainterPath of about one unit."""
    return pg.graphicsItems.ScatterPlotItem.Symbols[SYMBOLS[group % len(SYMBOLS)]]
