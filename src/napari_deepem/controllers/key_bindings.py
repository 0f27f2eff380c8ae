"""Keys for micrographs, labels and picks: napari lists them in its preferences, to be changed.

Letters are those that napari leaves free on layers of images and of points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut

from napari_deepem.session import Session
from napari_deepem.session.readiness import (
    why_not_annotate,
    why_not_begin,
    why_not_propose,
    why_not_propose_unasked,
)


@dataclass(frozen=True, eq=False, slots=True)
class KeyAction:
    """What a key does, and why it does nothing now: a line, empty where it does something."""

    name: str  # that napari's settings remember, without our prefix
    description: str
    key: str
    act: Callable[[Any], object]  # takes the viewer's link, as does:
    why_not: Callable[[Any], str]


def _step(by: int, name: str, description: str, key: str) -> KeyAction:
    return KeyAction(
        name,
        description,
        key,
        lambda link: link.navigation.step(by),
        lambda link: link.navigation.why_not_step(by),
    )


def _tool(tool: str, name: str, description: str, key: str) -> KeyAction:
    return KeyAction(
        name,
        description,
        key,
        lambda link: link.mouse_tools.toggle(tool),
        lambda link: why_not_annotate(link.session),
    )


def _why_not_propose(session: Session) -> str:
    return why_not_propose_unasked(session) or why_not_propose(session, session.current_alone)


ACTIONS: tuple[KeyAction, ...] = (
    _step(1, "next_micrograph", "Next micrograph", "N"),
    _step(-1, "previous_micrograph", "Previous micrograph", "Shift-N"),
    KeyAction(
        "propose_particles",
        "Propose particles",
        "K",
        lambda link: link.proposing.propose(link.session.current_alone),
        lambda link: _why_not_propose(link.session),
    ),
    _tool("positive", "mark_particles", "Mark particles", "G"),
    _tool("negative", "mark_non_particles", "Mark non-particles", "B"),
    _tool("erase", "erase_labels", "Erase labels", "E"),
    _tool("lasso", "lasso_labels", "Erase labels in a lasso", "L"),
    _tool("picks", "pick_by_hand", "Pick by hand", "H"),
    KeyAction(
        "remove_pick",
        "Remove the pick under the cursor",
        "D",
        lambda link: link.hand_picking.remove_under_cursor(),
        lambda link: why_not_annotate(link.session),
    ),
    KeyAction(
        "undo_labels",
        "Undo a change of labels or picks",
        "Ctrl-Z",
        lambda link: link.session.edits.undo(),
        lambda link: "" if link.session.edits.can_undo else "Nothing to undo.",
    ),
    KeyAction(
        "redo_labels",
        "Redo a change of labels or picks",
        "Ctrl-Shift-Z",
        lambda link: link.session.edits.redo(),
        lambda link: "" if link.session.edits.can_redo else "Nothing to redo.",
    ),
    KeyAction(
        "show_filtered",
        "Show the micrograph filtered",
        "F",
        lambda link: link.filtered_layer.toggle(),
        lambda link: why_not_begin(link.session),
    ),
    KeyAction(
        "contrast_of_seen",
        "Contrast of what is seen",
        "T",
        lambda link: link.filtered_layer.take_contrast_of_seen(),
        lambda link: why_not_begin(link.session),
    ),
    KeyAction(
        "contrast_of_whole",
        "Contrast of the whole micrograph",
        "Shift-T",
        lambda link: link.filtered_layer.forget_contrast(),
        lambda link: why_not_begin(link.session),
    ),
    KeyAction(
        "show_keys",
        "Show all keys",
        "Shift-H",
        lambda link: link.keys_asked.emit(),
        lambda _: "",
    ),
)
NO_DOCK = "Open a dock first: Plugins > napari-deepem."


def register_keys(link_in: Callable[[Any], Any]) -> None:
    """Register the keys for all viewers.

    `link_in` gives a viewer's link, or None where nothing of ours was opened yet.
    """
    for action in ACTIONS:
        register(
            action.name,
            _command(action, link_in),
            f"{action.description} (napari-deepem)",
            action.key,
        )


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


def _command(action: KeyAction, link_in: Callable[[Any], Any]) -> Callable[[Any], None]:
    def command(viewer: Any) -> None:
        link = link_in(viewer)
        why_not = NO_DOCK if link is None else action.why_not(link)
        if why_not:
            viewer.status = f"{keys_of(action.name) or action.description}: {why_not}"
        else:
            action.act(link)

    return command
