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
NO_MODEL = (
    "No model yet: propose particles in Annotate, or train a model, or load one, in the Train dock."
)
LOADING = "The model of this folder is being loaded, and its picks with it."
NOT_TRAINED = "Nothing has been trained yet: press Train."
NOT_SCORED = "Press Score: then threshold and ranges can be moved."
NO_PICKS_YET = (
    "There are no picks here yet: propose particles in Annotate, or score this micrograph in Pick."
)
NOTHING_SCORED = (
    "Nothing to save yet: propose particles in Annotate, score a micrograph in the Pick dock, or "
    "pick by hand (H)."
)
NO_LABELS_YET = "Nothing to save yet: mark particles in the Annotate dock first."
NOTHING_CHOSEN = "Nothing is chosen: choose micrographs in the table of the Micrographs dock."
NOTHING_TO_REVIEW = (
    "Nothing to review here yet: propose particles in Annotate, or press Score in the Pick dock."
)
NO_PICKS = "No picks here: lower the threshold, or widen the std range, in the Pick dock."
ALL_HAVE_VERDICTS = "Every pick here has a verdict."
FOLLOWING = "This window follows another one that has the folder open: nothing can be changed here."


def why_not_begin(session: Session) -> str:
    """Why there is nothing to work on: no micrograph is open, and no folder of them."""
    return "" if session.files or session.micrographs else OPEN_FIRST


def why_not_change(session: Session) -> str:
    """Why nothing of the series can be changed: another window has it open, which is followed."""
    return FOLLOWING if session.is_following else ""


def why_not_exclude(session: Session) -> str:
    """Why no micrographs can be excluded."""
    none_chosen = "" if session.chosen else "Choose micrographs in the table first."
    return why_not_change(session) or none_chosen


def why_not_annotate(session: Session) -> str:
    """Why the current micrograph can't be given labels: it is not in memory, or not ours."""
    if why := why_not_change(session):
        return why
    if session.current in session.micrographs:
        return ""
    if session.current in session.files:
        return session.problems.get(session.current) or f"{session.current} is being read."
    return OPEN_FIRST


def why_not_draw_background(session: Session) -> str:
    """Why no background can be drawn on the current micrograph."""
    if why := why_not_annotate(session):
        return why
    if not len(session.labels_of(session.current).positive_yx):
        return "Mark particles here first: background is drawn away from them."
    return ""


def why_no_model(session: Session) -> str:
    """Why there is no model to work with, if so; that of the last folder is none for this one."""
    return _loading_or(session, "" if session.model is not None else NO_MODEL)


def why_not_save_model(session: Session) -> str:
    """Why there is no model to be written into a file."""
    return _loading_or(session, "" if session.model is not None else "There is no model yet.")


def _loading_or(session: Session, missing: str) -> str:
    """What is said of what a model would have found: it may be on its way."""
    return LOADING if session.models_to_come else missing


def why_not_train(session: Session) -> str:
    """Why a new network can't be trained by labels and parameters as they are now."""
    if why := why_not_begin(session) or why_not_change(session):
        return why
    labels_and_verdicts = [*session.labelled().values(), *session.with_verdicts().values()]
    if not any(len(labels.positive_yx) for labels in labels_and_verdicts):
        if session.proposes:
            return "Accept at least one pick in Review, or mark a particle in Annotate."
        return "Mark at least one particle: Annotate > Mark particles, then click on particles."
    if why := _why_no_box(session, session.labelled()):
        return why
    try:
        training_settings(session)
    except InputError as error:  # parameters that don't go together
        line = str(error)
        return f"{line[0].upper()}{line[1:]}."
    return ""


def _why_no_box(session: Session, names: Collection[str]) -> str:
    """Why a box does not fit one of these micrographs; those that are not in memory tell later."""
    for name in [name for name in names if name in session.micrographs]:
        height, width = session.micrographs[name].shape
        if session.box_size_px > min(height, width):
            return (
                f"A box of {session.box_size_px} px does not fit {name} ({width} x {height} px): "
                "give a smaller box in Annotate."
            )
    return ""


def why_not_refine(session: Session) -> str:
    """Why the present model can't be trained again, anew or from its weights."""
    if why := why_not_change(session):
        return why
    if session.models_to_come:
        return LOADING
    if session.model is None:
        return why_not_train(session) or "There is no model yet: press Train."
    if session.trained_model is None:
        return NOT_TRAINED
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


def why_not_train_by_verdicts(session: Session) -> str:
    """Why verdicts on the present model's picks can't teach: the first training, or it again."""
    if session.proposes:
        return why_not_train(session)
    if why := why_not_refine(session):
        return why
    return "" if session.with_verdicts() else "Accept or reject some picks first."


def why_not_score(session: Session, names: Collection[str]) -> str:
    """Why none of these micrographs can be scored."""
    if why := why_not_begin(session) or why_not_change(session):
        return why
    return why_no_model(session) or _why_excluded(session, names)


def _why_excluded(session: Session, names: Collection[str]) -> str:
    if names and session.excluded.issuperset(names):
        which = f"{next(iter(names))} is" if len(names) == 1 else "All of them are"
        return f"{which} excluded: take in again, in Micrographs, to score."
    return ""


def why_not_propose(session: Session, names: Collection[str]) -> str:
    """Why the general network can't propose particles on any of these micrographs."""
    if why := (why_not_begin(session) or why_not_change(session) or _why_excluded(session, names)):
        return why
    if why := _why_no_box(session, names) or _loading_or(session, ""):
        return why
    is_of_box = session.proposes and session.model.box_size_px == session.box_size_px
    done = session.scored if len(names) == 1 else session.candidates
    if is_of_box and set(names) <= done.keys() | session.excluded:
        where = "here" if len(names) == 1 else "on every micrograph"
        return f"Particles are proposed {where} already."
    return ""


def why_not_propose_unasked(session: Session) -> str:
    """Why nothing is to be proposed before the user is asked: a trained model would be replaced."""
    if session.trained_model is None:
        return ""
    return "There is a trained model: Propose particles, in Annotate, asks before it replaces that."


def why_not_propose_box(session: Session) -> str:
    """Why no box can be proposed: the current micrograph is not in memory."""
    return why_not_annotate(session)


def why_not_score_all(session: Session) -> str:
    """Why there is no micrograph that is still to be scored."""
    if why := why_not_score(session, session.names):
        return why
    left = set(session.names) - session.candidates.keys() - session.excluded
    return "" if left else "Every micrograph is scored with this model."


def why_not_judge(session: Session) -> str:
    """Why no verdict can be given on picks."""
    return why_not_change(session)


def why_not_review(session: Session) -> str:
    """Why there are no picks to look through."""
    return "" if session.candidates else _loading_or(session, NOTHING_TO_REVIEW)


def why_not_choose(session: Session) -> str:
    """Why no picks can be chosen on the current micrograph: it has no candidates."""
    has_candidates = session.current_candidates is not None
    return "" if has_candidates else _loading_or(session, NOT_SCORED)


def why_no_picks(session: Session) -> str:
    """Why the current micrograph has no picks at all, of the network or by hand."""
    return "" if session.picks is not None else _loading_or(session, NO_PICKS_YET)


def why_gallery_is_empty(session: Session, names: Collection[str], shown: int) -> str:
    """Why a gallery of these micrographs shows nothing, if so."""
    if shown:
        return ""
    scored = [name for name in names if name in session.candidates]
    if not scored:
        return _loading_or(session, NOTHING_TO_REVIEW)
    has_picks = session.review_only_open and any(map(session.selection.count_of, scored))
    return ALL_HAVE_VERDICTS if has_picks else NO_PICKS


def why_not_save(session: Session, what: What, scope: Scope) -> str:
    """Why there is nothing to write into coordinate files."""
    names = names_of(session, scope)
    if scope == "chosen" and not names:
        return NOTHING_CHOSEN
    if what == "picks":
        if session.models_to_come:  # picks by hand would be all
            return LOADING
        return "" if any(map(session.selection.has_picks, names)) else NOTHING_SCORED
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
