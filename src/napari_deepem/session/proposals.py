"""What is said of particles that the general network proposes, before anything is trained."""

from __future__ import annotations

from napari_deepem.core.wording import counted
from napari_deepem.session.state import Session

WHAT_TO_DO = "Move the threshold in Pick, accept and reject in Review, then Train."


def state_of_proposals(session: Session) -> str:
    """What is proposed on the current micrograph, and what to do with it; empty without any."""
    if not session.proposes:
        return ""
    proposed_px, box_size_px = session.model.box_size_px, session.box_size_px
    if proposed_px != box_size_px:
        return f"Proposed with a box of {proposed_px} px: propose anew for one of {box_size_px} px."
    if session.picks is None:
        return ""
    if not len(session.picks):
        return "No particle is proposed here: lower the threshold in Pick, or try another box."
    others = len(session.candidates.keys() - {session.current})
    on_others = f", more on {counted(others, 'other micrograph')}" if others else ""
    return f"{counted(len(session.picks), 'particle')} proposed here{on_others}. {WHAT_TO_DO}"


def question_before(session: Session) -> str:
    """The question before a proposal replaces a trained model; empty where there is none."""
    if session.trained_model is None:
        return ""
    return (
        "Proposals are picks of the general network, which takes the place of the trained model "
        "and of its picks. Labels and verdicts stay. To have the model back later, save it first "
        "(Train > Save model ...).\n\nReplace the trained model?"
    )
