"""Undo and redo of labels: one history for both kinds of label and all micrographs of a series.

It follows the session's labels, whoever changes them: a click, a file that is loaded, another
dock. A step holds the labels of each micrograph that it changed, before and after. Verdicts on
picks have the shape of labels, and a history of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from psygnal import Signal

from napari_deepem.core.types import NO_LABELS, Labels

STEPS = 1000  # that are kept; the arrays of a step are small


class Edited(Protocol):
    """The part of a session that a history reads and sets."""

    current: str | None

    @property
    def events(self) -> Any:
        """A signal for each field, by name."""


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """The labels of one micrograph, before and after a step."""

    micrograph: str
    before: Labels
    after: Labels

    def reversed(self) -> Change:
        """The change that takes this one back."""
        return Change(self.micrograph, self.after, self.before)


Step = tuple[Change, ...]


class History:
    """The steps that were made in a session's labels, or its verdicts, and those undone since."""

    changed = Signal()  # there is more, or less, to undo or redo

    def __init__(self, session: Edited, field: Literal["labels", "verdicts"] = "labels") -> None:
        self._session, self._field = session, field
        self._known = dict(self._labels)
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._recording = True
        session.events[field].connect(self._on_labels)

    @property
    def _labels(self) -> dict[str, Labels]:
        labels: dict[str, Labels] = getattr(self._session, self._field)
        return labels

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    def undo(self) -> str | None:
        """The micrograph that the session goes to as the last step is taken back; None: no step."""
        return self._move(self._done, self._undone, lambda change: change.reversed())

    def redo(self) -> str | None:
        """The micrograph that it goes to as the last undone step is done again; None: no step."""
        return self._move(self._undone, self._done, lambda change: change)

    def clear(self) -> None:
        """Forget every step: the labels are as they are."""
        self._known = dict(self._labels)
        self._done, self._undone = [], []
        self.changed.emit()

    @contextmanager
    def no_step(self) -> Iterator[None]:
        """A context in which changes make no step: these labels are read, not given by the user.

        Steps of the micrographs that change in it are forgotten: they began from other labels.
        """
        before, self._recording = self._recording, False
        try:
            yield
        finally:
            self._recording = before

    def _on_labels(self, labels: Mapping[str, Labels]) -> None:
        known, self._known = self._known, dict(labels)
        step = tuple(differences(known, self._known))
        gone = {name for name in known if name not in labels}
        if not self._recording:
            gone |= {change.micrograph for change in step}
            step = ()
        if gone:
            self._forget(gone)
        if step:
            self._done = [*self._done[1 - STEPS :], step]
            self._undone = []
            self.changed.emit()

    def _forget(self, names: set[str]) -> None:
        """Drop every change of these micrographs."""
        for steps in (self._done, self._undone):
            kept = (tuple(c for c in step if c.micrograph not in names) for step in steps)
            steps[:] = [step for step in kept if step]
        self.changed.emit()

    def _move(
        self, source: list[Step], target: list[Step], direct: Callable[[Change], Change]
    ) -> str | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        after = {change.micrograph: direct(change).after for change in step}
        self._known = {**self._known, **after}  # what follows is no step of its own
        setattr(self._session, self._field, {**self._labels, **after})
        if self._session.current not in after:
            self._session.current = step[0].micrograph
        self.changed.emit()
        return self._session.current


def differences(before: Mapping[str, Labels], after: Mapping[str, Labels]) -> Iterator[Change]:
    """The changes of labels between two mappings; a micrograph that is gone is none."""
    for name, labels in after.items():
        old = before.get(name, NO_LABELS)
        if not same(old, labels):
            yield Change(name, old, labels)


def same(one: Labels, other: Labels) -> bool:
    """Whether two labels hold the same in the same order."""
    return one is other or all(
        np.array_equal(mine, theirs)
        for mine, theirs in (
            (one.positive_yx, other.positive_yx),
            (one.negative_yx, other.negative_yx),
            (one.unsure_yx, other.unsure_yx),
        )
    )
