"""The session's results as layers: score map and picks of the current micrograph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from napari.components import ViewerModel
from napari.layers import Image, Points
from qtpy.QtCore import QTimer

from napari_deepem.controllers.turns import NEXT_TURN_MS
from napari_deepem.core.types import FinalPicks
from napari_deepem.layers import results
from napari_deepem.layers.hand_points import show_picks_by_hand
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.tags import Role, find_layer, find_layers
from napari_deepem.session import Session

T = TypeVar("T")
ROLES: tuple[Role, ...] = ("scores", "picks", "hand")


class ResultLayers:
    """The layers into which results flow from the session; they are never read back."""

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        self._waits = False  # for the turn after the one in which the micrograph is shown
        session.events.scored.connect(self._on_scores)
        session.events.scored_so_far.connect(self._on_scores)
        session.events.picks.connect(self._on_picks)

    def show(self) -> None:
        """Show score map and picks of the current micrograph, or hide those of another."""
        self._show_score_map()
        self._show_picks()

    def wait_a_turn(self) -> None:
        """Show nothing until the next turn of the loop of events: a layer of a micrograph is added.

        Each new layer takes napari long enough.
        """
        for role in ROLES:
            for layer in find_layers(self._viewer_of().layers, role):
                results.hide(layer)
        self._waits = True
        QTimer.singleShot(NEXT_TURN_MS, self._wait_no_more)

    def _wait_no_more(self) -> None:
        self._waits = False
        with suppress(ReferenceError):  # the viewer may have gone meanwhile
            self.show()

    def _on_scores(self) -> None:
        if self._current_image() is not None:  # else it is about to come, or hidden: see `show`
            self._show_score_map()

    def _on_picks(self) -> None:
        if self._current_image() is not None:
            self._show_picks()

    def copy_picks(self) -> Points | None:
        """A new layer of the user's with the picks as they would be saved; None without any."""
        image, picks = self._current_image(), self._session.picks
        if image is None or picks is None:
            return None
        return results.copy_picks(self._viewer_of(), image, picks)

    def _show_score_map(self) -> None:
        """Show the score map, or what is known of it while the micrograph is being scored."""
        session = self._session
        scored, so_far = session.current_scored, session.scored_so_far
        score_map = None if scored is None else scored.score_map
        if so_far is not None and so_far[0] == session.current:
            score_map = so_far[1]
        self._show("scores", score_map, results.show_score_map)

    def show_picks(self, picks: FinalPicks | None) -> None:
        """Show picks of the current micrograph, those of the session or what they may become."""
        is_scored = self._session.current_candidates is not None
        of_network = picks.of_network if picks is not None and is_scored else None
        of_hand = picks.of_hand if picks is not None and picks.by_hand else None
        self._show("picks", of_network, results.show_picks)
        self._show("hand", of_hand, show_picks_by_hand)

    def _show_picks(self) -> None:
        self.show_picks(self._session.picks)

    def _show(
        self, role: Role, result: T | None, show: Callable[[ViewerModel, Image, T], object]
    ) -> None:
        """Show a result on the current micrograph; hide its layer where there is none of either."""
        if self._waits:
            return
        viewer, image = self._viewer_of(), self._current_image()
        layer = find_layer(viewer.layers, role)
        if image is not None and result is not None:
            with keeping_selection(viewer):
                show(viewer, image, result)
        elif layer is not None:
            results.hide(layer)

    def _current_image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None
