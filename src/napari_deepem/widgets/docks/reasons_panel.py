"""Why a pick is picked: its scores in four rotations, and what the criteria say of it."""

from __future__ import annotations

from magicgui.widgets import CheckBox

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
NONE_CHOSEN = "Click a picture to see why it is picked."


class ReasonsPanel:
    """A box to tick, and what is shown of the pick that was selected last while it is."""

    def __init__(self, dock: Dock, view: GalleryView, peak_sizes: PeakSizes) -> None:
        self._session, self._view, self._peak_sizes = dock.session, view, peak_sizes
        self.switch = CheckBox(text="Why it is picked", value=False, tooltip=WHAT_IT_SHOWS)
        self.scores = RotationScores()
        self.first, self.second = text_line("reason"), text_line("more reasons")
        self._frame = holder(self.scores)
        self.widgets = [self._frame, self.first, self.second]
        self._job = DebouncedJob(
            dock.native, self._job_of, self._show, self._fail, delay_ms=FAST_MS
        )
        self.switch.changed.connect(self._ask)
        view.selection_changed.connect(self._ask)
        for name in ("threshold", "std_range", "min_distance_px"):
            dock.follow(dock.session.events[name], self._ask)
        dock.follow_filter(self._ask)
        dock.follow_theme(self.scores.show_theme)
        self.clear("")

    def clear(self, text: str) -> None:
        """Show nothing but a line."""
        self._frame.visible = False
        tell(self.first, text)
        tell(self.second, "")

    def _ask(self) -> None:
        if not self.switch.value:
            self.clear("")
        elif self._view.current_row is None:
            self.clear(NONE_CHOSEN)
        else:
            self._job.ask()

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
        self._frame.visible = True
        first, second = reasons.lines
        tell(self.first, first)
        tell(self.second, second)

    def _fail(self, line: str) -> None:
        self.clear(line)
