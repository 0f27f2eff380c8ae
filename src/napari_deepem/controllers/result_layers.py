"""What is shown of the session's results: score map and picks of the current micrograph."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel
from napari.layers import Image, Points

from napari_deepem.core.types import ScoreMap
from napari_deepem.layers import results
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.tags import Role, find_layer
from napari_deepem.session import Session
from napari_deepem.session.export_plan import picks_to_save


class ResultLayers:
    """Results flow from the session into layers, which are never read back."""

    def __init__(self, session: Session, viewer_of: Callable[[], ViewerModel]) -> None:
        self._session = session
        self._viewer_of = viewer_of
        session.events.scored.connect(self.show)
        session.events.scored_so_far.connect(self._show_so_far)
        session.events.picks.connect(self._show_picks)

    def show(self) -> None:
        """Show score map and picks of the current micrograph, or hide those of another."""
        session, image = self._session, self._current_image()
        viewer, scored = self._viewer_of(), session.current_scored
        picks = session.picks
        shown: tuple[tuple[Role, bool], ...] = (
            ("scores", scored is not None),
            ("picks", picks is not None),
        )
        for role, is_there in shown:
            layer = find_layer(viewer.layers, role)
            if layer is not None and (image is None or not is_there):
                results.hide(layer)
        if image is None:
            return
        with keeping_selection(viewer):
            if scored is not None:
                results.show_score_map(viewer, image, scored.score_map)
            if picks is not None:
                results.show_picks(viewer, image, picks)

    def copy_picks(self) -> Points | None:
        """Add the picks, as they would be saved, as an ordinary layer of the user's."""
        image, name = self._current_image(), self._session.current
        if image is None or name not in self._session.candidates:
            return None
        picks, _ = picks_to_save(self._session, name)
        return results.copy_picks(self._viewer_of(), image, picks)

    def _show_so_far(self, known: tuple[str, ScoreMap] | None) -> None:
        """Show what is known of a score map, or nothing where that came to an end."""
        image = self._current_image()
        if known is None:
            self.show()
        elif image is not None and known[0] == self._session.current:
            with keeping_selection(self._viewer_of()):
                results.show_score_map(self._viewer_of(), image, known[1])

    def _show_picks(self) -> None:
        picks, image = self._session.picks, self._current_image()
        layer = find_layer(self._viewer_of().layers, "picks")
        if picks is None and layer is not None:
            results.hide(layer)
        if picks is not None and image is not None:
            with keeping_selection(self._viewer_of()):
                results.show_picks(self._viewer_of(), image, picks)

    def _current_image(self) -> Image | None:
        name = self._session.current
        return find_layer(self._viewer_of().layers, "micrograph", name) if name else None
