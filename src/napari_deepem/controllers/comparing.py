"""The comparison of a session's picks by their likeness: started, followed, stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psygnal import Signal

from napari_deepem.controllers.time_left import TimeLeft
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.core.wording import counted
from napari_deepem.session import Session
from napari_deepem.session.activity import Activity
from napari_deepem.session.boxes_alike import BoxesAlike, SeenBoxes, comparing
from napari_deepem.session.peak_sizes import PeakSizes
from napari_deepem.session.readiness import NOTHING_TO_REVIEW, why_not_review


class Comparing:
    """The comparison of one session's picks; what comes of it is kept until the model changes."""

    changed = Signal()  # there is another result, or none any more

    def __init__(self, session: Session, peak_sizes: PeakSizes | None = None) -> None:
        self._session, self._peak_sizes = session, peak_sizes
        self._seen = SeenBoxes()
        self._job: RunningJob | None = None
        self._time_left = TimeLeft()
        self.activity = Activity()
        self.result: BoxesAlike | None = None

    def compare(self, names: Sequence[str]) -> None:
        """Compare the picks of these micrographs, or say why not."""
        session, activity = self._session, self.activity
        if activity.running:
            return
        if not any(name in session.candidates for name in names):
            activity.message = why_not_review(session) or NOTHING_TO_REVIEW
            return
        model, files, self._time_left = session.model, session.files, TimeLeft()
        self._seen = self._seen.by(model)
        activity.begin("Comparing picks ...")
        self._job = run(
            comparing(session, names, self._seen, self._peak_sizes),
            on_progress=self._on_boxes,
            on_result=self._on_result,
            on_failed=lambda error: activity.end(report(error)),
            on_cancelled=lambda: activity.end("Stopped; what was compared is kept."),
            is_wanted=lambda: session.model is model and session.files is files,
            owner=session,
        )

    def cancel(self) -> None:
        """Stop; what the network has looked at so far is kept for the next time."""
        if self._job is not None and self.activity.running:
            self._job.cancel()

    def forget(self) -> None:
        """Forget what came of it: the picks are of another model or folder now."""
        self.cancel()
        self.result = None
        if not self.activity.running:
            self.activity.message = ""
        self.changed.emit()

    def _on_boxes(self, boxes: Any) -> None:
        activity = self.activity
        activity.total, activity.done = boxes.total, boxes.done
        if boxes.total:
            left = self._time_left.after(boxes.done, boxes.total) or " ..."
            activity.message = f"Comparing picks: {boxes.done} of {boxes.total}{left}"

    def _on_result(self, alike: BoxesAlike) -> None:
        self.result = alike if len(alike.gallery) else None
        count = counted(len(alike.gallery), "pick")
        self.activity.end(f"{count} on the plane." if self.result else "No picks to compare.")
        self.changed.emit()
