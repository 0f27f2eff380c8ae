"""The trainings of a session, whichever docks are open."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from napari_deepem.controllers.time_left import time_left
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.session import Activity, Session, jobs
from napari_deepem.session.readiness import why_not_refine, why_not_train
from napari_deepem.session.training_rounds import RoundStart, round_of

FINDING_THRESHOLD = "Finding the threshold on held-out micrographs ..."


class Training:
    """The trainings of one session, started, followed and stopped; one at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run: RunningJob | None = None
        self._stop = threading.Event()
        self._first_epoch_at = 0.0  # monotonic seconds

    def train(self, start: RoundStart = "new") -> None:
        """Start a training, or say what is missing.

        "new" trains by labels and parameters alone; "anew" and "weights" train the present model
        again, see `core.training.refinement`.
        """
        session = self._session
        if session.training.running:
            return
        why_not = why_not_train(session) if start == "new" else why_not_refine(session)
        if why_not:
            session.training.message = why_not
            return
        self._stop = threading.Event()
        session.training.begin("Reading micrographs ...")
        session.history = ()
        is_stopped = self._stop.is_set
        self._run = run(
            jobs.training(session, is_stopped)
            if start == "new"
            else jobs.refining(session, "weights" if start == "weights" else "anew", is_stopped),
            on_progress=self._on_progress,
            on_result=partial(self._on_trained, start),
            on_failed=partial(_fail, session.training),
            on_cancelled=partial(session.training.end, "Discarded. The model is as before."),
            owner=session,
        )

    def stop(self) -> None:
        """End the training after the epoch that is running, and keep the best network so far."""
        if self._session.training.running:
            self._stop.set()
            self._session.training.message = "Stopping after this epoch; the best so far is kept."

    def discard(self) -> None:
        """End the training after the epoch that is running; the model stays as it was."""
        if self._run is not None and self._session.training.running:
            self._run.cancel()
            self._session.training.message = "Stopping after this epoch ..."

    def load(self, path: Path) -> None:
        """Load a model file into the session."""
        activity = self._session.training
        activity.begin(f"Loading {path.name} ...")
        run(
            partial(jobs.load, path),
            on_progress=lambda _: None,
            on_result=partial(self._on_loaded, path),
            on_failed=partial(_fail, activity),
            owner=self._session,
        )

    def _on_progress(self, progress: Any) -> None:
        if hasattr(progress, "epoch"):
            self._on_epoch(progress)
            return
        activity = self._session.training
        done, total = progress.done, progress.total
        activity.total, activity.done = total, done
        is_read = done == total
        activity.message = "Training ..." if is_read else f"Read {done} of {total} micrographs"

    def _on_epoch(self, epoch: Any) -> None:
        now, activity = time.monotonic(), self._session.training
        if epoch.epoch == 1:
            self._first_epoch_at = now
        self._session.history = (*self._session.history, epoch)
        activity.total, activity.done = epoch.epochs, epoch.epoch
        if self._stop.is_set() or epoch.epoch == epoch.epochs:
            activity.message = FINDING_THRESHOLD
        else:
            left = time_left(epoch.epoch, epoch.epochs, now - self._first_epoch_at)
            activity.message = f"Epoch {epoch.epoch} of {epoch.epochs}{left}"

    def _on_trained(self, start: RoundStart, model: Any) -> None:
        session = self._session
        was_stopped = model.summary.get("stopped")
        choice = f", the best of {len(model.summary['curve'])} epochs kept" if was_stopped else ""
        session.training.end(f"Trained{choice}: go on in the Pick dock.")
        session.rounds = (*session.rounds, round_of(model, start, len(session.rounds) + 1))
        session.model = model

    def _on_loaded(self, path: Path, model: Any) -> None:
        self._session.training.end(f"Loaded {path.name}: go on in the Pick dock.")
        self._session.history = ()
        self._session.rounds = (round_of(model, "file", 1),)
        self._session.model = model


def _fail(activity: Activity, error: Exception) -> None:
    activity.end(report(error))
