"""The gallery's view: rows are chosen by mouse and keys, and only what is in sight is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from hand import drag_on
from napari_deepem.session.gallery_rows import Gallery
from napari_deepem.widgets.pictures.gallery import GalleryView
from napari_deepem.widgets.pictures.gallery_pictures import GalleryPictures

COUNT = 5000
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


def gallery_of(count: int) -> Gallery:
    """So many rows of two micrographs in turn."""
    rows = np.arange(count)
    centres_yx = np.stack([rows, 2.0 * rows], axis=1)
    none = np.full(count, np.nan)
    return Gallery(("a", "b"), rows % 2, centres_yx, none, none, rows, none, 24, count)


@pytest.fixture
def view(qtbot: Any) -> GalleryView:
    """A view of 5000 rows, in five columns."""
    view = GalleryView(GalleryPictures())
    qtbot.addWidget(view)
    view.resize(5 * view.cells.width + 24, 300)
    view.show()
    view.pictures.show(gallery_of(COUNT), np.zeros(COUNT, np.int8), np.linspace(0, 1, COUNT))
    return view


def click(view: GalleryView, row: int, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(view.area, LEFT, modifier, view.place_of(row).center())


def test_mouse_selects_as_in_a_list_of_files(view: GalleryView) -> None:
    chosen: list[int] = []
    view.row_chosen.connect(chosen.append)
    click(view, 3)
    click(view, 7, SHIFT)
    assert view.selected_rows().tolist() == [3, 4, 5, 6, 7]
    click(view, 12, CTRL)
    click(view, 5, CTRL)
    assert view.selected_rows().tolist() == [3, 4, 6, 7, 12]
    assert chosen == [3, 7, 12, 5]


def test_rubber_band_selects_what_it_touches_and_goes_nowhere(view: GalleryView, qtbot) -> None:
    chosen: list[int] = []
    view.row_chosen.connect(chosen.append)
    start, end = view.place_of(1).center(), view.place_of(8).center()
    drag_on(view.area, qtbot, start, (start + end) / 2, end)
    assert view.selected_rows().tolist() == [1, 2, 3, 6, 7, 8]
    assert chosen == []  # or the picture would jump
    drag_on(view.area, qtbot, view.place_of(10).center(), QPoint(200, 200), end, modifier=CTRL)
    assert {1, 2, 3, 6, 7, 8} <= set(view.selected_rows().tolist())


def test_keys_go_through_the_gallery_and_select_all(view: GalleryView) -> None:
    key = Qt.Key
    for pressed, row in (
        (key.Key_Right, 0),
        (key.Key_Right, 1),
        (key.Key_Down, 6),
        (key.Key_End, COUNT - 1),
        (key.Key_Home, 0),
    ):
        QTest.keyClick(view, pressed)
        assert view.current_row == row
        assert view.area.rect().contains(view.place_of(row).center())
    QTest.keyClick(view, key.Key_Down, SHIFT)
    assert len(view.selected_rows()) == 6
    QTest.keyClick(view, key.Key_A, CTRL)
    assert len(view.selected_rows()) == COUNT


def test_only_what_comes_into_sight_is_drawn(view: GalleryView, qtbot, monkeypatch) -> None:
    drawn: list[int] = []
    draw = view.cells.draw
    monkeypatch.setattr(
        view.cells,
        "draw",
        lambda painter, rows, *others: (drawn.extend(rows), draw(painter, rows, *others)),
    )
    view.redraw()
    qtbot.waitUntil(lambda: bool(drawn))
    assert len(drawn) <= len(view.rows_in_sight())
    drawn.clear()
    view.bar.setValue(2 * view.cells.height)
    qtbot.waitUntil(lambda: bool(drawn))
    assert min(drawn) >= 4 * 5  # what was in sight was moved
    assert view.row_at(QPoint(1, 1)) == 10


def test_pictures_of_another_size_leave_what_is_on_top(view: GalleryView) -> None:
    view.bar.setValue(40 * view.cells.height)
    top = view.row_at(QPoint(1, 1))
    view.show_size(100)
    assert view.row_at(QPoint(1, 1)) in range(top - 2, top + 1)
    assert view.place_of(top).width() > 100
    last = view.bar.maximum()
    view.bar.setValue(last)
    assert view.area.rect().contains(view.place_of(COUNT - 1))


def test_pictures_are_asked_for_a_few_micrographs_at_a_time(view: GalleryView) -> None:
    missing = view.pictures.missing(view.rows_in_sight())
    assert set(missing) == {"a", "b"}
    view.pictures.add("a", missing["a"], np.zeros((len(missing["a"]), 8, 8), np.uint8))
    assert view.pictures.picture(0) is not None
    assert view.pictures.picture(1) is None
    assert set(view.pictures.missing(view.rows_in_sight())) == {"b"}
