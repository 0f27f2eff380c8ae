"""The proposals of a session, before anything is trained: particles, and boxes for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from napari_deepem.controllers.scoring import Scoring
from napari_deepem.controllers.time_left import TimeLeft
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.session import Session, jobs
from napari_deepem.session.box_choices import PicturedBox, picturing_boxes
from napari_deepem.session.readiness import why_not_propose, why_not_propose_box

SHOWN = 12  # pictures of a box, of which a dock shows as many as it has room for
TRYING = "Trying sizes of boxes"
CHOOSE = "Click the box whose pictures hold a particle and a little around it."


class Proposing:
    """The proposals of one session: started, followed, stopped; one at a time."""

    def __init__(self, session: Session, scoring: Scoring) -> None:
        self._session, self._scoring = session, scoring
        self._job: RunningJob | None = None
        self._time_left = TimeLeft()
        for name in ("box_size_px", "current"):
            session.events[name].connect(self._forget_message)

    @property
    def running(self) -> bool:
        """Whether something is being proposed: a network or a box found, or particles picked."""
        session = self._session
        return session.proposing.running or (session.proposes and session.scoring.running)

    def propose(self, names: Sequence[str]) -> None:
        """Propose particles on micrographs, the current one first, or say why not.

        The general network becomes the session's model. Whoever calls this has asked the user
        whether it may replace a trained one.
        """
        session, activity = self._session, self._session.proposing
        if activity.running or session.scoring.running:
            return
        if why_not := why_not_propose(session, names):
            activity.message = why_not
            return
        names = sorted(names, key=lambda name: name != session.current)
        box_size_px, model = session.box_size_px, session.model
        if session.proposes and model.box_size_px == box_size_px:
            return self._scoring.score(names)
        activity.begin("Loading the general network ...")
        self._job = run(
            partial(jobs.general, box_size_px),
            on_progress=lambda _: None,
            on_result=partial(self._on_general, names),
            on_failed=self._on_failed,
            on_cancelled=partial(activity.end, "Cancelled."),
            is_wanted=lambda: session.model is model and session.box_size_px == box_size_px,
            owner=session,
        )

    def propose_box(self) -> None:
        """Propose boxes for the particles on the current micrograph, or say why not."""
        session, activity = self._session, self._session.proposing
        if activity.running:
            return
        if why_not := why_not_propose_box(session):
            activity.message = why_not
            return
        name, micrograph = session.current, session.micrographs[session.current or ""]
        activity.begin(f"{TRYING} ...")
        self._time_left = TimeLeft()
        self._job = run(
            picturing_boxes(session, SHOWN),
            on_progress=self._on_size,
            on_result=self._on_boxes,
            on_failed=self._on_failed,
            on_cancelled=partial(activity.end, "Cancelled."),
            is_wanted=lambda: (
                session.current == name and session.micrographs.get(name or "") is micrograph
            ),
            owner=session,
        )

    def cancel(self) -> None:
        """Stop what is being proposed; what is proposed so far stays."""
        if self._session.proposing.running and self._job is not None:
            self._job.cancel()
        elif self.running:
            self._scoring.cancel()

    def _on_general(self, names: Sequence[str], model: Any) -> None:
        self._session.proposing.end("")
        self._session.model = model
        self._scoring.score(names)

    def _on_size(self, sizes: Any) -> None:
        activity = self._session.proposing
        activity.total, activity.done = sizes.total, sizes.done
        activity.message = f"{TRYING}{self._time_left.after(sizes.done, sizes.total) or ' ...'}"

    def _on_boxes(self, boxes: tuple[PicturedBox, ...]) -> None:
        self._session.proposing.end(CHOOSE)
        self._session.box_choices = boxes

    def _on_failed(self, error: Exception) -> None:
        self._session.proposing.end(report(error))

    def _forget_message(self) -> None:
        if not self._session.proposing.running:
            self._session.proposing.message = ""
