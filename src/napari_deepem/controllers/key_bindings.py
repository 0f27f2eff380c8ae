"""Keys for micrographs and labels: napari lists them in its preferences, where they can change.

Letters are those that napari leaves free on layers of images and of points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut

ACTIONS: tuple[tuple[str, str, str, Callable[[Any], object]], ...] = (
    ("next_micrograph", "Next micrograph", "N", lambda link: link.navigation.step(1)),
    (
        "previous_micrograph",
        "Previous micrograph",
        "Shift-N",
        lambda link: link.navigation.step(-1),
    ),
    ("mark_particles", "Mark particles", "G", lambda link: link.mouse_tools.toggle("positive")),
    (
        "mark_non_particles",
        "Mark non-particles",
        "B",
        lambda link: link.mouse_tools.toggle("negative"),
    ),
    ("erase_labels", "Erase labels", "E", lambda link: link.mouse_tools.toggle("erase")),
    ("lasso_labels", "Erase labels in a lasso", "L", lambda link: link.mouse_tools.toggle("lasso")),
    ("undo_labels", "Undo a change of labels", "Ctrl-Z", lambda link: link.session.edits.undo()),
    (
        "redo_labels",
        "Redo a change of labels",
        "Ctrl-Shift-Z",
        lambda link: link.session.edits.redo(),
    ),
    (
        "show_filtered",
        "Show the micrograph filtered",
        "F",
        lambda link: link.filtered_layer.toggle(),
    ),
)


def register_keys(link_in: Callable[[Any], Any]) -> None:
    """Register the keys for all viewers.

    `link_in` gives a viewer's link, or None where nothing of ours was opened yet.
    """
    for name, description, key, act in ACTIONS:
        register(name, _command(act, link_in), f"{description} (napari-deepem)", key)


def register(
    name: str, command: Callable[[Any], object], description: str, *keys: str, repeat: bool = False
) -> None:
    """Let keys call `command` with the viewer in which they are pressed.

    Parameters
    ----------
    name : str
        The name that napari's settings remember, without our prefix.
    command : callable
    description : str
        The text in the list of shortcuts.
    keys : str
        As napari writes them, such as "Ctrl-S"; what the user has chosen instead comes first.
    repeat : bool
        Whether it is done again and again while the key is held down.
    """
    action = f"napari-deepem:{name}"
    action_manager.register_action(action, command, description, ViewerModel, repeat)
    for key in get_settings().shortcuts.shortcuts.get(action, keys):
        action_manager.bind_shortcut(action, key)


def with_keys(text: str, name: str) -> str:
    """The text of a tooltip, and the keys that do the same, if there are any."""
    keys = keys_of(name)
    return f"{text} Key: {keys}." if keys else text


def keys_of(name: str) -> str:
    """The keys of an action that are in use, in words; empty if there are none."""
    shortcuts = action_manager._shortcuts.get(f"napari-deepem:{name}", [])
    return " or ".join(Shortcut(key).platform for key in shortcuts)


def _command(act: Callable[[Any], object], link_in: Callable[[Any], Any]) -> Callable[[Any], None]:
    def command(viewer: Any) -> None:
        link = link_in(viewer)
        if link is not None:
            act(link)

    return command
