"""Keys that can do nothing, and say so."""

from pathlib import Path

import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts

from napari_deepem.controllers.key_bindings import ACTIONS, keys_of
from napari_deepem.controllers.viewer_link import link_of
from series import go_to

pytestmark = pytest.mark.usefixtures("qapp")


def press(viewer: ViewerModel, name: str) -> str:
    """What the status line says after a key."""
    viewer.status = ""
    action_manager._actions[f"napari-deepem:{name}"].command(viewer)
    return viewer.status


def test_no_key_is_given_twice_or_has_another_meaning_on_a_layer() -> None:
    """Of two actions with one key, one is never done; and a layer hears keys before the viewer."""
    keys = [coerce_keybinding(action.key) for action in ACTIONS]
    assert len(set(keys)) == len(keys)
    of_napari = {
        coerce_keybinding(key): name
        for name, shortcuts in default_shortcuts.items()
        if issubclass(action_manager._actions[name].keymapprovider, Image | Points | ViewerModel)
        for key in shortcuts
    }
    assert "napari:auto_contrast_once" in of_napari.values()
    assert {of_napari[key] for key in keys if key in of_napari} == set()


def test_every_key_says_what_it_needs_where_nothing_is_open() -> None:
    """E.3: before a dock is open, and before a micrograph is."""
    other, viewer = ViewerModel(), ViewerModel()
    link_of(other)
    for action in ACTIONS:
        assert "Open a dock first" in press(viewer, action.name)
    display = link_of(viewer).session.display
    is_filtered = display.filtered
    for action in [each for each in ACTIONS if each.name != "show_keys"]:  # that needs nothing
        assert press(viewer, action.name).startswith(f"{keys_of(action.name)}: ")
    assert press(viewer, "mark_particles").startswith("G: Open a micrograph first")
    assert display.filtered == is_filtered


def test_keys_say_where_the_series_ends_and_what_is_being_read(opened, folder: Path, qtbot) -> None:
    """E.3"""
    viewer = ViewerModel()
    link = opened(viewer)
    first = press(viewer, "previous_micrograph")
    assert first == f"{keys_of('previous_micrograph')}: This is the first micrograph."
    assert press(viewer, "undo_labels").endswith(": Nothing to undo.")
    assert press(viewer, "next_micrograph") == ""
    (folder / "m10.mrc").unlink()
    go_to(link, "m2", qtbot)
    assert press(viewer, "erase_labels") == ""
    link.session.current = "m10"
    assert press(viewer, "mark_particles") == "G: m10 is being read."
    qtbot.waitUntil(lambda: "m10" in link.session.problems)
    assert "m10" in press(viewer, "mark_particles")
    assert press(viewer, "next_micrograph") == "N: This is the last micrograph."
