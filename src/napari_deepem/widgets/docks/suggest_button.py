"""The button that suggests what to label next, and the job behind it."""

from __future__ import annotations

from collections.abc import Callable

from magicgui.widgets import PushButton

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.controllers.workers import Job
from napari_deepem.session.gallery_rows import Gallery
from napari_deepem.session.readiness import why_not_review
from napari_deepem.session.review_gallery import gallery_at
from napari_deepem.session.suggesting import Suggestion, suggesting
from napari_deepem.widgets.docks.dock import Dock, enable

WHAT_SUGGEST_DOES = (
    "Shows boxes on the scored micrographs with the fewest labels that differ most from what has "
    "a label or a verdict, and from each other: there verdicts teach most."
)
COMPARING = "Comparing boxes ..."
NONE_LEFT = "Every candidate has a label or a verdict already."


class SuggestButton:
    """A button, and the gallery that it gives; what the job finds of another model is dropped.

    Parameters
    ----------
    dock : Dock
    on_suggested : callable
        Gets the gallery, which is not empty.
    say : callable
        Gets lines on how it goes.
    """

    def __init__(
        self, dock: Dock, on_suggested: Callable[[Gallery], object], say: Callable[[str], object]
    ) -> None:
        self._session, self._on_suggested, self._say = dock.session, on_suggested, say
        self._asked_of: tuple[object, object] = None, None  # the model, the files
        self._job = DebouncedJob(dock.native, self._job_of, self._on_result, say, delay_ms=0)
        self.button = PushButton(text="Suggest", tooltip=WHAT_SUGGEST_DOES)
        self.button.changed.connect(self._job.ask)

    def show(self) -> None:
        """Show whether anything can be suggested."""
        enable(self.button, why_not_review(self._session), WHAT_SUGGEST_DOES)

    def _job_of(self) -> Job | None:
        self._asked_of = self._session.model, self._session.files
        self._say(COMPARING)
        return suggesting(self._session)

    def _on_result(self, suggestion: Suggestion) -> None:
        model, files = self._asked_of
        if model is not self._session.model or files is not self._session.files:
            return
        gallery = gallery_at(self._session, suggestion)
        if len(gallery):
            self._on_suggested(gallery)
        else:
            self._say(NONE_LEFT)
