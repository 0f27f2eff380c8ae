"""The session's results as layers: score map and picks of the current micrograph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_deepem.core.types import FinalPicks
from napari_deepem.layers import results
from napari_deepem.layers.hand_points import show_picks_by_hand
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.tags import Role, find_layer
from napari_deepem.session import Session

T = TypeVar("T")


class ResultLayers:
    """The layers into which results flow from the session; they are never read back."""

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        session.events.scored.connect(self._on_scores)
        session.events.scored_so_far.connect(self._on_scores)
        session.events.picks.connect(self._on_picks)

    def show(self) -> None:
        """Show score map and picks of the current micrograph, or hide those of another."""
        self._show_score_map()
        self._show_picks()

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
