"""What is said of each dock where one asks: what it is for, its keys, and its gestures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_deepem.controllers.key_bindings import ACTIONS, keys_of

Line = tuple[str, str]  # a key or a gesture, and what it does
WITHOUT_KEY = "no key"


@dataclass(frozen=True, eq=False, slots=True)
class DockHelp:
    """The help of one dock; its keys of the canvas are those that are bound now."""

    purpose: str  # a sentence
    section: str  # heading of the guide
    actions: tuple[str, ...] = ()  # names of keys of the canvas, see `key_bindings.ACTIONS`
    keys: tuple[Line, ...] = ()  # that act in the dock alone, and can't be rebound
    gestures: tuple[Line, ...] = ()  # of the mouse

    @property
    def key_lines(self) -> list[Line]:
        """Keys of the canvas as they are bound now, and those of the dock."""
        described = {action.name: action.description for action in ACTIONS}
        canvas = [(keys_of(name) or WITHOUT_KEY, described[name]) for name in self.actions]
        return [*canvas, *self.keys]


_STEPS = ("next_micrograph", "previous_micrograph")
_SHOWN = ("show_filtered", "show_keys")
_BY_HAND = ("pick_by_hand", "remove_pick")
_ELSEWHERE = {*_STEPS, *_SHOWN, *_BY_HAND}
HELP: Mapping[str, DockHelp] = {
    "Micrographs": DockHelp(
        "Opens a folder, lists its micrographs with how far you have got on each, and picks all of "
        "them.",
        "1. Open the folder",
        _STEPS,
        gestures=(
            ("click a row", "Go to that micrograph"),
            ("click a heading", "Sort by it"),
            ("Shift-click, Ctrl-click", "Choose several"),
            ("click a point of a plot", "Go to its micrograph"),
            ("drop a folder", "Open it"),
        ),
    ),
    "Annotate": DockHelp(
        "Sets the box, proposes particles, and marks what the network is to learn from.",
        "3. Mark particles",
        tuple(action.name for action in ACTIONS if action.name not in _ELSEWHERE),
        gestures=(
            ("click, while marking", "Mark a particle by its middle"),
            ("drag a label", "Move it"),
            ("Shift-click", "Erase a label"),
            ("drag elsewhere", "Move the view"),
            ("wheel", "Zoom"),
        ),
    ),
    "Train": DockHelp(
        "Trains a network on your labels and verdicts, and shows how good it gets on what was held "
        "out.",
        "4. Train",
    ),
    "Pick": DockHelp(
        "Scores micrographs, and chooses picks among what was found by score and by standard "
        "deviation.",
        "5. Score, and find the threshold",
        _BY_HAND,
        gestures=(
            ("drag the thick line", "Move the threshold"),
            ("drag the shaded range", "Move the std range"),
            ("double-click the std plot", "Take the model's std range"),
            ("hold over a plot", "Read what it shows"),
            ("click, picking by hand", "Add a pick"),
            ("drag a pick", "Move it"),
            ("Shift-click", "Remove a pick"),
        ),
    ),
    "Review": DockHelp(
        "Shows picks as a gallery, takes what you say of them, and trains again with it.",
        "6. Review, and train again",
        keys=(
            ("A", "Accept what is selected"),
            ("R", "Reject what is selected"),
            ("U", "Take its verdict back"),
            ("Ctrl+Z", "Undo the last verdict"),
            ("arrows", "Go to another picture"),
        ),
        gestures=(
            ("click a picture", "Go to it on the micrograph"),
            ("click a pick", "Go to its picture"),
            ("Shift-click, Ctrl-click", "Select many"),
        ),
    ),
    "Export": DockHelp(
        "Writes picks, or labels, as files of RELION, cryoSPARC, EMAN2 and other programs.",
        "8. Export",
        gestures=(("hold over a format", "Read what its files are called and hold"),),
    ),
}
EVERYWHERE = DockHelp("Help on all that can be done.", "Help and keys", _SHOWN)
