"""Nothing moves under the mouse: places are made, and taken away, when it is elsewhere."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_deepem.widgets.docks.steady_places import SteadyPlaces, keep_room, show_text
from napari_deepem.widgets.docks.why_lines import NAME, WhyLines, set_why_not


class Column(QWidget):
    """A dock with two buttons, a text between them, and a mouse that is over it or not."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        self.upper, self.text, self.lower = QPushButton("Upper"), QLabel(), QPushButton("Lower")
        for widget in (self.upper, self.text, self.lower):
            column.addWidget(widget)
        column.addStretch()
        self.text.hide()
        self.why_lines = WhyLines(self)

    def say_why_not(self, why_not: str) -> None:
        self.upper.setEnabled(not why_not)
        set_why_not(self.upper, why_not)
        self.why_lines.refresh()
        QApplication.processEvents()

    def tell(self, text: str) -> None:
        self.text.setText(text)
        show_text(self.text, bool(text))
        QApplication.processEvents()

    def reasons(self) -> list[str]:
        lines = self.findChildren(QLabel, NAME)
        return [line.text() for line in lines if line.isVisible()]


@pytest.fixture
def column(qtbot, monkeypatch: pytest.MonkeyPatch) -> Column:
    monkeypatch.setattr(SteadyPlaces, "are_fixed", False)
    column = Column()
    qtbot.addWidget(column)
    column.resize(300, 400)
    with qtbot.waitExposed(column):
        column.show()
    return column


@pytest.fixture
def over(column: Column, monkeypatch: pytest.MonkeyPatch):
    """Let the mouse be over the column, or leave it."""

    def move(is_over: bool) -> None:
        monkeypatch.setattr(SteadyPlaces, "are_fixed", is_over)
        if not is_over:
            QApplication.sendEvent(column, QEvent(QEvent.Type.Leave))
            column.why_lines.refresh()
            QApplication.processEvents()

    return move


def test_reason_that_goes_leaves_its_place_until_the_mouse_is_elsewhere(
    column: Column, over
) -> None:
    top = column.lower.y()
    column.say_why_not("Open a micrograph first.")
    below_reason = column.lower.y()
    assert below_reason > top
    over(True)
    column.say_why_not("")
    assert (column.reasons(), column.lower.y()) == ([""], below_reason)
    column.say_why_not("Wait.")  # there is room for it
    assert (column.reasons(), column.lower.y()) == (["Wait."], below_reason)
    column.say_why_not("")
    over(False)
    assert (column.reasons(), column.lower.y()) == ([], top)


def test_new_reason_gets_its_place_when_the_mouse_is_elsewhere(column: Column, over) -> None:
    top = column.lower.y()
    over(True)
    column.say_why_not("Wait.")
    assert (column.reasons(), column.lower.y()) == ([], top)
    over(False)
    assert column.reasons() == ["Wait."]
    assert column.lower.y() > top


def test_text_that_goes_leaves_its_place_until_the_mouse_is_elsewhere(column: Column, over) -> None:
    top = column.lower.y()
    column.tell("Training ...")
    below_text = column.lower.y()
    over(True)
    column.tell("")
    assert column.lower.y() == below_text > top
    column.tell("Trained.")
    assert column.text.isVisible()
    column.tell("")
    over(False)
    assert (column.text.isVisible(), column.lower.y()) == (False, top)


def test_what_keeps_its_room_leaves_it_where_it_is_hidden(column: Column) -> None:
    below = column.lower.y()
    keep_room(column.upper)
    column.upper.hide()
    QApplication.processEvents()
    assert column.lower.y() == below
