"""Undo and redo of labels: one history for both kinds of label and all micrographs of a series.

It follows the session's labels, whoever changes them: a click, a file that is loaded, another
dock. A step holds the labels of each micrograph that it changed, before and after. Verdicts on
picks have the shape of labels, and a history of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from psygnal import Signal

from napari_deepem.core.types import Labels

STEPS = 1000  # that are kept; the arrays of a step are small
NO_LABELS = Labels.of()


class Edited(Protocol):
    """What has a history: the session, as far as it matters here."""

    current: str | None

    @property
    def events(self) -> Any:
        """A signal for each field, by name."""


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """Labels of one micrograph, before and after a step."""

    micrograph: str
    before: Labels
    after: Labels

    def reversed(self) -> Change:
        """Return the change that takes this one back."""
        return Change(self.micrograph, self.after, self.before)


Step = tuple[Change, ...]


class History:
    """What was done to the labels of a session, or to its verdicts, and what was undone of it."""

    changed = Signal()  # there is more, or less, to undo or redo

    def __init__(self, session: Edited, field: Literal["labels", "verdicts"] = "labels") -> None:
        self._session, self._field = session, field
        self._known = dict(self._labels)
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._open: list[Change] | None = None  # the step that is being made, see `one_step`
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
        """Take the last step back and go to where it was made; return that micrograph."""
        return self._move(self._done, self._undone, lambda change: change.reversed())

    def redo(self) -> str | None:
        """Do the last undone step again and go to where it was made; return that micrograph."""
        return self._move(self._undone, self._done, lambda change: change)

    def clear(self) -> None:
        """Forget every step: the labels are as they are."""
        self._known = dict(self._labels)
        self._done, self._undone = [], []
        self.changed.emit()

    @contextmanager
    def one_step(self) -> Iterator[None]:
        """Make one step of all that is changed within, such as a drag that erases many labels."""
        if self._open is not None:  # part of a larger step
            yield
            return
        self._open = []
        try:
            yield
        finally:
            step, self._open = merge(self._open), None
            self._add(step)

    @contextmanager
    def no_step(self) -> Iterator[None]:
        """Make no step of what is changed within: labels that were read, not made.

        Steps of the micrographs that it changes are forgotten: they began from other labels.
        """
        before, self._recording = self._recording, False
        try:
            yield
        finally:
            self._recording = before

    def _on_labels(self, labels: Mapping[str, Labels]) -> None:
        known, self._known = self._known, dict(labels)
        changes = list(differences(known, self._known))
        gone = {name for name in known if name not in labels}
        if not self._recording:
            gone |= {change.micrograph for change in changes}
            changes = []
        if gone:
            self._forget(gone)
        if self._open is not None:
            self._open += changes
        else:
            self._add(tuple(changes))

    def _add(self, step: Step) -> None:
        if step:
            self._done = [*self._done[1 - STEPS :], step]
            self._undone = []
            self.changed.emit()

    def _forget(self, names: set[str]) -> None:
        """Drop every change of these micrographs."""
        for steps in (self._done, self._undone):
            kept = (tuple(c for c in step if c.micrograph not in names) for step in steps)
            steps[:] = [step for step in kept if step]
        if self._open is not None:
            self._open = [change for change in self._open if change.micrograph not in names]
        self.changed.emit()

    def _move(
        self, source: list[Step], target: list[Step], direct: Callable[[Change], Change]
    ) -> str | None:
        if not source or self._open is not None:
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
    """Changes of labels between two mappings; a micrograph that is gone is none."""
    for name, labels in after.items():
        old = before.get(name, NO_LABELS)
        if not same(old, labels):
            yield Change(name, old, labels)


def merge(changes: Iterable[Change]) -> Step:
    """One change for each micrograph, from first to last; none where they cancel out."""
    merged: dict[str, Change] = {}
    for change in changes:
        first = merged.get(change.micrograph, change)
        merged[change.micrograph] = Change(change.micrograph, first.before, change.after)
    return tuple(each for each in merged.values() if not same(each.before, each.after))


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
