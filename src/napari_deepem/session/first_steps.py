"""The first steps of somebody who is new here: what to do next, until it was done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_deepem.session.state import Session

EXPORTED = "Wrote "  # how the message of an export begins that is done


@dataclass(frozen=True, eq=False, slots=True)
class FirstStep:
    """A line that says what to do, and whether that is done."""

    line: str  # {propose} and the like are keys, by name
    is_done: Callable[[Session], bool]
    is_due: Callable[[Session], bool] = lambda _: True  # whether there is something to do it with


FIRST_STEPS: Sequence[FirstStep] = (
    FirstStep(
        "Drop a folder of micrographs here, or take File > Open Sample > napari-deepem.",
        lambda session: bool(session.names),
    ),
    FirstStep(
        "Set the box in Annotate, then press {propose_particles}: the general network proposes "
        "particles. Or press {mark_particles} and click some.",
        lambda session: bool(session.candidates or session.labelled()),
    ),
    FirstStep(
        "Accept and reject picks in Review, or mark more; then press Train.",
        lambda session: session.trained_model is not None,
        lambda session: not session.training.running,
    ),
    FirstStep(
        "Press Score in Pick, and drag the threshold; Pick all, in Micrographs, does the others.",
        lambda session: session.trained_model is not None and bool(session.candidates),
    ),
    FirstStep(
        "Save the picks in Export, for RELION, cryoSPARC and others.",
        lambda session: (
            session.exporting.message.startswith(EXPORTED) and not session.exporting.running
        ),
        lambda session: bool(session.candidates),
    ),
)


def steps_done(session: Session, before: int) -> int:
    """The number of first steps that are done; who has done a later one needs no earlier one.

    `before` were done by then, in this session or another.
    """
    done = [number for number, step in enumerate(FIRST_STEPS, 1) if step.is_done(session)]
    return max([before, *done])
