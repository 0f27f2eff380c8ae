"""Plots follow the theme of their viewer."""

import pytest
from napari.components import ViewerModel
from napari.utils.theme import get_theme

from napari_deepem.widgets.docks.micrographs import Micrographs
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.review import Review
from napari_deepem.widgets.docks.train import Train
from napari_deepem.widgets.plots.training_curves import ON_LIGHT

pytestmark = pytest.mark.usefixtures("qapp")


def test_open_docks_follow_a_change_of_theme(qtbot) -> None:
    viewer = ViewerModel()
    train, pick, review, series = Train(viewer), Pick(viewer), Review(viewer), Micrographs(viewer)
    plots = [train.curves, pick.by_score.plot, pick.stds, review.rounds]
    for theme in ("light", "dark"):
        viewer.theme = theme
        colors = get_theme(theme)
        drawn = [*(plot.widget for plot in plots), series.overview.picks, series.overview.scores]
        for plot in drawn:
            assert plot.backgroundBrush().color().name() == colors.background.as_hex()
            assert plot.getAxis("bottom").textPen().color().name() == colors.text.as_hex()
        assert pick.by_score.plot.line.pen.color().name() == colors.text.as_hex()
        assert review.view.cells.selected.name() == colors.current.as_hex()
        for curve in train.curves.widget.listDataItems()[:3]:
            color = curve.opts["pen"].color().name()
            assert color in (ON_LIGHT.values() if theme == "light" else ON_LIGHT)
            label = train.curves.widget.plotItem.legend.getLabel(curve)
            assert colors.text.as_hex() in label.item.toHtml()

    for dock in (train, pick, review, series):
        with qtbot.waitSignal(dock.native.destroyed):
            dock.native.deleteLater()
    viewer.theme = "light"  # nobody is there to follow
