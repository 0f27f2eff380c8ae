"""Picks by hand on the canvas: a click adds one, a drag moves one, a key or Shift removes them.

What is done from a press of the mouse to its release is seen at once, and becomes one step of the
history in the end; a change of picks or micrograph meanwhile, by a key or a job, drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
from napari_deepem.core.types import FinalPicks, FloatArray, is_inside
from napari_deepem.core.wording import counted
from napari_deepem.layers import clicks
from napari_deepem.layers.tags import find_layer
from napari_deepem.session import Session
from napari_deepem.session.picks_by_hand import add_pick, move_pick, pick_at, remove_picks

Steps = Generator[None, None, None]
IN_BOX = 0.5  # of the box: what is under the cursor has it in its box
NONE_HERE = "There is no pick under the cursor."


class HandPicking:
    """The picks that a user adds, moves and removes on the current micrograph of one viewer."""

    def __init__(
        self,
        session: Session,
        viewer_of: Callable[[], ViewerModel],
        show: Callable[[FinalPicks | None], None],
    ) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self._show = show

    def remove_under_cursor(self) -> None:
        """Remove the pick under the cursor, whatever tool is in use."""
        image = self._image()
        cursor_yx = None if image is None else _on(image, self._viewer_of().cursor.position)
        index = None if cursor_yx is None else self._pick_under(cursor_yx)
        if index is None:
            self._viewer_of().status = NONE_HERE
        else:
            remove_picks(self._session, [index])
            self._tell("Removed a pick")

    def on_press(self, image: Image, event: Any) -> Steps:
        """Add, move or remove picks from a press of the mouse on, with the tool for it."""
        place_yx, picks = _on(image, event.position), self._session.picks
        if "Shift" in event.modifiers:
            yield from self._remove(image, event)
            return
        reach_px = SAME_PARTICLE_BOXES * self._session.picks_box_px  # else it would be doubled
        index = pick_at(picks, place_yx, reach_px)
        if picks is None or index is None:
            yield from self._add(image, event)
        else:
            yield from self._move(image, event, picks, index)

    def _add(self, image: Image, event: Any) -> Steps:
        """Add a pick where the user clicked; a mouse that moves farther moves the camera."""
        start, name = np.array(event.pos), self._session.current
        yield
        while event.type == "mouse_move":
            event.handled = clicks.screen_distance(event, start) < clicks.CLICK_PX
            yield
        place_yx = _on(image, event.position)
        has_clicked = clicks.screen_distance(event, start) < clicks.CLICK_PX
        is_on_image = bool(is_inside(place_yx[np.newaxis], image.data.shape).all())
        if has_clicked and is_on_image and self._session.current == name:
            add_pick(self._session, place_yx)
            self._tell("Added a pick by hand")

    def _move(self, image: Image, event: Any, picks: FinalPicks, index: int) -> Steps:
        """Drag a pick; one that is hardly moved stays where it is."""
        start, target_yx = np.array(event.pos), picks.centres_yx[index]
        offset_yx = target_yx - _on(image, event.position)
        highest_yx = np.array(image.data.shape) - 1.0
        is_moving = False
        others = _without(picks, [index])
        event.handled = True
        yield
        while self._session.picks is picks:
            is_moving = is_moving or clicks.screen_distance(event, start) >= clicks.CLICK_PX
            if is_moving:
                target_yx = np.clip(_on(image, event.position) + offset_yx, 0.0, highest_yx)
                self._show(_with_one_more(others, target_yx))
            if event.type != "mouse_move":
                break
            event.handled = True
            yield
        if self._session.picks is not picks:
            self._show(self._session.picks)
        elif is_moving:
            move_pick(self._session, index, target_yx)
            self._tell("Moved a pick")
        else:
            self._viewer_of().status = _described(picks, index)

    def _remove(self, image: Image, event: Any) -> Steps:
        """Remove the pick that is clicked, and those that the mouse then passes over."""
        picks, indices = self._session.picks, list[int]()
        while event.type in ("mouse_press", "mouse_move") and self._session.picks is picks:
            event.handled = True
            index = self._pick_under(_on(image, event.position))
            if picks is not None and index is not None and index not in indices:
                indices.append(index)
                self._show(_without(picks, indices))
            yield
        if self._session.picks is not picks:
            self._show(self._session.picks)
        elif indices:
            remove_picks(self._session, indices)
            self._tell(f"Removed {counted(len(indices), 'pick')}")

    def _pick_under(self, place_yx: FloatArray) -> int | None:
        return pick_at(self._session.picks, place_yx, IN_BOX * self._session.picks_box_px)

    def _tell(self, what: str) -> None:
        picks = self._session.picks
        counts = None if picks is None else picks.counts
        number = counted(0 if counts is None else counts.picks, "pick")
        whose = f", {counts.whose}" if counts is not None and counts.whose else ""
        self._viewer_of().status = f"{what}: {number} here{whose}"

    def _image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None


def _on(image: Image, position: Any) -> FloatArray:
    """The (2,) place on a micrograph, original pixels, of a position in the world."""
    return np.asarray(image.world_to_data(position), dtype=np.float64)[-2:]


def _described(picks: FinalPicks, index: int) -> str:
    """What a pick is, in a line."""
    whose = "the network" if index < picks.counts.by_network else "hand"
    score = np.nan if picks.scores is None else picks.scores[index]
    return f"A pick by {whose}" + ("" if np.isnan(score) else f", score {score:.3f}")


def _without(picks: FinalPicks, indices: list[int]) -> FinalPicks:
    """The picks without some of them."""
    left = np.ones(len(picks), dtype=bool)
    left[indices] = False
    by_hand = int(left[picks.counts.by_network :].sum())
    scores = None if picks.scores is None else picks.scores[left]
    return replace(picks, centres_yx=picks.centres_yx[left], scores=scores, by_hand=by_hand)


def _with_one_more(picks: FinalPicks, place_yx: FloatArray) -> FinalPicks:
    """The picks and one more by hand."""
    return replace(
        picks,
        centres_yx=np.concatenate([picks.centres_yx, place_yx[np.newaxis]]),
        scores=None if picks.scores is None else np.append(picks.scores, np.nan),
        by_hand=picks.by_hand + 1,
    )
