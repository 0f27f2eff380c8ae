"""Plots to tune on: scores with a threshold to drag, standard deviations with a range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from psygnal import SignalInstance
from qtpy.QtCore import Qt

from napari_deepem.layers.label_points import COLORS as LAYER_COLORS
from napari_deepem.layers.results import score_colors
from napari_deepem.widgets.plots.small_plot import color_by_theme, empty_plot
from napari_deepem.widgets.plots.training_curves import shade

BINS = 50
COLORS = {"precision": "#60a5fa", "recall": "#fbbf24", "F2": "#99ffc5"}
ABOVE = LAYER_COLORS["picks"]  # the threshold
HOVER = "#fbbf24"
OUTLIERS = 0.002  # of the standard deviations, which do not decide how far the axis goes
Array = NDArray[np.float64]


class ScorePlot:
    """A histogram of candidates' scores, curves of how good picks were, the threshold as a line.

    `on_threshold` gets the threshold that the line was dragged to.
    """

    def __init__(self, on_threshold: Callable[[float], object]) -> None:
        self.widget = empty_plot(120)
        self.widget.setLabel("bottom", "score")
        self.widget.setXRange(0, 1, padding=0.04)
        self.widget.setYRange(0, 1, padding=0.06)
        self.widget.getAxis("left").setTicks([[(0, "0"), (0.5, "½"), (1, "1")]])
        self.widget.hideAxis("left")
        middles = (np.arange(BINS) + 0.5) / BINS
        self._bars = pg.BarGraphItem(
            x=middles,
            width=0.9 / BINS,
            y0=0,
            height=np.zeros(BINS),
            brushes=[pg.mkBrush(*np.rint(255 * color).astype(int)) for color in _muted(middles)],
            pen=None,
        )
        self.widget.addItem(self._bars)
        self.curves = {name: self.widget.plot() for name in COLORS}
        self._optimum = pg.InfiniteLine(angle=90)
        self.widget.addItem(self._optimum)
        self.line = pg.InfiniteLine(
            angle=90, movable=True, bounds=(0, 1), hoverPen=pg.mkPen(HOVER, width=4)
        )
        self.line.sigPositionChanged.connect(lambda line: on_threshold(float(line.value())))
        self.widget.addItem(self.line)

    def show_theme(self, theme: str) -> None:
        """Show the plot in the colours of a theme."""
        color_by_theme(self.widget, theme)
        for name, color in COLORS.items():
            self.curves[name].setPen(pg.mkPen(shade(theme, color), width=2))
        best = shade(theme, COLORS["F2"])
        self._optimum.setPen(pg.mkPen(best, width=1.5, style=Qt.PenStyle.DashLine))
        self.line.setPen(pg.mkPen(get_theme(theme).text.as_hex(), width=3))

    def show_scores(self, scores: Array) -> None:
        """Draw the histogram of (n,) scores; heights are square roots, to show low counts too."""
        counts, _ = np.histogram(scores, bins=BINS, range=(0, 1))
        self._bars.setOpts(height=np.sqrt(counts / max(1, counts.max())))

    def show_curves(self, thresholds: Array, curves: Mapping[str, Array]) -> None:
        """Draw curves by their names in `COLORS`, (k,) values each at (k,) thresholds.

        A curve that is missing is left out.
        """
        for name, item in self.curves.items():
            item.setData(*((thresholds, curves[name]) if name in curves else ([], [])))
        self.widget.showAxis("left", bool(curves))

    def show_threshold(self, threshold: float) -> None:
        """Move the line to a threshold without announcing it."""
        self.line.blockSignals(True)
        self.line.setValue(threshold)
        self.line.blockSignals(False)

    @property
    def optimum(self) -> float | None:
        """The threshold that is shown as best; None where none is."""
        return float(self._optimum.value()) if self._optimum.isVisible() else None

    def show_optimum(self, threshold: float | None) -> None:
        """Show the threshold at which F2 was best as a dashed line; none where it is None."""
        self._optimum.setVisible(threshold is not None)
        if threshold is not None:
            self._optimum.setValue(threshold)


class StdPlot:
    """A histogram of candidates' standard deviations, and the range of those that are kept.

    Candidates above the threshold stand out of the rest. `on_range` gets a range that was dragged.
    """

    def __init__(self, on_range: Callable[[tuple[float, float]], object]) -> None:
        self.widget = empty_plot(84)
        self.widget.setLabel("bottom", "standard deviation of the box")
        self.widget.hideAxis("left")
        self._on_range = on_range
        self._stds: Array = np.empty(0)
        self._top = 1.0
        self._range = (0.0, 1.0)
        self._all, self._above = (
            pg.BarGraphItem(x0=[0], x1=[0], y0=0, height=[0], pen=None) for _ in range(2)
        )
        self.widget.addItem(self._all)
        self.widget.addItem(self._above)
        veil = pg.mkColor(HOVER)
        veil.setAlpha(30)
        self.region = pg.LinearRegionItem(
            brush=veil,
            hoverBrush=veil,
            hoverPen=pg.mkPen(HOVER, width=4),
            bounds=(0, self._top),
        )
        self.region.sigRegionChanged.connect(self._on_region)
        self.widget.addItem(self.region)
        self.asked_back = SignalInstance((), name="asked_back")  # the range as it was
        self.widget.scene().sigMouseClicked.connect(self._on_click)

    def show_theme(self, theme: str) -> None:
        """Show the plot in the colours of a theme."""
        colors = get_theme(theme)
        color_by_theme(self.widget, theme)
        self._all.setOpts(brush=colors.secondary.as_hex())
        self._above.setOpts(brush=shade(theme, ABOVE))
        for line in self.region.lines:
            line.setPen(pg.mkPen(colors.text.as_hex(), width=3))

    def show_stds(self, stds: Array) -> None:
        """Draw the histogram of (n,) standard deviations; heights are square roots."""
        self._stds = stds
        self._fit(self._top_of_all())

    def show_above(self, count: int) -> None:
        """Let the first `count` candidates, those above the threshold, stand out."""
        heights = self._histogram(self._stds[:count])
        self._above.setOpts(height=heights, **self._edges())

    def show_range(self, std_range: tuple[float, float]) -> None:
        """Move the range without announcing it; an end beyond the plot is drawn on its edge."""
        self._range = std_range
        self._fit(max(self._top, self._top_of_all()))  # it does not shrink under a hand that drags

    def _top_of_all(self) -> float:
        """The end of an axis with the candidates, and the range unless that is much wider."""
        widest = float(np.quantile(self._stds, 1 - OUTLIERS)) if len(self._stds) else 1.0
        return 1.05 * max(widest, min(self._range[1], 1.5 * widest), 1e-6)

    def _fit(self, top: float) -> None:
        if top != self._top:
            self._top = top
            self.widget.setXRange(0, top, padding=0.02)
        self._all.setOpts(height=self._histogram(self._stds), **self._edges())
        self.region.blockSignals(True)
        self.region.setBounds((0, top))
        self.region.setRegion(self._drawn_range())
        self.region.blockSignals(False)

    def _drawn_range(self) -> tuple[float, float]:
        low, high = self._range
        return min(low, self._top), min(high, self._top)

    def _histogram(self, stds: Array) -> Array:
        whole, _ = np.histogram(self._stds, bins=BINS, range=(0, self._top))
        counts, _ = np.histogram(stds, bins=BINS, range=(0, self._top))
        return np.sqrt(counts / max(1, whole.max()))

    def _edges(self) -> dict[str, object]:
        edges = np.linspace(0, self._top, BINS + 1)
        return {"x0": edges[:-1], "x1": edges[1:], "y0": 0}

    def _on_click(self, event: Any) -> None:
        if event.double():
            self.asked_back.emit()

    def _on_region(self) -> None:
        """Tell the dragged range; a limit beyond the plot that was not dragged stays there."""
        limits = [
            dragged if dragged != drawn else chosen
            for dragged, drawn, chosen in zip(
                self.region.getRegion(), self._drawn_range(), self._range, strict=True
            )
        ]
        self._on_range((float(limits[0]), float(limits[1])))


def _muted(scores: Array) -> NDArray[np.float32]:
    """(n, 4) colours of (n,) scores, pale enough for curves to stand out."""
    return score_colors(scores) * np.array([1, 1, 1, 0.55], dtype=np.float32)
