"""Keys for micrographs and marks: napari lists them in its preferences, where they can be changed.

Letters are those that napari leaves free on layers of images and of points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_deepem.controllers.shortcuts import keys_of, register

ACTIONS: tuple[tuple[str, str, str, Callable[[Any], object]], ...] = (
    ("next_micrograph", "Next micrograph", "N", lambda link: link.browsing.step(1)),
    ("previous_micrograph", "Previous micrograph", "Shift-N", lambda link: link.browsing.step(-1)),
    ("mark_particles", "Mark particles", "G", lambda link: link.tools.toggle("positive")),
    ("mark_non_particles", "Mark non-particles", "B", lambda link: link.tools.toggle("negative")),
    ("erase_marks", "Erase marks", "E", lambda link: link.tools.toggle("erase")),
    ("lasso_marks", "Erase marks in a lasso", "L", lambda link: link.tools.toggle("lasso")),
    ("undo_marks", "Undo a change of marks", "Ctrl-Z", lambda link: link.session.edits.undo()),
    (
        "redo_marks",
        "Redo a change of marks",
        "Ctrl-Shift-Z",
        lambda link: link.session.edits.redo(),
    ),
    ("show_filtered", "Show the micrograph filtered", "F", lambda link: link.filtered.toggle()),
)


def register_keys(link_in: Callable[[Any], Any]) -> None:
    """Register the keys for all viewers.

    `link_in` gives a viewer's link, or None where nothing of ours was opened yet.
    """
    for name, description, key, act in ACTIONS:
        register(name, _command(act, link_in), f"{description} (napari-deepem)", key)


def with_keys(text: str, name: str) -> str:
    """Say in a tooltip which keys do the same."""
    keys = keys_of(name)
    return f"{text} Key: {keys}." if keys else text


def _command(act: Callable[[Any], object], link_in: Callable[[Any], Any]) -> Callable[[Any], None]:
    def command(viewer: Any) -> None:
        link = link_in(viewer)
        if link is not None:
            act(link)

    return command
