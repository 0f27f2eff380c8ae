"""What all small plots have."""

from __future__ import annotations

import pyqtgraph as pg
from napari.utils.theme import get_theme


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
