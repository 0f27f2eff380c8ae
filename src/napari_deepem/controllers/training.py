"""The trainings of a session, whichever docks are open."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from napari_deepem.controllers.time_left import TimeLeft
from napari_deepem.controllers.workers import RunningJob, report, run
from napari_deepem.core.wording import counted
from napari_deepem.session import Activity, Session, jobs
from napari_deepem.session.jobs import BatchesDone, EpochDone, TilesDone
from napari_deepem.session.readiness import why_not_refine, why_not_train
from napari_deepem.session.training_rounds import RoundStart, round_of

FINDING_THRESHOLD = "Finding the threshold on labelled micrographs"
LOOKING = "Looking for particles that have no label"
CUTTING = "Cutting boxes ..."
STEPS, READ, LEARNT = 1000, 100, 980  # of the bar: all, and where reading and learning end
LAST_WORK_S = 20.0  # at most, while a window closes: the last batch, and the threshold


class Training:
    """The trainings of one session, started, followed and stopped; one at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run: RunningJob | None = None
        self._stop = threading.Event()
        self._time_left: TimeLeft | None = None  # None: nothing has been learnt yet
        self._finds_threshold = False
        for name in ("labels", "box_size_px", "start", "recipe", "binning"):
            session.events[name].connect(self._forget_message)

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
        session.training.begin("Reading micrographs ...", STEPS)
        session.history = ()
        self._time_left, self._finds_threshold = None, False
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
        """End the training after the batch that is running, and keep the best network so far.

        Before the first batch there is nothing to keep.
        """
        if self._run is not None and self._time_left is None:
            self.discard()
        elif self._session.training.running:
            self._stop.set()
            self._session.training.message = "Stopping; the best so far is kept."

    def discard(self) -> None:
        """End the training; the model stays as it was."""
        if self._run is not None and self._session.training.running:
            self._stop.set()  # what takes longer than a batch asks for it
            self._run.cancel()

    def unfinished(self) -> str:
        """What becomes of a training that is running if the window is closed; empty if none is."""
        if not self._session.training.running:
            return ""
        if self._can_keep:
            return "a network is being trained; the best so far is kept"
        return "a network is being trained; what it has learnt will be lost (Stop would keep it)"

    def stop_and_wait(self) -> None:
        """Stop a training, and take what it has learnt if that can be kept: the window closes."""
        if self._run is not None and self._session.training.running and self._can_keep:
            self._stop.set()
            self._run.wait(LAST_WORK_S)

    @property
    def _can_keep(self) -> bool:
        """Whether there is a file for it, and no model yet: that and its picks are worth more."""
        session = self._session
        return (
            bool(session.history) and session.folder is not None and session.trained_model is None
        )

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

    def _forget_message(self) -> None:
        """Say no longer how the last training went: it was with others."""
        if not self._session.training.running:
            self._session.training.message = ""

    def _on_progress(self, progress: Any) -> None:
        activity = self._session.training
        if isinstance(progress, EpochDone):
            return self._on_epoch(progress)
        if isinstance(progress, TilesDone):
            return self._on_tiles(progress)
        share = progress.done / progress.total
        if isinstance(progress, BatchesDone):
            self._show_learnt(share)
            return self._tell_time_left(progress)
        activity.done = int(READ * share)
        is_read = progress.done == progress.total
        activity.message = (
            CUTTING if is_read else f"Read {progress.done} of {progress.total} micrographs"
        )

    def _show_learnt(self, share: float) -> None:
        self._session.training.done = READ + int((LEARNT - READ) * share)

    def _on_epoch(self, epoch: Any) -> None:
        self._session.history = (*self._session.history, epoch)
        self._show_learnt(epoch.epoch / epoch.epochs)
        if self._stop.is_set() or epoch.epoch == epoch.epochs:
            self._begin_threshold()

    def _begin_threshold(self) -> None:
        self._session.training.message = f"{FINDING_THRESHOLD} ..."
        self._time_left, self._finds_threshold = TimeLeft(), True

    def _on_tiles(self, tiles: Any) -> None:
        """Say what is scored before the first batch, or after the last."""
        activity = self._session.training
        if self._stop.is_set() and self._session.history and not self._finds_threshold:
            self._begin_threshold()
        if self._finds_threshold and self._time_left is not None:
            done = LEARNT + int((STEPS - 1 - LEARNT) * tiles.done / tiles.total)
            activity.done = max(activity.done, done)  # several rounds of tiles
            left = self._time_left.after(tiles.done, tiles.total)
            activity.message = f"{FINDING_THRESHOLD}{left or ' ...'}"
        elif self._time_left is None and not self._stop.is_set():
            activity.message = f"{LOOKING}: {tiles.done / tiles.total:.0%}"

    def _tell_time_left(self, batches: Any) -> None:
        if self._time_left is None:
            self._time_left = TimeLeft()
        if self._stop.is_set() or batches.done == batches.total:
            return
        left = self._time_left.after(batches.done - 1, batches.total - 1)  # from the first one on
        batch = batches.done - (batches.epoch - 1) * batches.per_epoch
        self._session.training.message = (
            f"Epoch {batches.epoch} of {batches.epochs}, batch {batch} of {batches.per_epoch}{left}"
        )

    def _on_trained(self, start: RoundStart, model: Any) -> None:
        session = self._session
        choice = _choice_of(model.summary) if "stopped" in model.summary else ""
        others = " There Score all picks the other micrographs by it." if session.names[1:] else ""
        session.training.end(f"Trained{choice}: go on in the Pick dock.{others}")
        session.rounds = (*session.rounds, round_of(model, start, len(session.rounds) + 1))
        session.model = model

    def _on_loaded(self, path: Path, model: Any) -> None:
        self._session.training.end(f"Loaded {path.name}: go on in the Pick dock.")
        session = self._session
        session.history = ()
        session.model = model
        session.rounds = () if session.proposes else (round_of(model, "file", 1),)


def _choice_of(summary: Mapping[str, Any]) -> str:
    """What was kept of a training that was stopped, and by how much its threshold was found."""
    stopped, n_epochs, choice = summary["stopped"], len(summary["curve"]), ""
    if n_epochs < stopped["epochs"]:  # or it was stopped while the threshold was found
        choice = f", the best of {counted(n_epochs, 'epoch')} kept"
    if n_labels := stopped["n_labels"]:
        choice += f", with a quick threshold (by {counted(n_labels, 'labelled particle')})"
    return choice


def _fail(activity: Activity, error: Exception) -> None:
    activity.end(report(error))
