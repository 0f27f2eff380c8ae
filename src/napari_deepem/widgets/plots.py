"""Two small live plots: how training goes, and where the threshold cuts the scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import Qt

LOSS, HELD_OUT, AP = "#60a5fa", "#fbbf24", "#4ade80"
BINS = 50


def _plot(theme: str, height: int) -> pg.PlotWidget:
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


class TrainingCurves:
    """Loss, held-out loss and held-out average precision, epoch by epoch."""

    def __init__(self, theme: str) -> None:
        self.widget = _plot(theme, 150)
        self.widget.setLabel("bottom", "epoch")
        self.widget.setYRange(0, 1)
        text = get_theme(theme).text.as_hex()
        legend = self.widget.addLegend(offset=(-4, 4), labelTextColor=text, verSpacing=-6)
        legend.setScale(0.9)
        self._loss = self._curve("loss", LOSS)
        self._held_out = self._curve("held-out loss", HELD_OUT)
        self._ap = self._curve("AP, held-out boxes", AP)

    def _curve(self, name: str, color: str) -> pg.PlotDataItem:
        return self.widget.plot(name=name, pen=pg.mkPen(color, width=2))

    def show(self, history: Sequence[Any]) -> None:
        """Draw these `EpochDone`s; values that are None are left out."""
        self._draw(self._loss, history, "loss")
        self._draw(self._held_out, history, "held_out_loss")
        self._draw(self._ap, history, "held_out_ap")
        if history:
            top = max([1.0, *(epoch.loss for epoch in history)])
            self.widget.setXRange(1, max(2, history[-1].epochs))
            self.widget.setYRange(0, top)

    @staticmethod
    def _draw(curve: pg.PlotDataItem, history: Sequence[Any], name: str) -> None:
        seen = [(e.epoch, getattr(e, name)) for e in history if getattr(e, name) is not None]
        curve.setData(*np.array(seen, dtype=float).reshape(-1, 2).T)


class ScoreHistogram:
    """How many candidates have which score, the threshold as a line to drag, the F2 optimum."""

    def __init__(self, theme: str, on_threshold: Callable[[float], object]) -> None:
        colors = get_theme(theme)
        self.widget = _plot(theme, 120)
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
