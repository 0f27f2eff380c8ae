"""The bar of a job that runs, which has no place of its own."""

from __future__ import annotations

import pytest
from magicgui.widgets import Container, PushButton
from qtpy.QtWidgets import QApplication

from napari_deepem.widgets.docks.dock import row
from napari_deepem.widgets.docks.gap_bar import progress_bar, with_bar

pytestmark = pytest.mark.usefixtures("qapp")


def test_bar_is_seen_in_the_gap_below_its_row_and_moves_nothing(qtbot) -> None:
    bar, above, upper, lower = progress_bar(), PushButton(), row(PushButton()), PushButton()
    column = Container(widgets=[above, with_bar(upper, bar), lower], labels=False)
    column.native.layout().addStretch()
    column.native.resize(200, 400)
    qtbot.addWidget(column.native)
    with qtbot.waitExposed(column.native):
        column.native.show()
    places = [each.native.geometry() for each in (above, upper, lower)]
    assert not bar.native.isVisible()
    bar.visible = True
    QApplication.processEvents()
    assert bar.native.isVisible()
    assert [each.native.geometry() for each in (above, upper, lower)] == places
    shown = bar.native.geometry()
    assert places[1].bottom() < shown.top() < shown.bottom() < places[2].top()
    assert (shown.left(), shown.right()) == (places[1].left(), places[1].right())
    above.visible = False  # what is below moves up, and the bar with it
    qtbot.waitUntil(lambda: upper.native.geometry() != places[1])
    moved = upper.native.geometry().bottom() - places[1].bottom()
    assert bar.native.geometry() == shown.translated(0, moved)


def test_bar_of_a_job_that_runs_already_is_seen_in_a_column_that_is_made_then(qtbot) -> None:
    bar = progress_bar()
    buttons = with_bar(row(PushButton()), bar)
    bar.visible = True
    column = Container(widgets=[buttons, PushButton()], labels=False)
    qtbot.addWidget(column.native)
    assert bar.native.window() is column.native
    with qtbot.waitExposed(column.native):
        column.native.show()
    assert bar.native.isVisible()
