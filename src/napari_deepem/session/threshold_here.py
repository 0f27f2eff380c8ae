"""The threshold of the current micrograph: the common one, adapted to it or not, or its own."""

from __future__ import annotations

from napari_deepem.core.picking.criteria import moved
from napari_deepem.core.picking.score_evidence import mixture_in
from napari_deepem.session.readiness import LOADING
from napari_deepem.session.state import Session

NOT_LEARNT = (
    "This model has learnt too little of what scores tell: mark more particles, and train again."
)
TRAIN_FIRST = "Train a network of your own first."
SLIGHT = 0.005  # a difference of scores that two decimals do not show


def why_not_adapt(session: Session) -> str:
    """Why the threshold can't be adapted with this model; empty if it can be."""
    if session.models_to_come:
        return LOADING
    if session.proposes:
        return TRAIN_FIRST
    is_learnt = session.model is not None and mixture_in(session.model.summary) is not None
    return "" if is_learnt else NOT_LEARNT


def has_own(session: Session) -> bool:
    """Whether the threshold of the current micrograph was set for it alone."""
    return session.current in session.own_thresholds


def chosen(session: Session) -> float:
    """The threshold that is chosen here: the common one, or that of this micrograph alone."""
    return session.own_thresholds.get(session.current or "", session.threshold)


def choose(session: Session, threshold: float) -> None:
    """Choose it."""
    if session.current is not None and has_own(session):
        session.own_thresholds = {**session.own_thresholds, session.current: threshold}
    else:
        session.threshold = threshold


def in_use(session: Session) -> float:
    """The lowest score that is picked here."""
    return moved(chosen(session), shift(session))


def choose_in_use(session: Session, score: float) -> None:
    """Choose the threshold by which this is the lowest score that is picked here."""
    choose(session, float(moved(score, -shift(session))))


def shift(session: Session) -> float:
    """The logits by which an adaptive threshold moves here; 0 where it does not."""
    return session.selection.shift_on(session.current) if session.current else 0.0


def give_own(session: Session, is_own: bool) -> None:
    """Let the current micrograph have its own threshold, at first the one in use; or take it."""
    if session.current is None or is_own == has_own(session):
        return
    threshold = float(in_use(session))
    others = {k: v for k, v in session.own_thresholds.items() if k != session.current}
    session.own_thresholds = {**others, session.current: threshold} if is_own else others


def remark(session: Session) -> str:
    """The threshold here where it is not the one on the slider, in a sentence; else empty."""
    here = in_use(session)
    if abs(here - chosen(session)) < SLIGHT:
        return ""
    why = "fewer" if shift(session) > 0 else "more"
    return f"Here it is {here:.2f}: {why} candidates than usual look like particles."
