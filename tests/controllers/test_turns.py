"""Pieces of work that each get a turn of the loop of events."""

import pytest
from qtpy.QtCore import QTimer

from napari_deepem.controllers.turns import Turns


@pytest.mark.usefixtures("qapp")
def test_each_piece_has_a_turn_of_its_own_in_order(qtbot) -> None:
    told: list[str] = []
    turns = Turns(lambda: True)

    def piece(name: str) -> None:
        told.append(name)
        QTimer.singleShot(0, lambda: told.append(f"drawn after {name}"))

    turns.add(lambda: piece("first"))
    turns.add(lambda: piece("second"))
    assert told == []
    qtbot.waitUntil(lambda: len(told) == 4)
    assert told == ["first", "drawn after first", "second", "drawn after second"]


@pytest.mark.usefixtures("qapp")
def test_what_waits_comes_to_nothing_where_it_is_not_wanted_any_more(qtbot) -> None:
    told: list[str] = []
    turns = Turns(lambda: not told)
    for name in ("first", "second", "third"):
        turns.add(lambda name=name: told.append(name))
    qtbot.waitUntil(lambda: not turns._waiting)
    assert told == ["first"]


@pytest.mark.usefixtures("qapp")
def test_piece_that_fails_does_not_keep_the_others_from_their_turns(qtbot) -> None:
    told: list[str] = []
    turns = Turns(lambda: True)
    with qtbot.captureExceptions() as exceptions:
        turns.add(lambda: told.append(str(1 // 0)))
        turns.add(lambda: told.append("second"))
        qtbot.waitUntil(lambda: not turns._waiting)
    assert told == ["second"]
    assert [kind for kind, *_ in exceptions] == [ZeroDivisionError]
