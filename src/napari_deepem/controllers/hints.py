"""The hint on what to do first, shown until it was done once, or the user does without."""

from __future__ import annotations

from psygnal import SignalInstance
from qtpy.QtCore import QSettings

from napari_deepem.controllers.key_bindings import ACTIONS, keys_of
from napari_deepem.session import Session
from napari_deepem.session.first_steps import FIRST_STEPS, steps_done

DONE = "first_steps_done"  # their number, as it is remembered


class Hints:
    """The hints of one session; how far the user has got is remembered for all windows to come."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._settings = QSettings(
            QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-deepem", "hints"
        )
        self._done = _number(self._settings.value(DONE, 0))
        self.changed = SignalInstance((), name="changed")
        if not self.is_over:
            for name in ("files", "micrographs", "labels", "candidates", "model", "models_to_come"):
                session.events[name].connect(self._look)
            for job in (session.training, session.exporting):
                job.events.running.connect(self._look)
            self._look()

    @property
    def is_over(self) -> bool:
        """Whether there will be no hints any more."""
        return self._done >= len(FIRST_STEPS)

    @property
    def line(self) -> str:
        """What to do next; empty where the user knows, or it is not its time yet."""
        if self.is_over or self._session.models_to_come:
            return ""
        step = FIRST_STEPS[self._done]
        if not step.is_due(self._session):
            return ""
        keys = {action.name: keys_of(action.name) or action.description for action in ACTIONS}
        return step.line.format(**keys)

    def dismiss(self) -> None:
        """Say nothing any more, now and later."""
        self._keep(len(FIRST_STEPS))

    def _look(self) -> None:
        done = steps_done(self._session, self._done)
        if done != self._done:
            self._keep(done)
        else:
            self.changed.emit()  # it may be due by now

    def _keep(self, done: int) -> None:
        self._done = done
        self._settings.setValue(DONE, done)
        self._settings.sync()  # for a second window, and for whatever ends the program
        self.changed.emit()


def _number(value: object) -> int:
    """A number as it was remembered; 0 for somebody's own edit."""
    return int(str(value)) if str(value).isdecimal() else 0
