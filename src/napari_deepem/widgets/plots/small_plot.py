"""The look that all plots in the docks share."""

from __future__ import annotations

import pyqtgraph as pg
from napari.utils.theme import get_theme


def empty_plot(height: int) -> pg.PlotWidget:
    """An empty plot, `height` screen pixels high, without zoom, pan or a theme's colours."""
    plot = pg.PlotWidget()
    plot.setFixedHeight(height)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    for side in ("left", "bottom"):
        plot.getAxis(side).setStyle(tickTextOffset=3)
    plot.plotItem.layout.setContentsMargins(1, 1, 1, 6)  # or the axis label loses its feet
    return plot


def color_by_theme(plot: pg.PlotWidget, theme: str) -> None:
    """Show background and axes of a plot in the colours of a theme."""
    colors = get_theme(theme)
    plot.setBackground(colors.background.as_hex())
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(colors.secondary.as_hex())
        axis.setTextPen(colors.text.as_hex())
