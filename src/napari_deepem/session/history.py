"""Undo and redo of labels and of verdicts on picks, in the order in which they were made.

One history for all micrographs of a series. It follows the session's fields, whoever changes them:
a click, a file that is loaded, another dock. A step holds what was marked on each micrograph that
it changed, before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol, get_args

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


Field = Literal["labels", "verdicts"]  # of a session; both by micrograph, both of `Labels`
FIELDS: tuple[Field, ...] = get_args(Field)


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """The labels of one micrograph, or the verdicts on its picks, before and after a step."""

    field: Field
    micrograph: str
    before: Labels
    after: Labels

    def reversed(self) -> Change:
        """The change that takes this one back."""
        return Change(self.field, self.micrograph, self.after, self.before)


Step = tuple[Change, ...]


class History:
    """The steps that were made in a session's labels and verdicts, and those undone since."""

    changed = Signal()  # there is more, or less, to undo or redo

    def __init__(self, session: Edited) -> None:
        self._session = session
        self._known = {field: dict(self._values(field)) for field in FIELDS}
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._recording = True
        self._joined: list[Change] | None = None  # what is one step together, as it comes
        for field in FIELDS:
            session.events[field].connect(partial(self._on_values, field))

    def _values(self, field: Field) -> dict[str, Labels]:
        values: dict[str, Labels] = getattr(self._session, field)
        return values

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
        """Forget every step: labels and verdicts are as they are."""
        self._known = {field: dict(self._values(field)) for field in FIELDS}
        self._done, self._undone = [], []
        self.changed.emit()

    @contextmanager
    def no_step(self) -> Iterator[None]:
        """A context in which changes make no step: what is set is read, not given by the user.

        Steps of the micrographs that change in it are forgotten: they began from other values.
        """
        before, self._recording = self._recording, False
        try:
            yield
        finally:
            self._recording = before

    @contextmanager
    def one_step(self) -> Iterator[None]:
        """A context in which changes of labels and of verdicts are one step together."""
        joined: list[Change] = []
        self._joined = joined
        try:
            yield
        finally:
            self._joined = None
            self._add(tuple(joined))

    def _add(self, step: Step) -> None:
        if step:
            self._done = [*self._done[1 - STEPS :], step]
            self._undone = []
            self.changed.emit()

    def _on_values(self, field: Field, values: Mapping[str, Labels]) -> None:
        known, self._known[field] = self._known[field], dict(values)
        step = tuple(differences(field, known, self._known[field]))
        gone = {name for name in known if name not in values}
        if not self._recording:
            gone |= {change.micrograph for change in step}
            step = ()
        if gone:
            self._forget(field, gone)
        if self._joined is None:
            self._add(step)
        else:
            self._joined.extend(step)

    def _forget(self, field: Field, names: set[str]) -> None:
        """Drop every change of a field of these micrographs."""
        for steps in (self._done, self._undone):
            kept = (
                tuple(c for c in step if c.field != field or c.micrograph not in names)
                for step in steps
            )
            steps[:] = [step for step in kept if step]
        self.changed.emit()

    def _move(
        self, source: list[Step], target: list[Step], direct: Callable[[Change], Change]
    ) -> str | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        for field in FIELDS:
            after = {c.micrograph: direct(c).after for c in step if c.field == field}
            if after:
                self._known[field] = {**self._known[field], **after}  # this is no step of its own
                setattr(self._session, field, {**self._values(field), **after})
        if self._session.current not in {change.micrograph for change in step}:
            self._session.current = step[0].micrograph
        self.changed.emit()
        return self._session.current


def differences(
    field: Field, before: Mapping[str, Labels], after: Mapping[str, Labels]
) -> Iterator[Change]:
    """The changes between two mappings of a field; a micrograph that is gone is none."""
    for name, labels in after.items():
        old = before.get(name, NO_LABELS)
        if not same(old, labels):
            yield Change(field, name, old, labels)


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
