"""A kind of picks is rejected by one sweep."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest

from hand import drag_on
from napari_deepem.controllers.comparing import Comparing
from napari_deepem.controllers.viewer_link import session_of
from napari_deepem.session.boxes_alike import BoxesAlike
from napari_deepem.session.review_gallery import gallery
from napari_deepem.widgets.docks.gallery_filling import LASSOED, THIS
from napari_deepem.widgets.docks.likeness_window import LikenessWindow
from napari_deepem.widgets.docks.review import Review
from scored_viewer import score_current
from scored_viewer import viewer as viewer

PLACES = np.array([[0.0, 0.0], [5.0, 5.0]])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The micrographs of each comparison that was asked for; none is made."""
    asked: list[list[str]] = []
    monkeypatch.setattr(Comparing, "compare", lambda _, names: asked.append(list(names)))
    return asked


@pytest.fixture
def review(viewer: ViewerModel, qtbot, asked: list[list[str]]) -> Review:
    """Two picks of one micrograph, of two groups, laid out in a window."""
    score_current(viewer)
    dock = Review(viewer)
    dock.likeness.native.click()
    window = dock._likeness_window
    assert window is not None
    qtbot.addWidget(window)
    session = session_of(viewer)
    shown = gallery(session, [session.current or ""], "position")
    window.comparing.result = BoxesAlike(shown, PLACES, np.array([0, 1]))
    window.comparing.changed.emit()
    return dock


def window_of(review: Review) -> LikenessWindow:
    window = review._likeness_window
    assert window is not None
    return window


def test_comparison_begins_when_the_window_is_opened_and_is_not_made_twice(
    review: Review, asked: list[list[str]]
) -> None:
    window, name = window_of(review), review.session.current
    assert asked == [[name]]
    assert window.compare.text == "Compare again"
    window.close()
    review.likeness.native.click()
    assert asked == [[name]]
    window.compare.native.click()
    assert asked == [[name], [name]]


def test_lasso_shows_what_it_holds_and_one_key_rejects_it(review: Review, qtbot) -> None:
    window, session = window_of(review), review.session
    qtbot.waitUntil(window.isVisible)
    plot, view = window.plot.widget, window.plot.widget.plotItem.vb
    around = [(4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0)]
    spots = [plot.mapFromScene(view.mapViewToScene(QPointF(*place))) for place in around]
    drag_on(plot.viewport(), qtbot, *spots)
    assert review.scope.value == LASSOED
    np.testing.assert_array_equal(review.pictures.gallery.rows, [1])
    QTest.keyClick(window, Qt.Key.Key_R)
    name = session.current or ""
    np.testing.assert_array_equal(session.verdicts[name].negative_yx, [[40.0, 60.0]])
    assert review.view.selected_rows().tolist() == [0]
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not session.with_verdicts()


def test_group_is_chosen_by_its_button_and_nothing_goes_back(review: Review) -> None:
    window = window_of(review)
    window.groups[0].click()
    assert (review.scope.value, review.pictures.gallery.rows.tolist()) == (LASSOED, [0])
    assert "1 of 2 picks chosen" in window.status.value
    assert [group.text() for group in window.groups if not group.isHidden()] == ["1", "1"]
    window.plot.chosen.emit(np.zeros(2, dtype=bool))
    assert (review.scope.value, len(review.pictures.gallery)) == (THIS, 2)


def test_what_came_of_another_model_is_forgotten(review: Review) -> None:
    window = window_of(review)
    window.groups[0].click()
    review.session.model = None
    assert window.comparing.result is None
    assert review.scope.value == THIS
    assert len(review.pictures.gallery) == 0
    assert "propose particles in Annotate" in window.hint.value
    assert not window.compare.enabled


def test_reasons_wait_for_a_pick(review: Review) -> None:
    review.reasons.switch.value = True
    assert review.reasons.lines.value == "Click a picture to see why it is picked."
    assert [widget.native.isHidden() for widget in review.reasons.widgets] == [False, True]
    review.reasons.switch.value = False
    assert [widget.native.isHidden() for widget in review.reasons.widgets] == [True, False]
