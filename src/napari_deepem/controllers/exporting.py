"""The writing of coordinate files, whichever docks are open."""

from __future__ import annotations

import threading
from functools import partial

from napari_deepem.controllers.time_left import TimeLeft
from napari_deepem.controllers.workers import report, run
from napari_deepem.core.wording import counted
from napari_deepem.session import Session
from napari_deepem.session.export_plan import Plan, Written, writing
from napari_deepem.session.final_selection import TAKEN_OUT


class Exporting:
    """The exports of one session; one at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stop = threading.Event()

    def write(self, plan: Plan, noun: str) -> None:
        """Write the files of a plan, and say which; `noun` is what its particles are called."""
        activity = self._session.exporting
        if activity.running:
            return
        total, left = len(plan.names), TimeLeft()
        activity.begin("Writing ...", total)
        self._stop = threading.Event()

        def show(done: int) -> None:
            activity.done = done
            activity.message = f"Writing: {done} of {total} micrographs{left.after(done, total)}"

        run(
            partial(writing, plan, self._stop.is_set),
            on_progress=show,
            on_result=partial(self._on_written, plan, noun),
            on_failed=lambda error: activity.end(report(error)),
            owner=self._session,
        )

    def stop(self) -> None:
        """Stop before the next micrograph; what is written stays, and is whole."""
        if self._session.exporting.running:
            self._stop.set()

    def _on_written(self, plan: Plan, noun: str, written: Written) -> None:
        self._session.written.update(written.files)
        counts = written.counts
        whose = f" ({counts.whose})" if noun == "pick" and counts.whose else ""
        total = len(plan.names)
        was_stopped = written.left_out or written.micrographs < total
        text = (
            f"Stopped after {written.micrographs} of {total} micrographs. " if was_stopped else ""
        )
        text += (
            f"Wrote {counted(counts.picks, noun)}{whose} of "
            f"{counted(written.micrographs, 'micrograph')} to "
            f"{counted(len(written.files), 'file')} in {plan.folder}"
        )
        if counts.rejected:
            text += f"; {counted(counts.rejected, 'pick')} {TAKEN_OUT}"
        if plan.not_scored:
            text += f"; {counted(plan.not_scored, 'micrograph')} not scored yet"
        if written.left_out:
            text += f"; not written: {', '.join(written.left_out)}"
        self._session.exporting.end(f"{text}; {written.lost}" if written.lost else text)
