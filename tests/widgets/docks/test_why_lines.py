"""Every control that is disabled says why in its place, and no dock says anything twice."""

from __future__ import annotations

from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.widgets.docks.annotate import Annotate
from napari_deepem.widgets.docks.export import Export
from napari_deepem.widgets.docks.micrographs import Micrographs
from napari_deepem.widgets.docks.pick import Pick
from napari_deepem.widgets.docks.review import Review
from napari_deepem.widgets.docks.train import Train
from napari_deepem.widgets.docks.why_lines import NAME, WHY_NOT, reasons_by_row
from scored_viewer import score_current, viewer

__all__ = ["viewer"]
pytestmark = pytest.mark.usefixtures("qapp")
DOCKS = (Micrographs, Annotate, Train, Pick, Review, Export)
CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)


def test_reason_is_said_once_below_the_first_row_that_has_it() -> None:
    reasons = [("a", "Open one."), ("b", "Open one."), ("b", "Score it."), ("c", ""), ("b", "No.")]
    assert reasons_by_row(reasons, told=[]) == {"a": "Open one.", "b": "Score it. No."}


def test_reason_that_a_text_says_already_is_not_repeated() -> None:
    reasons = [("a", "Nothing to undo."), ("b", "Open one.")]
    assert reasons_by_row(reasons, told=["Nothing to undo"]) == {"b": "Open one."}


@pytest.mark.parametrize("dock_type", DOCKS)
def test_disabled_controls_say_why(dock_type: Any, viewer: ViewerModel, qtbot) -> None:
    empty = dock_type(ViewerModel())
    assert_reasons_are_seen(empty, qtbot)
    dock, session = dock_type(viewer), session_of(viewer)
    assert_reasons_are_seen(dock, qtbot)
    score_current(viewer)
    assert_reasons_are_seen(dock, qtbot)
    session.training.begin("Reading micrographs ...", 100)
    session.scoring.begin("Scoring m2 ...", 10)
    assert_reasons_are_seen(dock, qtbot)
    session.training.end("Trained.")
    session.scoring.end("")
    assert_reasons_are_seen(dock, qtbot)


def test_empty_window_says_in_each_dock_once_what_to_open(qtbot) -> None:
    for dock_type in (Annotate, Train, Pick):
        dock = dock_type(ViewerModel())
        assert_reasons_are_seen(dock, qtbot)
        assert sum("Open a micrograph first" in text for text in texts_of(dock.native)) == 1


def assert_reasons_are_seen(dock: Any, qtbot: Any) -> None:
    """Each disabled control has a reason that is among the texts of its dock."""
    qtbot.wait(0)  # what is to be done in a moment is done
    dock._why_lines.refresh()
    texts = texts_of(dock.native)
    for control in dock.native.findChildren(QWidget):
        is_control = isinstance(control, CONTROLS) and not isinstance(control, QScrollBar)
        if is_control and control.isVisibleTo(dock.native) and not control.isEnabled():
            why_not = reason_of(control)
            assert any(why_not.rstrip(".") in text for text in texts), why_not
    lines = [each.text() for each in dock.native.findChildren(QLabel, NAME) if not each.isHidden()]
    assert all(lines)
    assert len(lines) == len(set(lines))


def reason_of(control: QWidget) -> str:
    """Why a control, or what it is a part of, is disabled."""
    part: QWidget | None = control
    while part is not None:
        if part.property(WHY_NOT):
            return str(part.property(WHY_NOT))
        part = part.parentWidget()
    raise AssertionError(f"{control} says nothing: {getattr(control, 'text', str)()}")


def texts_of(native: QWidget) -> list[str]:
    labels: list[Any] = [*native.findChildren(QLabel), *native.findChildren(QAbstractButton)]
    return [each.text() for each in labels if each.isVisibleTo(native)]
