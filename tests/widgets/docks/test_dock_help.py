"""Each dock has help, which tells the keys as they are bound, and leads to the guide."""

from __future__ import annotations

from pathlib import Path

import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QPushButton, QWidget

from napari_deepem.controllers.key_bindings import ACTIONS
from napari_deepem.controllers.viewer_link import link_of
from napari_deepem.widgets.docks import guide_link
from napari_deepem.widgets.docks.dock_help import EVERYWHERE, HELP, WITHOUT_KEY
from napari_deepem.widgets.docks.guide_link import anchor_of
from napari_deepem.widgets.docks.help_button import NAME, HelpButton, HelpPopover
from napari_deepem.widgets.docks.key_overlay import KeyOverlay
from napari_deepem.widgets.windows import DOCKS

GUIDE = Path(__file__).parents[3] / "docs" / "guide.md"
pytestmark = pytest.mark.usefixtures("qapp")


def test_every_dock_has_help_and_every_key_is_in_one() -> None:
    assert set(HELP) == set(DOCKS)
    names = [name for dock_help in (*HELP.values(), EVERYWHERE) for name in dock_help.actions]
    assert sorted(names) == sorted(action.name for action in ACTIONS)


def test_help_leads_to_sections_that_the_guide_has(monkeypatch) -> None:
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    headings = {line.removeprefix("## ") for line in lines if line.startswith("## ")}
    assert headings >= {dock_help.section for dock_help in (*HELP.values(), EVERYWHERE)}
    assert anchor_of("5. Score, and find the threshold") == "5-score-and-find-the-threshold"
    monkeypatch.setattr(guide_link, "site_address", lambda: "https://docs.example/")
    link = guide_link.guide_link("4. Train")
    assert link == "https://docs.example/docs/guide.html#4-train"


def test_keys_are_told_as_they_are_bound_now() -> None:
    link_of(ViewerModel())  # which registers them
    keys = dict(map(reversed, HELP["Annotate"].key_lines))
    assert keys["Mark particles"] == "G"
    action_manager.unbind_shortcut("napari-deepem:mark_particles")
    try:
        assert dict(map(reversed, HELP["Annotate"].key_lines))["Mark particles"] == WITHOUT_KEY
    finally:
        action_manager.bind_shortcut("napari-deepem:mark_particles", "G")


def test_title_bar_has_its_question_mark_again_when_it_is_made_anew(qtbot) -> None:
    dock = QDockWidget()
    qtbot.addWidget(dock)
    dock.setTitleBarWidget(title_bar())
    HelpButton(dock, "Pick", lambda: "dark", lambda: None)
    for _ in range(2):
        assert dock.titleBarWidget().findChild(QPushButton, NAME).text() == "?"
        dock.setTitleBarWidget(title_bar())
        dock.topLevelChanged.emit(True)


def title_bar() -> QWidget:
    bar = QWidget()
    QHBoxLayout(bar).addWidget(QLabel("Pick"))
    return bar


@pytest.mark.parametrize("name", DOCKS)
def test_popover_says_what_its_dock_is_for(name: str, qtbot) -> None:
    asked: list[str] = []
    popover = HelpPopover(HELP[name], name, "light", lambda: asked.append(name))
    qtbot.addWidget(popover)
    texts = [label.text() for label in popover.findChildren(QLabel)]
    assert HELP[name].purpose in texts[0]
    for gesture, _ in HELP[name].gestures:
        assert any(gesture in text for text in texts)
    popover.links.linkActivated.emit("keys")
    assert asked == [name]


def test_any_key_or_click_takes_all_keys_away(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(700, 700)
    with qtbot.waitExposed(window):
        window.show()
    for close in (
        lambda sheet: qtbot.keyClick(sheet, Qt.Key.Key_Space),
        lambda sheet: qtbot.mouseClick(sheet, Qt.MouseButton.LeftButton),
    ):
        sheet = KeyOverlay(window, "dark")
        sheet.show()
        assert sheet.geometry() == window.rect()
        texts = [label.text() for label in sheet.findChildren(QLabel)]
        assert {action.description for action in ACTIONS} <= set(texts)
        close(sheet)
        qtbot.waitUntil(lambda: window.findChild(KeyOverlay) is None)
