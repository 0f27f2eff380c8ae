"""The button that lets the mouse pick by hand, for any dock where picks are looked at."""

from __future__ import annotations

from magicgui.widgets import PushButton
from napari.utils.action_manager import action_manager

from napari_deepem.controllers.key_bindings import keys_of, with_keys
from napari_deepem.session.readiness import why_not_annotate
from napari_deepem.widgets.docks.dock import Dock, enable

WHAT_HAND_DOES = (
    "A click on the micrograph adds a pick, a drag moves one, a click with Shift removes one. "
    "Added ones are particles of the next training, removed ones non-particles; what is moved "
    "teaches its new place."
)


def hand_button(dock: Dock) -> PushButton:
    """The button of a dock that takes up the tool, or lays it down."""
    button = PushButton(text="Pick by hand", name="picks")
    tools = dock.link.mouse_tools
    button.native.setCheckable(True)
    button.native.clicked.connect(lambda: tools.toggle("picks"))

    def show_tool() -> None:
        button.native.setChecked(tools.current_tool() == "picks")

    def show() -> None:
        remover = f" {keys_of('remove_pick')} removes the pick under the cursor with any tool."
        help_text = WHAT_HAND_DOES + (remover if keys_of("remove_pick") else "")
        enable(button, why_not_annotate(dock.session), with_keys(help_text, "pick_by_hand"))

    dock.follow(tools.changed, show_tool)
    for name in ("micrographs", "current", "files", "is_following"):
        dock.follow(dock.session.events[name], show)
    keys_changed = action_manager.events.shortcut_changed
    keys_changed.connect(show)
    dock.at_end(lambda: keys_changed.disconnect(show))
    show()
    show_tool()
    return button
