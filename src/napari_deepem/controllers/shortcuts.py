"""Keys of ours among napari's own: File > Preferences > Shortcuts lists them and changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut


def register(
    name: str, command: Callable[[Any], object], description: str, *keys: str, repeat: bool = False
) -> None:
    """Let keys call `command` with the viewer in which they are pressed.

    Parameters
    ----------
    name : str
        What napari's settings remember it by, without our prefix.
    command : callable
    description : str
        What the list of shortcuts says.
    keys : str
        As napari writes them, such as "Ctrl-S"; what the user has chosen instead comes first.
    repeat : bool
        Whether it is done again and again while the key is held down.
    """
    action = f"napari-deepem:{name}"
    action_manager.register_action(action, command, description, ViewerModel, repeat)
    for key in get_settings().shortcuts.shortcuts.get(action, keys):
        action_manager.bind_shortcut(action, key)


def keys_of(name: str) -> str:
    """Return the keys that are in use, in words; empty if there are none."""
    shortcuts = action_manager._shortcuts.get(f"napari-deepem:{name}", [])
    return " or ".join(Shortcut(key).platform for key in shortcuts)
