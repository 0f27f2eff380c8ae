"""The reasons why a user can't begin something yet: one line each, empty if there is none.

Each line names what to do first. A button that would start it is disabled and shows the line; who
starts it otherwise is told the line instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from napari_deepem.core.errors import InputError
from napari_deepem.session.series import Scope, names_of
from napari_deepem.session.state import Session
from napari_deepem.session.training_input import training_settings

What = Literal["picks", "labels"]  # that may be saved

OPEN_FIRST = "Open a micrograph first: drag an .mrc file in, or File > Open Sample > napari-deepem."
NO_MODEL = "No model yet: train one, or load one, in the Train dock."
NOTHING_SCORED = "Nothing to save yet: score a micrograph in the Pick dock first."
NO_LABELS_YET = "Nothing to save yet: mark particles in the Annotate dock first."
NOTHING_CHOSEN = "Nothing is chosen: choose micrographs in the table of the Micrographs dock."
NOTHING_TO_REVIEW = "Nothing to review here yet: press Score in the Pick dock first."
NO_PICKS = "No picks here: lower the threshold, or widen the std range, in the Pick dock."
ALL_HAVE_VERDICTS = "Every pick here has a verdict."


def why_not_begin(session: Session) -> str:
    """Why there is nothing to work on: no micrograph is open, and no folder of them."""
    return "" if session.files or session.micrographs else OPEN_FIRST


def why_not_annotate(session: Session) -> str:
    """Why the current micrograph can't be given labels: it is not in memory."""
    if session.current in session.micrographs:
        return ""
    if session.current in session.files:
        return session.problems.get(session.current) or f"{session.current} is being read."
    return OPEN_FIRST


def why_not_draw_background(session: Session) -> str:
    """Why no background can be drawn on the current micrograph."""
    if session.current not in session.micrographs:
        return "Open a micrograph first."
    if not len(session.labels_of(session.current).positive_yx):
        return "Mark particles here first: background is drawn away from them."
    return ""


def why_not_train(session: Session) -> str:
    """Why a new network can't be trained by labels and parameters as they are now."""
    if why := why_not_begin(session):
        return why
    labels_and_verdicts = [*session.labelled().values(), *session.with_verdicts().values()]
    if not any(len(labels.positive_yx) for labels in labels_and_verdicts):
        return "Mark at least one particle: Annotate > Mark particles, then click on particles."
    for name in session.labelled().keys() & session.micrographs.keys():  # others tell when read
        height, width = session.micrographs[name].shape
        if session.box_size_px > min(height, width):
            return (
                f"A box of {session.box_size_px} px does not fit {name} ({width} x {height} px): "
                "give a smaller box in Annotate."
            )
    try:
        training_settings(session)
    except InputError as error:  # parameters that don't go together
        line = str(error)
        return f"{line[0].upper()}{line[1:]}."
    return ""


def why_not_refine(session: Session) -> str:
    """Why the present model can't be trained again, anew or from its weights."""
    if session.model is None:
        return "There is no model yet: press Train."
    if not (session.labelled() or session.with_verdicts()):
        return (
            "There are no labels and no verdicts: mark particles in Annotate, or go through picks "
            "in Review."
        )
    if session.box_size_px != session.model.box_size_px:
        return (
            f"The box is {session.box_size_px} px now, the model's {session.model.box_size_px} px: "
            "Train starts anew with it."
        )
    return ""


def why_not_refine_by_verdicts(session: Session) -> str:
    """Why the present model can't be trained again with verdicts on its picks."""
    if why := why_not_refine(session):
        return why
    return "" if session.with_verdicts() else "Accept or reject some picks first."


def why_not_score(session: Session, names: Collection[str]) -> str:
    """Why none of these micrographs can be scored."""
    if why := why_not_begin(session):
        return why
    if session.model is None:
        return NO_MODEL
    if names and session.excluded.issuperset(names):
        which = f"{next(iter(names))} is" if len(names) == 1 else "All of them are"
        return f"{which} excluded: take in again, in Micrographs, to score."
    return ""


def why_not_score_all(session: Session) -> str:
    """Why there is no micrograph that is still to be scored."""
    if why := why_not_score(session, session.names):
        return why
    left = set(session.names) - session.candidates.keys() - session.excluded
    return "" if left else "Every micrograph is scored with this model."


def why_not_review(session: Session) -> str:
    """Why there are no picks to look through."""
    return "" if session.candidates else NOTHING_TO_REVIEW


def why_gallery_is_empty(session: Session, names: Collection[str], shown: int) -> str:
    """Why a gallery of these micrographs shows nothing, if so."""
    if shown:
        return ""
    scored = [name for name in names if name in session.candidates]
    if not scored:
        return NOTHING_TO_REVIEW
    has_picks = session.review_only_open and any(map(session.selection.count_of, scored))
    return ALL_HAVE_VERDICTS if has_picks else NO_PICKS


def why_not_save(session: Session, what: What, scope: Scope) -> str:
    """Why there is nothing to write into coordinate files."""
    names = names_of(session, scope)
    if scope == "chosen" and not names:
        return NOTHING_CHOSEN
    if what == "picks":
        return "" if any(name in session.candidates for name in names) else NOTHING_SCORED
    return "" if any(len(session.labels_of(n).positive_yx) for n in names) else NO_LABELS_YET


def why_not_open(session: Session, files: Mapping[str, Path] | None = None) -> str:
    """Why no folder can be opened now; with the micrographs of one, why not that one."""
    if session.training.running:
        return (
            "A model is being trained on what is open: wait for it, or stop it in Train, before "
            "you open a folder."
        )
    files = files or {}
    for name in session.micrographs.keys() & files.keys() - session.files.keys():
        source = session.micrographs[name].source
        if source is None or source.resolve() != files[name].resolve():
            return (
                f"{name} is open, and is not {files[name]}: close it before you open that folder."
            )
    return ""
