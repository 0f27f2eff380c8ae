"""Two small plots: how a training goes, and whether rounds of them get better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

from napari_deepem.session.training_rounds import Round
from napari_deepem.widgets.plots.small_plot import color_by_theme, empty_plot

LOSS, HELD_OUT, AP = "#60a5fa", "#fbbf24", "#99ffc5"
ON_LIGHT = {LOSS: "#1d6fd8", HELD_OUT: "#b45309", AP: "#064e3b"}  # the same, dark enough on white
PICKING, PICKING_AT_LEAST = "AP of picking", "AP of picking, at least"  # labels may be partial

ROOM = 0.08  # of the plot's height, above and below: a dot at 1 is seen whole


class TrainingCurves:
    """A plot of losses and held-out average precisions by epoch.

    That of picking is known after some epochs; of that at held-out boxes the best has a dot.
    """

    def __init__(self) -> None:
        self.widget = empty_plot(150)
        self.widget.setLabel("bottom", "epoch")
        self.widget.setYRange(0, 1, padding=ROOM)
        self._legend = self.widget.addLegend(offset=(-4, 4), verSpacing=-6)
        self._legend.setScale(0.9)
        self._loss = self.widget.plot(name="loss")
        self._held_out = self.widget.plot(name="held-out loss")
        self._ap = self.widget.plot(name="AP of held-out boxes")
        self._picking = self.widget.plot(name=PICKING, symbol="s", symbolSize=5)
        self._best = self.widget.plot(pen=None, symbol="o", symbolSize=7)

    def show_theme(self, theme: str) -> None:
        """Show the plot in the colours of a theme."""
        color_by_theme(self.widget, theme)
        for _, label in self._legend.items:
            label.setText(label.text, color=get_theme(theme).text.as_hex())
        for curve, color in ((self._loss, LOSS), (self._held_out, HELD_OUT), (self._picking, AP)):
            curve.setPen(pg.mkPen(shade(theme, color), width=2))
        self._ap.setPen(pg.mkPen(shade(theme, AP), width=1, style=Qt.PenStyle.DashLine))
        self._picking.setSymbolBrush(shade(theme, AP))
        self._picking.setSymbolPen(None)
        self._best.setSymbolBrush(shade(theme, AP))

    def show(self, history: Sequence[Any]) -> None:
        """Draw the `EpochDone`s of a training; values that are None are left out."""
        self._draw(self._loss, history, "loss")
        self._draw(self._held_out, history, "held_out_loss")
        self._draw(self._ap, history, "held_out_ap")
        self._draw(self._picking, history, "picking_ap")
        complete = all(epoch.labels_complete for epoch in history)
        self._legend.getLabel(self._picking).setText(PICKING if complete else PICKING_AT_LEAST)
        best = best_of(history)
        self._best.setData(*(([], []) if best is None else ([best.epoch], [best.held_out_ap])))
        if history:
            top = max([1.0, *(epoch.loss for epoch in history)])
            self.widget.setXRange(1, max(2, history[-1].epochs))
            self.widget.setYRange(0, top, padding=ROOM)

    @staticmethod
    def _draw(curve: pg.PlotDataItem, history: Sequence[Any], name: str) -> None:
        values = [(epoch.epoch, getattr(epoch, name)) for epoch in history]
        points = [(number, value) for number, value in values if value is not None]
        curve.setData(*np.array(points, dtype=float).reshape(-1, 2).T)


class RoundsPlot:
    """A plot of held-out average precision, round by round.

    Each round is a dot. From the model before, tried on the same boxes (an open dot), a line
    leads up or down to it: that is what the round has gained.
    """

    def __init__(self) -> None:
        self.widget = empty_plot(110)
        self.widget.setLabel("bottom", "round: AP of held-out boxes")
        self.widget.getAxis("bottom").setStyle(tickTextOffset=2)
        self._gains = self.widget.plot(connect="pairs")
        self._before = self.widget.plot(pen=None, symbol="o", symbolSize=8, symbolBrush=None)
        self._after = self.widget.plot(pen=None, symbol="o", symbolSize=9)

    def show_theme(self, theme: str) -> None:
        """Show the plot in the colours of a theme."""
        color_by_theme(self.widget, theme)
        color = shade(theme, AP)
        self._gains.setPen(pg.mkPen(color, width=1.5, style=Qt.PenStyle.DashLine))
        self._before.setSymbolPen(pg.mkPen(get_theme(theme).text.as_hex(), width=1.5))
        self._after.setSymbolBrush(color)

    def show(self, rounds: Sequence[Round]) -> None:
        """Draw the rounds of a session; those without held-out boxes have no dot."""
        after = [(round_.number, round_.ap) for round_ in rounds if round_.ap is not None]
        compared = [r for r in rounds if r.ap is not None and r.ap_before is not None]
        before = [(round_.number - 0.3, round_.ap_before) for round_ in compared]
        lines = [
            point
            for round_, start in zip(compared, before, strict=True)
            for point in (start, (round_.number, round_.ap))
        ]
        for curve, points in ((self._after, after), (self._before, before), (self._gains, lines)):
            curve.setData(*np.array(points, dtype=float).reshape(-1, 2).T)
        last = max((round_.number for round_ in rounds), default=1)
        lowest = min((ap for _, ap in (*after, *before) if ap is not None), default=0.0)
        self.widget.setXRange(0.5, max(4.5, last + 0.5))
        self.widget.setYRange(max(0.0, lowest - 0.05), 1.0, padding=ROOM)
        step = max(1, -(-last // 8))
        ticks = [(number, str(number)) for number in range(1, max(4, last) + 1, step)]
        self.widget.getAxis("bottom").setTicks([ticks])


def best_of(history: Sequence[Any]) -> Any:
    """The `EpochDone` that would be kept if training stopped now; None if nothing is held out."""
    with_ap = [epoch for epoch in history if epoch.held_out_ap is not None]
    return max(with_ap, key=lambda epoch: (epoch.held_out_ap, -epoch.held_out_loss), default=None)


def shade(theme: str, color: str) -> str:
    """The shade of one of our colours that is seen on a theme's background, as "#rrggbb"."""
    red, green, blue = get_theme(theme).background.as_rgb_tuple()[:3]
    return ON_LIGHT.get(color, color) if red + green + blue > 384 else color
