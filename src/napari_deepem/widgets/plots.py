"""A small live plot: where the threshold cuts the scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import Qt

HELD_OUT, AP = "#fbbf24", "#4ade80"
BINS = 50


def empty_plot(theme: str, height: int) -> pg.PlotWidget:
    """Return an empty plot in the viewer's colours that neither zooms nor pans."""
    colors = get_theme(theme)
    plot = pg.PlotWidget(background=colors.background.as_hex())
    plot.setFixedHeight(height)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(colors.secondary.as_hex())
        axis.setTextPen(colors.text.as_hex())
        axis.setStyle(tickTextOffset=3)
    plot.plotItem.layout.setContentsMargins(1, 1, 1, 6)  # or the axis label loses its feet
    return plot


class ScoreHistogram:
    """How many candidates have which score, the threshold as a line to drag, the F2 optimum."""

    def __init__(self, theme: str, on_threshold: Callable[[float], object]) -> None:
        colors = get_theme(theme)
        self.widget = empty_plot(theme, 120)
        self.widget.setLabel("bottom", "candidates by score")
        self.widget.setXRange(0, 1, padding=0.04)
        self.widget.hideAxis("left")
        self._bars = pg.BarGraphItem(
            x0=[0], x1=[0], y0=0, height=[0], brush=colors.highlight.as_hex(), pen=None
        )
        self.widget.addItem(self._bars)
        self._optimum = pg.InfiniteLine(
            angle=90,
            pen=pg.mkPen(AP, width=1.5, style=Qt.PenStyle.DashLine),
            label="F2 optimum",
            labelOpts={"position": 0.88, "color": AP, "movable": False},
        )
        self.widget.addItem(self._optimum)
        self.line = pg.InfiniteLine(
            angle=90,
            movable=True,
            bounds=(0, 1),
            pen=pg.mkPen(colors.text.as_hex(), width=3),
            hoverPen=pg.mkPen(HELD_OUT, width=4),
        )
        self.line.sigPositionChanged.connect(lambda line: on_threshold(float(line.value())))
        self.widget.addItem(self.line)

    def show_scores(self, scores: NDArray[np.float64]) -> None:
        """Draw the histogram of (n,) scores; heights are square roots, to show few too."""
        counts, edges = np.histogram(scores, bins=BINS, range=(0, 1))
        self._bars.setOpts(x0=edges[:-1], x1=edges[1:], y0=0, height=np.sqrt(counts))
        self.widget.setYRange(0, max(1.0, 1.25 * float(np.sqrt(counts.max()))))

    def show_threshold(self, threshold: float) -> None:
        """Move the line without announcing it."""
        self.line.blockSignals(True)
        self.line.setValue(threshold)
        self.line.blockSignals(False)

    @property
    def optimum(self) -> float | None:
        """The threshold that is marked as best."""
        return float(self._optimum.value()) if self._optimum.isVisible() else None

    def show_optimum(self, threshold: float | None) -> None:
        """Mark the threshold at which F2 was best; nothing without a model."""
        self._optimum.setVisible(threshold is not None)
        if threshold is None:
            return
        self._optimum.setValue(threshold)
        left = threshold > 0.5
        self._optimum.label.anchors = [(1, 0.5)] * 2 if left else [(0, 0.5)] * 2
        self._optimum.label.updatePosition()
