"""Numbers that are typed into a dock's controls, digit by digit (E.2)."""

from typing import Any

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QPushButton

from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.widgets.docks.annotate import Annotate
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.train import Train

pytestmark = pytest.mark.usefixtures("qapp")


def type_into(control: Any, text: str, *, end: Any = Qt.Key.Key_Return) -> None:
    """Type over what a control holds, key by key."""
    native = control.native
    editors = [native, *native.findChildren(QAbstractSpinBox)]
    spin_box = next((each for each in editors if isinstance(each, QAbstractSpinBox)), native)
    line = spin_box.lineEdit() if isinstance(spin_box, QAbstractSpinBox) else spin_box
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    for character in text:
        QTest.keyClick(line, character)
    if end is not None:
        QTest.keyClick(spin_box, end)


def told() -> list[str]:
    """The words that were said, which are taken."""
    words = [record.message for record in notification_manager.records]
    notification_manager.records.clear()
    return words


@pytest.mark.parametrize("box_size_px", [88, 128, 12, 24, 2816])
def test_box_size_is_what_was_typed(viewer: ViewerModel, box_size_px: int) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    told()
    for control in (dock.box_size, Train(viewer).box_size):
        session.box_size_px = 100
        type_into(control, str(box_size_px), end=None)
        assert session.box_size_px == 100  # nobody has said that this is all
        type_into(control, str(box_size_px))
        assert session.box_size_px == box_size_px
    assert told() == []


@pytest.mark.parametrize(
    ("typed", "size", "taken"),
    [("9", "small", 12), ("0", "small", 12), ("9999999", "large", 2816)],
)
def test_number_out_of_bounds_is_put_right_in_words(
    viewer: ViewerModel, typed: str, size: str, taken: int
) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    told()
    type_into(dock.box_size, typed)
    assert session.box_size_px == taken == dock.box_size.value
    assert told() == [f"Box size (px): {typed} is too {size}; set to {taken}."]


def test_decimals_and_epochs_are_put_right_too(viewer: ViewerModel) -> None:
    annotate, train, pick, session = (
        Annotate(viewer),
        Train(viewer),
        Pick(viewer),
        session_of(viewer),
    )
    pick.by_score.slider.enabled = pick.min_distance.enabled = True
    told()
    type_into(annotate.display.contrast, "2.5")
    type_into(pick.by_score.slider, "0.25")
    type_into(pick.min_distance, "31.5")
    type_into(train.epochs, "15")
    type_into(annotate.display.low_pass, "250")
    assert (session.display.contrast_percent, session.threshold) == (2.5, 0.25)
    assert (session.min_distance_px, session.epochs) == (31.5, 15)
    assert session.display.low_pass_angstrom == 250
    assert told() == []
    type_into(annotate.display.contrast, "12")
    type_into(pick.by_score.slider, "5")
    type_into(pick.min_distance, "20000")
    type_into(train.epochs, "5000")
    type_into(annotate.display.low_pass, "5000")
    assert (session.display.contrast_percent, session.threshold) == (10, 1)
    assert (session.min_distance_px, session.epochs) == (10_000, 1000)
    assert session.display.low_pass_angstrom == 1000
    assert [words.split(": ")[1] for words in told()] == [
        "12 is too large; set to 10.",
        "5 is too large; set to 1.",
        "20000 is too large; set to 10000.",
        "5000 is too large; set to 1000.",
        "5000 is too large; set to 1000.",
    ]
    type_into(train.epochs, "")
    assert session.epochs == 0


def test_arrows_tabs_and_half_a_number_leave_a_number(viewer: ViewerModel) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    type_into(dock.box_size, "90", end=Qt.Key.Key_Up)
    assert session.box_size_px == 91
    type_into(dock.box_size, "60", end=Qt.Key.Key_Down)
    assert session.box_size_px == 59
    type_into(dock.box_size, "-")
    assert session.box_size_px == 59
    type_into(dock.box_size, "")
    assert session.box_size_px == 59


def test_number_is_taken_where_the_hand_goes_on(viewer: ViewerModel, qtbot) -> None:
    dock = Annotate(viewer)
    dock.native.show()
    dock.native.activateWindow()
    dock.box_size.native.setFocus()
    qtbot.waitUntil(dock.box_size.native.hasFocus)
    type_into(dock.box_size, "88", end=Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: session_of(viewer).box_size_px == 88)
    assert all(  # on macOS buttons leave the focus where it is, unless they are told otherwise
        button.focusPolicy() & Qt.FocusPolicy.ClickFocus
        for button in dock.native.findChildren(QPushButton)
    )
    dock.native.setFocus()
    dock.native.hide()
