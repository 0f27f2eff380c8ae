"""The part of the Annotate dock that proposes particles and boxes."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_deepem.controllers.viewer_link import link_of, session_of
from napari_deepem.core.jobs import BoxSizesTried
from napari_deepem.core.picking import box_proposal
from napari_deepem.core.picking.box_proposal import BoxChoice, BoxProposal
from napari_deepem.core.types import Picks
from napari_deepem.layers.tags import find_layer
from napari_deepem.widgets.docks.annotate import Annotate
from scored_viewer import score_current

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def proposed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The micrographs for which three boxes were proposed."""
    names: list[str] = []

    def proposing_box(micrographs):
        names.extend(micrograph.name for micrograph in micrographs)
        yield BoxSizesTried(1, 1)
        picks = Picks(np.array([[30.0, 40.0], [20.0, 20.0]]))
        return BoxProposal(tuple(BoxChoice(box, 0.0, picks) for box in (30, 40, 24)))

    monkeypatch.setattr(box_proposal, "proposing_box", proposing_box)
    return names


def test_box_is_chosen_among_three_by_its_pictures(
    viewer: ViewerModel, proposed: list[str], qtbot
) -> None:
    viewer.layers["m2"].data = np.random.default_rng(0).normal(size=(60, 90))
    dock, session = Annotate(viewer), session_of(viewer)
    boxes = dock.proposals.boxes
    dock.proposals.propose_box.native.click()
    qtbot.waitUntil(lambda: len(session.box_choices) == 3)
    assert proposed == ["m2"]
    assert boxes.buttons[0].text() == "Box of 30 px (60 Å): 50% sure"
    assert [strip.counts for strip in boxes.strips] == [[2]] * 3
    boxes.buttons[1].click()
    assert session.box_size_px == 40
    qtbot.mouseClick(boxes.strips[2], Qt.MouseButton.LeftButton)
    assert session.box_size_px == 24
    assert [button.isChecked() for button in boxes.buttons] == [False, False, True]
    session.current = "m1"
    assert session.box_choices == ()
    assert boxes.buttons == []


def test_buttons_say_what_they_do_or_wait_for(viewer: ViewerModel) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    session.box_size_px = 24
    proposals = dock.proposals
    assert proposals.propose.tooltip.endswith("Key: K.")
    assert proposals.stop.native.isHidden()  # there is nothing to stop
    session.box_size_px = 80
    assert "does not fit m2" in proposals.propose.tooltip
    session.box_size_px, session.proposing.running = 24, True
    for each in (proposals.propose, proposals.propose_all, proposals.propose_box):
        assert not each.enabled
    assert proposals.stop.enabled
    session.proposing.running = False
    assert not Annotate(ViewerModel()).proposals.propose_box.enabled


def test_trained_model_is_replaced_only_if_the_user_says_so(
    viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    dock, session = Annotate(viewer), session_of(viewer)
    session.box_size_px = 24
    score_current(viewer)
    trained, answers = session.model, [QMessageBox.StandardButton.No]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers[0])
    dock.proposals.propose.native.click()
    assert not session.proposing.running
    assert session.model is trained
    answers[0] = QMessageBox.StandardButton.Yes
    dock.proposals.propose.native.click()
    qtbot.waitUntil(lambda: session.model is not trained)
    assert session.proposes
    qtbot.waitUntil(lambda: not link_of(viewer).proposing.running)


def test_real_micrograph_has_boxes_and_particles_proposed(viewer: ViewerModel, qtbot) -> None:
    viewer.layers["m2"].data = np.random.default_rng(0).normal(size=(200, 220))
    dock, session = Annotate(viewer), session_of(viewer)
    dock.proposals.propose_box.native.click()
    qtbot.waitUntil(lambda: len(session.box_choices) == 3)
    session.box_size_px = 40
    dock.proposals.propose.native.click()
    qtbot.waitUntil(lambda: session.picks is not None)
    session.threshold = 0.0
    assert f"{len(session.picks)} particles proposed here." in dock.proposals.state.value
    assert len(find_layer(viewer.layers, "picks").data) == len(session.picks)
