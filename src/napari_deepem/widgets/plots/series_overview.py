"""Pick counts and mean scores of all micrographs at a glance: the bad ones stand out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme

from napari_deepem.layers.label_points import COLORS
from napari_deepem.widgets.plots.small_plot import color_by_theme, empty_plot

PICKS, SCORE = COLORS["picks"], "#fbbf24"
HEIGHT = 78
TICK_ROOM = 0.12  # of the axis above and below: the numbers at its ends are whole
FEW = 10  # micrographs: of more, pyqtgraph's ticks lie at whole numbers anyway


class SeriesOverview:
    """Two plots, of pick counts and mean scores, by micrograph in the order of the files.

    `on_click` gets the index of the micrograph that was clicked on.
    """

    def __init__(self, on_click: Callable[[int], object]) -> None:
        self._on_click = on_click
        self.picks, self._pick_points = self._plot("picks", PICKS)
        self.scores, self._score_points = self._plot("score", SCORE)
        self.scores.setYRange(0, 1, padding=TICK_ROOM)
        self.scores.getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")]])
        self.scores.setXLink(self.picks)
        self._lines = [pg.InfiniteLine(angle=90) for _ in range(2)]
        for plot, line in zip((self.picks, self.scores), self._lines, strict=True):
            plot.addItem(line)

    def show_theme(self, theme: str) -> None:
        """Show the plots in the colours of a theme."""
        for plot, line in zip((self.picks, self.scores), self._lines, strict=True):
            color_by_theme(plot, theme)
            line.setPen(pg.mkPen(get_theme(theme).text.as_hex(), width=1))

    def _plot(self, title: str, color: str) -> tuple[pg.PlotWidget, pg.ScatterPlotItem]:
        plot = empty_plot(HEIGHT)
        plot.setLabel("left", title)
        plot.getAxis("left").setWidth(48)
        plot.setToolTip("Click on a point to go to that micrograph.")
        points = pg.ScatterPlotItem(size=6, pen=None, brush=pg.mkBrush(color))
        plot.addItem(points)
        plot.scene().sigMouseClicked.connect(lambda event: self._clicked(plot, event))
        return plot, points

    def _clicked(self, plot: pg.PlotWidget, event: Any) -> None:
        position = plot.plotItem.vb.mapSceneToView(event.scenePos())
        self._on_click(round(position.x()) - 1)

    def show(
        self, counts: Sequence[int | None], means: Sequence[float | None], current: int | None
    ) -> None:
        """Draw each micrograph's pick count and mean score, None where not known, by file.

        A line shows the index `current`.
        """
        for points, values in ((self._pick_points, counts), (self._score_points, means)):
            points_xy = [(x, y) for x, y in enumerate(values, start=1) if y is not None]
            x, y = np.array(points_xy, dtype=float).reshape(-1, 2).T
            points.setData(x=x, y=y)
        self.picks.setXRange(1, max(2, len(counts)), padding=0.03)
        ticks = [[(number, str(number)) for number in range(1, len(counts) + 1)]]
        for plot in (self.picks, self.scores):
            plot.getAxis("bottom").setTicks(ticks if len(counts) <= FEW else None)
        highest = max((count for count in counts if count is not None), default=0)
        self.picks.setYRange(0, max(1, highest), padding=TICK_ROOM)
        for line in self._lines:
            line.setVisible(current is not None)
            if current is not None:
                line.setValue(current + 1)
