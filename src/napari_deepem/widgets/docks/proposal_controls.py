"""What proposes, before anything is trained: a box, and particles, in the Annotate dock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from magicgui.widgets import Container
from qtpy.QtWidgets import QMessageBox

from napari_deepem.controllers.key_bindings import with_keys
from napari_deepem.session.proposals import question_before, state_of_proposals
from napari_deepem.session.readiness import why_not_propose, why_not_propose_box
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    enable_running,
    holder,
    row,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.gap_bar import progress_bar, with_bar
from napari_deepem.widgets.pictures.box_galleries import BoxGalleries

KEY = "propose_particles"  # among those of the canvas
WHAT_PROPOSING_DOES = (
    "Picks on this micrograph with the general network, which comes with the program and has "
    "learnt from particles of all kinds. All it needs is the box size."
)
WHAT_BOX_DOES = (
    "Looks for the size of the particles on this micrograph with the general network, and shows "
    "three boxes to choose from."
)
WHAT_ALL_DOES = "Proposes particles on every micrograph that has none yet, this one first."
STOPS = "Stops proposing; what is proposed so far stays."
FOLLOWED = (
    *("micrographs", "files", "excluded", "current", "box_size_px", "model"),
    "models_to_come",
    *("candidates", "scored", "picks", "box_choices"),
)


class ProposalControls:
    """The buttons of a dock that propose, and below them how far that is and what came of it."""

    def __init__(self, dock: Dock) -> None:
        self._dock, self._session, self._proposing = dock, dock.session, dock.link.proposing
        self.propose_box = button("Propose box", self._proposing.propose_box)
        self.boxes = BoxGalleries(dock.session.display)
        self.boxes.chosen.connect(partial(setattr, self._session, "box_size_px"))
        self.propose = button("Propose particles", self._propose_here)
        self.propose_all = button("Propose on all", self._propose_on_all)
        self.stop = button("Stop", self._proposing.cancel)
        self.bar = progress_bar()
        self.state = text_line("proposals")
        for name in FOLLOWED:
            dock.follow_seen(self._session.events[name], self.show)
        for activity in (self._session.proposing, self._session.scoring):
            for name in ("running", "message", "done", "total"):
                dock.follow_seen(activity.events[name], self.show)

    @property
    def widgets(self) -> Sequence[Any]:
        """The widgets, from top to bottom."""
        return (
            row(self.propose_box, self.propose),
            with_bar(row(self.propose_all, self.stop), self.bar),
            self.state,
            holder(self.boxes),
        )

    def show(self) -> None:
        """Show what can be proposed, how far it is, and what is proposed here."""
        session, running = self._session, self._proposing.running
        busy = "Micrographs are being scored." if session.scoring.running else ""
        busy = "Wait, or press Stop." if running else busy
        why_not = why_not_propose(session, session.current_alone)
        enable(self.propose_box, busy or why_not_propose_box(session), WHAT_BOX_DOES)
        enable(self.propose, busy or why_not, with_keys(WHAT_PROPOSING_DOES, KEY))
        enable(self.propose_all, busy or why_not_propose(session, session.names), WHAT_ALL_DOES)
        enable_running(self.stop, running, STOPS)
        self.boxes.show_boxes(session.box_choices)
        self.boxes.show_sizes(session.box_size_px, session.pixel_size)
        activity = session.proposing if session.proposing.running else session.scoring
        self.bar.visible = running
        self.bar.max, self.bar.value = activity.total, min(activity.done, activity.total)
        messages = [session.proposing.message, session.scoring.message if session.proposes else ""]
        if not running:
            messages.append(state_of_proposals(session))
        tell(self.state, " ".join(filter(None, messages)))

    def _propose_here(self) -> None:
        self._propose(self._session.current_alone)

    def _propose_on_all(self) -> None:
        self._propose(self._session.names)

    def _propose(self, names: Sequence[str]) -> None:
        if self._may_replace():
            self._dock.link.stop_labelling()
            self._proposing.propose(names)

    def _may_replace(self) -> bool:
        question = question_before(self._session)
        if not question:
            return True
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        native = cast(Container, self._dock).native
        answer = QMessageBox.question(native, "Replace the model?", question, yes | no, no)
        return bool(cast(Any, answer) == yes)
