"""The content of a session file: all that the user made, and what of that has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from napari_deepem.core.network.model import Model
from napari_deepem.core.types import LABEL_KINDS, NO_LABELS, Candidates, Labels
from napari_deepem.io.file_stamps import stamp_of
from napari_deepem.io.models import model_bytes
from napari_deepem.io.session_file import Stored
from napari_deepem.io.session_labels import labels_in, points_of, verdicts_in
from napari_deepem.session.labels import centres_of, with_more
from napari_deepem.session.left_out import refusal_text
from napari_deepem.session.open_folder import Opened
from napari_deepem.session.parameters import OF_PICKING, Parameters
from napari_deepem.session.scored import RecordedCandidates
from napari_deepem.session.state import Session
from napari_deepem.session.training_rounds import round_from


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """The content that a file has to hold, at one moment; values are shared with the session."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    verdicts: Mapping[str, Labels] = field(default_factory=dict)
    candidates: Mapping[str, Candidates] = field(default_factory=dict)
    model: Model | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    run: str = ""  # as `Session.run`; its candidates stay on its own record
    lent: bool = False  # whether the model and candidates are in the file below, see `Kept`


def restore(session: Session, opened: Opened) -> str:
    """Put a folder and what was kept of it into the session, all but model and candidates.

    What is labelled on its micrographs already, opened one by one, is added to what was kept. What
    comes back is a line on settings that are not possible here, and are as by default; or empty.
    """
    stored, settings = opened.stored, with_start(opened.stored.settings)
    session.current = None
    _forget_series(session)
    session.folder = opened.folder
    session.files = opened.files
    session.given_pixel_size, session.own_thresholds = None, {}  # those of another folder
    if (run := opened.run) is not None:
        session.headers = {**session.headers, **run.headers}
    session.run, session.failures = ("", {}) if run is None else (run.key, dict(run.failures))
    refused = {
        name: settings[name]
        for name in Parameters.model_fields
        if not set_if_possible(session, settings, name)
    }
    session.display.take_of_folder(settings.get("display", {}))
    session.excluded = frozenset(settings.get("excluded", ()))
    session.rounds = tuple(round_from(values) for values in settings.get("rounds", ()))
    labels = labels_in(stored)
    with session.edits.no_step():
        session.labels = {**session.labels, **with_all_labels(labels, session.labels)}
        verdicts = verdicts_in(stored)
        session.verdicts = {**session.verdicts, **with_all_labels(verdicts, session.verdicts)}
    current = settings.get("current")
    first = (name for name in opened.files if name not in session.failures)
    session.current = current if current in opened.files else next(first, next(iter(opened.files)))
    return refusal_text(refused)


def restore_model(session: Session, opened: Opened, model: Model) -> None:
    """Put the model of a session file into the session, and the candidates that it gave."""
    session.model = model
    for name in OF_PICKING:
        set_if_possible(session, opened.stored.settings, name)
    session.candidates = {n: c for n, c in opened.stored.candidates.items() if c is not None}


def held_by(opened: Opened, session: Session) -> Snapshot:
    """The content of the file from which a session was just restored.

    Settings that it lacks, and labels of what was open already, are still to be written.
    """
    now, open_names, stored = snapshot(session), session.micrographs.keys(), opened.stored
    return Snapshot(
        {name: value for name, value in now.settings.items() if name in stored.settings},
        {name: labels for name, labels in now.labels.items() if name not in open_names},
        {name: verdicts for name, verdicts in now.verdicts.items() if name not in open_names},
        {name: each for name, each in now.candidates.items() if name not in open_names},
        now.model if stored.model else None,
        lent=opened.kept.lent,
    )


def _forget_series(session: Session) -> None:
    """Forget the last folder: keep what belongs to micrographs that were opened one by one."""
    series_names = session.files.keys()
    session.files = {}
    open_names = session.micrographs.keys() - series_names  # not all with labels: files may be gone
    for field_name in ("labels", "verdicts", "scored", "candidates", "headers"):
        values = getattr(session, field_name)
        setattr(session, field_name, {k: v for k, v in values.items() if k in open_names})
    session.excluded, session.problems = session.excluded & open_names, {}
    session.edits.clear()


def set_if_possible(session: Session, settings: Mapping[str, Any], name: str) -> bool:
    """Whether a setting is allowed that was kept, which is taken then; True if there is none.

    What is not allowed is as by default.
    """
    value = settings.get(name, getattr(session, name))
    try:
        setattr(session, name, tuple(value) if isinstance(value, list) else value)
    except ValidationError:  # what another version of the program allowed
        info = Parameters.model_fields[name]
        setattr(session, name, info.get_default(call_default_factory=True))
        return False
    return True


def with_start(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a session with what training starts from, which older ones do not say.

    They trained from chance: those with a recipe or binning of their own go on so, since the
    general network takes neither.
    """
    if not settings:
        return {}
    plain = {"recipe": "modern", "binning": "auto"}
    is_plain = plain == {name: settings.get(name, value) for name, value in plain.items()}
    return {"start": "general" if is_plain else "chance", **settings}


def with_all_labels(kept: Mapping[str, Labels], new: Mapping[str, Labels]) -> dict[str, Labels]:
    """The labels that were kept, with new ones on the same micrographs."""
    joined = dict(kept)
    for name in kept.keys() & new.keys():
        for kind in LABEL_KINDS:
            joined[name] = with_more(joined[name], kind, centres_of(new[name], kind))
        unsure_yx = np.concatenate([joined[name].unsure_yx, new[name].unsure_yx])
        joined[name] = replace(joined[name], unsure_yx=unsure_yx)
    return joined


def snapshot(session: Session) -> Snapshot:
    """The content that the session's file has to hold now. Quick: nothing is copied."""
    files = session.files
    settings: dict[str, Any] = {name: getattr(session, name) for name in Parameters.model_fields}
    if session.current in files:  # else the last one is kept
        settings["current"] = session.current
    settings["display"] = session.display.of_folder()
    settings["excluded"] = sorted(session.excluded)
    settings["rounds"] = [asdict(each) for each in session.rounds]
    if session.run:
        settings["run"] = session.run
    return Snapshot(
        settings,
        {name: labels for name, labels in session.labels.items() if name in files},
        {name: verdicts for name, verdicts in session.verdicts.items() if name in files},
        to_keep({name: each for name, each in session.candidates.items() if name in files}),
        session.model,
        files,
        session.run,
    )


def to_keep(candidates: Mapping[str, Candidates | None]) -> dict[str, Candidates]:
    """The candidates that belong into a session file: not those that a run has on record."""
    return {
        name: each
        for name, each in candidates.items()
        if each is not None and not isinstance(each, RecordedCandidates)
    }


def changes(before: Snapshot, now: Snapshot, folder: Path) -> Stored:
    """The content to be written into a session file in `folder` for it to hold `now`."""
    if before.lent and _takes_over(before, now):
        before = replace(before, candidates=before.candidates if now.run else {}, model=None)
    changed = _changed(before.labels, now.labels) | _changed(before.verdicts, now.verdicts)
    scored = _changed(before.candidates, now.candidates)
    stamps = {n: stamp_of(now.files[n]) for n in scored & now.candidates.keys() & now.files.keys()}
    return Stored(
        settings={
            name: value
            for name, value in now.settings.items()
            if name not in before.settings or before.settings[name] != value
        },
        points={
            name: points_of(now.labels.get(name, NO_LABELS), now.verdicts.get(name, NO_LABELS))
            for name in changed
        },
        candidates={name: now.candidates.get(name) for name in scored},
        model=None if now.model is before.model else _content(now.model, folder),
        files={n: now.files[n].name for n in (changed | scored) & now.files.keys()},
        scored_files={name: stamp for name, stamp in stamps.items() if stamp is not None},
    )


def saved(before: Snapshot, now: Snapshot) -> Snapshot:
    """The content of the file after the changes from `before` to `now` were written."""
    return replace(now, lent=before.lent and not _takes_over(before, now))


def differ(before: Snapshot, now: Snapshot) -> bool:
    """Whether there is anything to write."""
    return (
        before.settings != now.settings
        or before.model is not now.model
        or any(
            _changed(getattr(before, kind), getattr(now, kind))
            for kind in ("labels", "verdicts", "candidates")
        )
    )


def _takes_over(before: Snapshot, now: Snapshot) -> bool:
    """Whether the file is to hold the model, too: its candidates are not the lent one's any more.

    A run keeps its model, and says of candidates beside its own whether they are of that.
    """
    changed = not now.run and _changed(before.candidates, now.candidates)
    return before.model is not now.model or bool(changed)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """The names whose value is another object: values are frozen, so that tells enough."""
    return {name for name in before.keys() | now.keys() if before.get(name) is not now.get(name)}


def _content(model: Model | None, folder: Path) -> bytes:
    if model is None:
        return b""
    return model_bytes(model, folder)
