"""Why a pick is picked: its scores in four rotations, and what the criteria say of it."""

from __future__ import annotations

from magicgui.widgets import CheckBox, Container

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.controllers.workers import Job
from napari_deepem.session.peak_sizes import PeakSizes
from napari_deepem.session.pick_reasons import PickReasons, explaining
from napari_deepem.widgets.docks.dock import Dock, holder, tell, text_line
from napari_deepem.widgets.pictures.gallery import GalleryView
from napari_deepem.widgets.pictures.rotation_scores import RotationScores

WHAT_IT_SHOWS = (
    "Shows the scores of the pick that was selected last, in the four rotations of which its score "
    "is the mean, and how far it is from the threshold and from the next pick."
)
FAST_MS = 100
HEIGHT_PX = 170  # screen pixels, of pictures and four lines
NONE_CHOSEN = "Click a picture to see why it is picked."


class ReasonsPanel:
    """A box to tick, and what is shown of the pick that was selected last while it is.

    It takes the place of something else of the dock, and stays as high, so that hardly anything
    moves.
    """

    def __init__(
        self, dock: Dock, view: GalleryView, peak_sizes: PeakSizes, otherwise: Container
    ) -> None:
        self._session, self._view, self._peak_sizes = dock.session, view, peak_sizes
        self.switch = CheckBox(text="Why it is picked", value=False, tooltip=WHAT_IT_SHOWS)
        self.scores = RotationScores()
        self.lines = text_line("reasons")
        self._reasons = Container(widgets=[holder(self.scores), self.lines], labels=False)
        self._reasons.margins = (0, 0, 0, 0)
        self._reasons.native.layout().addStretch()
        self._otherwise = otherwise
        self._reasons.native.setMinimumHeight(HEIGHT_PX)
        self.widgets = [self._reasons, otherwise]
        self._job = DebouncedJob(
            dock.native, self._job_of, self._show, self._fail, delay_ms=FAST_MS
        )
        self.switch.changed.connect(self._on_switch)
        view.selection_changed.connect(self._ask)
        for name in ("threshold", "std_range", "min_distance_px"):
            dock.follow(dock.session.events[name], self._ask)
        dock.follow_filter(self._ask)
        dock.follow_theme(self.scores.show_theme)
        self._on_switch()

    def _on_switch(self) -> None:
        self._reasons.visible = self.switch.value
        self._otherwise.visible = not self.switch.value
        self._ask()

    def _ask(self) -> None:
        if not self.switch.value or self._view.current_row is None:
            self._clear(NONE_CHOSEN)
        else:
            self._job.ask()

    def _clear(self, text: str) -> None:
        """Show nothing but a line."""
        self.scores.hide()
        tell(self.lines, text)

    def _job_of(self) -> Job | None:
        row, gallery = self._view.current_row, self._view.pictures.gallery
        if row is None or not self.switch.value:
            return None
        return explaining(self._session, gallery, row, self._peak_sizes)

    def _show(self, reasons: PickReasons) -> None:
        if not self.switch.value:
            return
        threshold = reasons.criteria.threshold
        self.scores.show_scores(list(reasons.pictures), reasons.rotation_scores.tolist(), threshold)
        self.scores.show()
        tell(self.lines, "\n".join(reasons.lines))

    def _fail(self, line: str) -> None:
        self._clear(line)
