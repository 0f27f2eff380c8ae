"""Counts and scores of all micrographs at a glance."""

import pytest

from napari_deepem.widgets.plots.series_overview import SeriesOverview

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.parametrize("count", [2, 5, 10, 11, 40])
def test_ticks_stand_at_micrographs_not_between_them(count: int) -> None:
    overview = SeriesOverview(lambda _: None)
    overview.show([3] * count, [0.5] * count, current=0)
    for plot in (overview.picks, overview.scores):
        axis = plot.getAxis("bottom")
        shown = axis._tickLevels
        levels = (
            [[number for number, _ in level] for level in shown]
            if shown is not None
            else [list(places) for _, places in axis.tickValues(1, count, 300)[:1]]
        )
        assert levels[0]
        assert all(place == round(place) for level in levels for place in level)
