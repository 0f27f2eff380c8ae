"""The session that is kept of a folder: beside its micrographs, or at home where that can't be.

What is kept at home lies over what is beside the micrographs, which may be another's or open in
another window: it holds what was changed here, and is joined to the other as soon as that can be
written. A window may also follow the one that has the folder, and keep nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time_ns

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import FloatArray
from napari_deepem.io.atomic import writable_folder
from napari_deepem.io.session_file import (
    NOTHING_SAVED,
    InUse,
    Points,
    Replaced,
    SessionFile,
    Stored,
    look_into,
)
from napari_deepem.io.session_places import SESSION_FILE, home_of, place_of

FOLLOWS = (
    "Open in another window, which this one follows: nothing can be changed here until that is "
    "closed"
)
KEPT_IN = "what you do here is kept in"


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """The session that was kept of a folder, and the file in which it goes on."""

    folder: Path | None  # where the file is, or would be; None where nothing can be kept
    file: SessionFile | None
    stored: Stored = field(default_factory=Stored)
    remark: str = ""  # why nothing is saved, or where it is saved if not beside the micrographs
    lent: bool = False  # whether the model and candidates are in the file below this one
    followed: Path | None = None  # the file of another window, which this one follows


def open_kept(folder: Path, own: SessionFile | None = None, follows: bool = False) -> Kept:
    """The session of a folder, which nobody else can write into from now on.

    `own` is the file at home in which it goes on, where that is open already. A session file that
    can't be used is said in `Kept.remark`, and left as it is. Where another window has it open,
    what is done here is kept at home, or nothing is if this window `follows` the other.
    """
    try:
        place = place_of(folder)
    except InputError as error:
        return Kept(None, None, _stored_in(folder), f"{error}; {NOTHING_SAVED}")
    try:
        if place != folder:
            raise InputError(f"{folder} can't be written into")
        beside, stored = _opened(folder)
    except InputError as error:
        if follows and own is None and isinstance(error, InUse):
            return Kept(folder, None, _stored_in(folder), FOLLOWS, followed=folder / SESSION_FILE)
        return _over(folder, own, str(error))
    try:
        return _joined_with_home(folder, own, beside, stored)
    except InputError as error:
        beside.close()
        return Kept(folder, None, stored, f"{error}; {NOTHING_SAVED}")


def moved_home(
    kept: Kept, folder: Path, content: Callable[[Path], Stored], reason: Replaced
) -> Kept:
    """The session of a folder that goes on at home from now on: its file is another's by now.

    `content` is all that a file in a given folder is to hold.

    Raises
    ------
    InputError
        The home can't be written into.
    """
    home = writable_folder(home_of(folder))
    file = SessionFile(home / SESSION_FILE, is_private=True)
    try:
        file.write(content(home))
    except InputError:
        file.close()
        raise
    if kept.file is not None:
        kept.file.close()
    return replace(kept, file=file, remark=f"{reason}; {KEPT_IN} {home}", lent=False)


def was_kept(folder: Path) -> bool:
    """Whether there is a session of a folder, wherever it is kept."""
    return any(os.path.lexists(place / SESSION_FILE) for place in (folder, home_of(folder)))


def over(below: Stored, above: Stored) -> Stored:
    """What is stored in two places, of each micrograph what is above, if it is there at all."""
    replaces_model = above.model is not None
    return Stored(
        {**below.settings, **above.settings},
        {**below.points, **above.points},
        above.candidates if replaces_model else {**below.candidates, **above.candidates},
        above.model if replaces_model else below.model,
        {**below.files, **above.files},
        above.scored_files if replaces_model else {**below.scored_files, **above.scored_files},
        tuple(dict.fromkeys((*below.damaged, *above.damaged))),
    )


def joined(beside: Stored, home: Stored) -> Stored:
    """What is to be written into a session for it to hold what another does: no label is lost.

    The settings stay, and so does a model with what it has scored.
    """
    excluded = {*beside.settings.get("excluded", ()), *home.settings.get("excluded", ())}
    settings = {**home.settings, **beside.settings, "excluded": sorted(excluded)}
    points = {
        name: _with_all(beside.points.get(name, {}), kinds) for name, kinds in home.points.items()
    }
    files = {**home.files, **beside.files}
    if beside.model is not None:
        return Stored(settings, points, files=files)
    return Stored(settings, points, home.candidates, home.model, files, home.scored_files)


def _over(folder: Path, own: SessionFile | None, reason: str) -> Kept:
    """The session at home, over what can be read of the one beside the micrographs."""
    below, home = _stored_in(folder), home_of(folder)
    try:
        file, above = (
            (own, own.read())
            if own is not None
            else _opened(writable_folder(home), is_private=True)
        )
    except InputError as error:
        return Kept(home, None, below, f"{reason}; {error}; {NOTHING_SAVED}")
    remark = f"{reason}; {KEPT_IN} {home}"
    lent = above.model is None and below.model is not None
    return Kept(home, file, over(below, above), remark, lent)


def _joined_with_home(
    folder: Path, own: SessionFile | None, beside: SessionFile, stored: Stored
) -> Kept:
    """The session beside the micrographs, with what was kept at home while it could not be used."""
    home = home_of(folder)
    if own is None and not (home / SESSION_FILE).exists():
        return Kept(folder, beside, stored)
    try:
        file, above = (own, own.read()) if own is not None else _opened(home, is_private=True)
    except InputError as error:  # it is joined some other time
        return Kept(folder, beside, stored, f"{error}; what is kept there is not shown here")
    changes = joined(stored, above)
    beside.write(changes)
    file.close()
    with suppress(OSError):  # to join it once more changes nothing
        if above.points or above.model is not None:  # there may be another model in it
            file.path.rename(file.path.with_name(f"{SESSION_FILE}.{time_ns()}"))
        else:
            file.path.unlink()
            home.rmdir()  # where there is nothing else
    return Kept(folder, beside, over(stored, changes))


def _opened(folder: Path, is_private: bool = False) -> tuple[SessionFile, Stored]:
    file = SessionFile(folder / SESSION_FILE, is_private)
    try:
        return file, file.read()
    except InputError:
        file.close()
        raise


def _stored_in(folder: Path) -> Stored:
    try:
        return look_into(folder / SESSION_FILE)
    except InputError:
        return Stored()


def _with_all(one: Points, other: Points) -> Mapping[str, FloatArray]:
    """The points of each kind that are in either, none of them twice."""
    return {
        kind: np.unique(
            np.concatenate([each[kind] for each in (one, other) if kind in each]), axis=0
        )
        for kind in one.keys() | other.keys()
    }
