"""What all small plots have."""

from __future__ import annotations

import pyqtgraph as pg
from napari.utils.theme import get_theme


def empty_plot(height: int) -> pg.PlotWidget:
    """Return an empty plot that neither zooms nor pans, in no theme's colours yet."""
    plot = pg.PlotWidget()
    plot.setFixedHeight(height)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    for side in ("left", "bottom"):
        plot.getAxis(side).setStyle(tickTextOffset=3)
    plot.plotItem.layout.setContentsMargins(1, 1, 1, 6)  # or the axis label loses its feet
    return plot


def wear(plot: pg.PlotWidget, theme: str) -> None:
    """Give background and axes of a plot the colours of a theme."""
    colors = get_theme(theme)
    plot.setBackground(colors.background.as_hex())
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(colors.secondary.as_hex())
        axis.setTextPen(colors.text.as_hex())
