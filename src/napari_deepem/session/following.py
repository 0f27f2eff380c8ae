"""What another window does with a folder, as the session of a window that follows it has it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates, Labels
from napari_deepem.io.file_stamps import Stamp, stamp_of
from napari_deepem.io.session_file import Stored, is_being_written, is_free, look_into
from napari_deepem.io.session_labels import labels_in, verdicts_in
from napari_deepem.session.open_folder import Opened
from napari_deepem.session.parameters import Parameters
from napari_deepem.session.persistence import set_if_possible
from napari_deepem.session.state import Session
from napari_deepem.session.training_rounds import round_from


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What a window that follows another one has read of that one's session file."""

    stored: Stored
    stamp: Stamp | None = None  # of the file then; None: to be read again
    is_free: bool = False  # whether the other window is closed


def looking(opened: Opened, path: Path, seen: Seen) -> Generator[None, None, Seen]:
    """The job that reads a folder's session file again, if it has changed since it was seen."""
    yield
    if is_free(path):
        return Seen(seen.stored, is_free=True)
    stamp = stamp_of(path)
    if stamp == seen.stamp or is_being_written(path):
        return seen
    try:
        stored = opened.with_run(look_into(path))
    except InputError:  # it is written just now, after all
        return seen
    return seen if is_being_written(path) else Seen(stored, stamp)


def follow(session: Session, before: Stored, now: Stored) -> None:
    """Bring what has changed in another window into a session, but another model.

    The candidates come along where the model stays: `persistence.restore_model` has those of
    another one.
    """
    for name in now.settings:
        if now.settings[name] != before.settings.get(name):
            _take_setting(session, now.settings, name)
    with session.edits.no_step():
        session.labels = _with_changed(session.labels, labels_in(before), labels_in(now))
        session.verdicts = _with_changed(session.verdicts, verdicts_in(before), verdicts_in(now))
    if now.model == before.model:
        session.candidates = _with_changed(
            session.candidates, _present(before.candidates), _present(now.candidates)
        )


def _take_setting(session: Session, settings: Mapping[str, Any], name: str) -> None:
    """Take a setting, but what each window has of its own: what is looked at, and how."""
    if name == "excluded":
        session.excluded = frozenset(settings[name])
    elif name == "rounds":
        session.rounds = tuple(round_from(values) for values in settings[name])
    elif name in Parameters.model_fields:
        set_if_possible(session, settings, name)


def _present(candidates: Mapping[str, Candidates | None]) -> dict[str, Candidates]:
    return {name: each for name, each in candidates.items() if each is not None}


def _with_changed(
    values: dict[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """The values by micrograph with those that were changed or taken away; the same if none was."""
    changed = {
        name: each
        for name, each in now.items()
        if name not in before or not _are_same(before[name], each)
    }
    gone = before.keys() - now.keys()
    if not changed and not gone:
        return values
    return {**{name: each for name, each in values.items() if name not in gone}, **changed}


def _are_same(one: Labels | Candidates, other: Labels | Candidates) -> bool:
    if isinstance(one, Labels) and isinstance(other, Labels):
        names: tuple[str, ...] = ("positive_yx", "negative_yx", "unsure_yx")
    else:
        names = ("centres_yx", "scores", "stds", "box_size_px")
    return one is other or all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in names
    )
