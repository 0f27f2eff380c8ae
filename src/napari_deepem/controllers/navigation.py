"""The pages of a series: one micrograph is in memory, and the next one is read ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Image, Layer
from psygnal import SignalInstance

from napari_deepem.controllers.micrograph_layers import MicrographLayers
from napari_deepem.controllers.workers import report, run
from napari_deepem.core.types import Candidates, Micrograph, ScoreMap
from napari_deepem.layers.layer_selection import keeping_selection
from napari_deepem.layers.micrographs import Page, image_layer_data
from napari_deepem.layers.tags import find_layers, micrograph_name_of, role_of
from napari_deepem.session import Scored, Session
from napari_deepem.session.readiness import why_not_begin
from napari_deepem.session.series import reading, reading_scores

REUSED = (None, "scores", "picks")  # roles of layers that outlast a micrograph


class Navigation:
    """The turning to another micrograph of a series, whose layers replace the last one's."""

    def __init__(
        self,
        session: Session,
        micrograph_layers: MicrographLayers,
        viewer_of: Callable[[], ViewerModel],
        on_shown: Callable[[], object],
        on_new: Callable[[], object],
    ) -> None:
        self._session = session
        self._micrograph_layers = micrograph_layers
        self._files: dict[str, Path] = {}
        self._viewer_of = viewer_of
        self._on_shown = on_shown  # called when a micrograph is there that had to be waited for
        self._on_new = on_new  # called before there is the layer of the first one
        self._ahead: dict[str, Page] = {}  # the one that was read before it is asked for
        self._scored_ahead: Scored | None = None  # of that one
        self.read_ahead = SignalInstance((Micrograph,), name="read_ahead")
        self._reading: str | None = None
        self._centre_yx: tuple[float, float] | None = None  # what is to be seen, original pixels
        self.order: list[str] = []  # names as they are listed, where that is not the files' order
        self.changed = SignalInstance((), name="changed")  # something is read, or can't be
        self._asked_candidates: Candidates | None = None  # their score map is read, or not there
        session.events.files.connect(self._on_files)
        session.events.candidates.connect(self._find_scores)
        session.events.given_pixel_size.connect(self._read_anew)

    @property
    def reading(self) -> bool:
        """Whether the current micrograph is being read."""
        session = self._session
        return self._is_needed(session.current) and session.current not in session.problems

    def go_to(self, name: str, centre_yx: tuple[float, float] | None = None) -> None:
        """Make a micrograph the current one, its middle or a place on it in sight.

        A place is (row, col), original pixels, and moves the camera without zooming.
        """
        self._centre_yx = centre_yx
        if name != self._session.current:
            self._session.current = name
        elif centre_yx is not None and not self._is_needed(name):
            self._look()

    def step(self, by: int) -> None:
        """Go `by` micrographs on in the list, or back where it is negative."""
        name = self._beside(self._session.current, by)
        if name is not None:
            self.go_to(name)

    def why_not_step(self, by: int) -> str:
        """Why there is no micrograph `by` on in the list; empty if there is one."""
        if why := why_not_begin(self._session):
            return why
        is_there = self._beside(self._session.current, by) is not None
        return "" if is_there else f"This is the {'last' if by > 0 else 'first'} micrograph."

    def turn_to(self, name: str | None) -> None:
        """Show a micrograph in place of the last one, read first if need be."""
        if name is not None:
            self._tell_problem(name, None)  # the file may have been mended
        if self._is_needed(name) and name in self._ahead:
            self._show(self._ahead.pop(name))
        elif name in self._session.micrographs:
            self._look()
        self._read_on()

    def _is_needed(self, name: str | None) -> bool:
        return name in self._session.files and name not in self._session.micrographs

    def _beside(self, name: str | None, by: int) -> str | None:
        names = self.order or self._session.names
        if name not in names:
            return names[0] if names else None
        index = names.index(name) + by
        return names[index] if 0 <= index < len(names) else None

    def _on_files(self, files: Mapping[str, Path]) -> None:
        """Remove the layers of a series that was closed; its labels are kept."""
        old, self._files = self._files, dict(files)
        self._ahead, self._scored_ahead, self.order = {}, None, []
        layers = self._viewer_of().layers
        closed = {name for name, path in old.items() if files.get(name) != path}
        closed_layers = [layer for layer in layers if micrograph_name_of(layer) in closed]
        for layer in sorted(closed_layers, key=lambda layer: role_of(layer) != "micrograph"):
            if role_of(layer) not in REUSED:
                layers.remove(layer)  # images first: labels are read from a micrograph's layers

    def _read_anew(self) -> None:
        """Forget what was read ahead with another pixel size."""
        self._ahead = {}
        self._read_on()

    def _read_on(self) -> None:
        """Read the micrograph that is missing: the current one, else the next one."""
        session = self._session
        if self._reading is not None:
            return
        name = session.current
        if not self._is_needed(name) or name in session.problems:
            name = self._beside(name, 1)
            if not self._is_needed(name) or name in self._ahead or name in session.problems:
                return
        assert name is not None
        self._reading, path = name, session.files[name]
        given = session.given_pixel_size
        self.changed.emit()
        run(
            partial(_reading_page, name, path, given),
            on_progress=lambda _: None,
            on_result=self._on_read,
            on_failed=partial(self._on_failed, name),
            on_cancelled=self._on_dropped,
            is_wanted=lambda: session.files.get(name) == path and session.given_pixel_size == given,
            owner=session,
        )

    def _on_read(self, page: Page) -> None:
        self._reading, name = None, page.micrograph.name
        self._tell_problem(name, None)
        if name == self._session.current and self._is_needed(name):
            self._show(page)
            self._on_shown()
        else:
            self._ahead = {name: page}
            self._read_scores_ahead(page.micrograph)
            self.read_ahead.emit(page.micrograph)
        self._read_on()
        self.changed.emit()

    def _on_failed(self, name: str, error: Exception) -> None:
        self._reading = None
        is_current = name == self._session.current
        self._tell_problem(name, report(error) if is_current else str(error))
        self._read_on()
        self.changed.emit()

    def _on_dropped(self) -> None:
        self._reading = None
        self._read_on()

    def _tell_problem(self, name: str, problem: str | None) -> None:
        problems = {key: value for key, value in self._session.problems.items() if key != name}
        self._session.problems = problems if problem is None else {**problems, name: problem}

    def _show(self, page: Page) -> None:
        viewer, micrograph = self._viewer_of(), page.micrograph
        image = self._last_image()
        last_place = None if image is None else _place_of(image)
        if image is not None:
            self._micrograph_layers.turn(image, page, self._scored_of(micrograph))
        else:
            data, arguments, kind = image_layer_data(micrograph, source=str(micrograph.source))
            self._on_new()
            with keeping_selection(viewer):
                viewer.layers.insert(0, Layer.create(data, arguments, kind))
        self._find_scores()
        image = self._last_image()
        self._look(stays=image is not None and _place_of(image) == last_place)

    def _read_scores_ahead(self, micrograph: Micrograph) -> None:
        """Read the score map of what was read ahead, if it was kept."""
        session, name = self._session, micrograph.name
        candidates, model = session.candidates.get(name), session.model
        self._scored_ahead = None
        if candidates is None or session.folder is None:
            return

        def keep(result: tuple[ScoreMap | None, bool]) -> None:
            if result[0] is not None:
                self._scored_ahead = Scored(micrograph, model, result[0], candidates)

        run(
            partial(reading_scores, session.files[name], model),
            on_progress=lambda _: None,
            on_result=keep,
            on_failed=lambda _: None,  # it is told when the micrograph is the current one
            is_wanted=lambda: name in self._ahead and self._ahead[name].micrograph is micrograph,
            owner=session,
        )

    def _scored_of(self, micrograph: Micrograph) -> Scored | None:
        """The scores that were read ahead of a micrograph, if they still are what it has."""
        session, scored = self._session, self._scored_ahead
        if scored is None or scored.micrograph is not micrograph:
            return None
        is_latest = scored.candidates is session.candidates.get(micrograph.name)
        return scored if is_latest and scored.model is session.model else None

    def _find_scores(self) -> None:
        """Read the score map of the current micrograph if it was kept."""
        session, name = self._session, self._session.current or ""
        candidates, model = session.candidates.get(name), session.model
        is_open = name in session.files and name in session.micrographs
        if not is_open or name in session.scored or session.folder is None:
            return
        if candidates is None or candidates is self._asked_candidates:
            return
        self._asked_candidates = candidates  # once: there may be none
        run(
            partial(reading_scores, session.files[name], model),
            on_progress=lambda _: None,
            on_result=partial(self._on_scores, name, candidates),
            on_failed=report,
            is_wanted=lambda: session.model is model and session.candidates.get(name) is candidates,
            owner=session,
        )

    def _on_scores(
        self, name: str, candidates: Candidates, result: tuple[ScoreMap | None, bool]
    ) -> None:
        session, micrograph = self._session, self._session.micrographs.get(name)
        score_map, is_stale = result
        if is_stale:  # so are the candidates
            session.candidates = {k: v for k, v in session.candidates.items() if k != name}
        if micrograph is None or score_map is not None:
            self._asked_candidates = None  # if the user went on, it is read on coming back
        if micrograph is not None and score_map is not None:
            scored = Scored(micrograph, session.model, score_map, candidates)
            session.scored = {**session.scored, name: scored}

    def _last_image(self) -> Image | None:
        """The layer of the micrograph of the series that was shown before."""
        images = find_layers(self._viewer_of().layers, "micrograph")
        files = self._session.files
        return next((image for image in images if micrograph_name_of(image) in files), None)

    def _look(self, stays: bool = False) -> None:
        """Move the camera to the place that was asked for, else to the whole micrograph.

        Where this one has taken the place of one as large, the camera stays.
        """
        viewer, centre_yx = self._viewer_of(), self._centre_yx
        self._centre_yx = None
        image = next(
            iter(find_layers(viewer.layers, "micrograph", self._session.current or "")), None
        )
        if image is not None and centre_yx is not None:
            viewer.scene.camera.center = (0.0, *image.data_to_world(centre_yx))
        elif image is not None and not stays and self._session.current in self._session.files:
            viewer.reset_view()


def _reading_page(name: str, path: Path, pixel_size: float | None) -> Generator[None, None, Page]:
    """The job that reads a micrograph, and finds out how it is shown."""
    return Page.of((yield from reading(name, path, pixel_size)))


def _place_of(image: Image) -> tuple[object, ...]:
    """What has to be equal for two images to cover the same part of the world."""
    return (image.data.shape, tuple(image.scale), tuple(image.translate), image.units)
