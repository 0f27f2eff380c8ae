"""Rows that are selected as in a list of files."""

import numpy as np
import pytest

from napari_deepem.widgets.pictures.gallery_selection import GallerySelection


@pytest.fixture
def selection() -> GallerySelection:
    selection = GallerySelection()
    selection.begin(10)
    return selection


def test_click_shift_click_and_ctrl_click(selection: GallerySelection) -> None:
    selection.click(3)
    selection.extend(6)
    assert selection.rows.tolist() == [3, 4, 5, 6]
    selection.extend(1)  # from the same row
    assert selection.rows.tolist() == [1, 2, 3]
    selection.click(8, toggles=True)
    selection.click(2, toggles=True)
    assert selection.rows.tolist() == [1, 3, 8]
    selection.click(5)
    assert (selection.rows.tolist(), selection.current) == ([5], 5)


def test_steps_stay_on_the_rows_and_may_extend(selection: GallerySelection) -> None:
    assert selection.step(5) == 0  # the first step shows where one is
    assert selection.step(4) == 4
    selection.step(-2, extends=True)
    assert selection.rows.tolist() == [2, 3, 4]
    assert selection.step(99) == 9
    assert selection.rows.tolist() == [9]


def test_rubber_band_selects_what_it_touches_now(selection: GallerySelection) -> None:
    selection.click(9)
    selection.begin_band(keeps=True)
    selection.band(np.array([0, 1, 2]))
    selection.band(np.array([0, 1]))  # it was drawn back
    assert selection.rows.tolist() == [0, 1, 9]
    selection.begin_band(keeps=False)
    selection.band(np.array([4]))
    assert selection.rows.tolist() == [4]


def test_another_gallery_begins_with_none(selection: GallerySelection) -> None:
    selection.only(np.array([2, 3]))
    selection.begin(4)
    assert (selection.rows.tolist(), selection.current, len(selection)) == ([], None, 4)
