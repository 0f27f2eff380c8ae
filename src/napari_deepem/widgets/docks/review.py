"""The Review dock: verdicts on picks, and training again with them."""

from __future__ import annotations

from typing import Any, Literal

from magicgui.widgets import PushButton

from napari_deepem.session import review_gallery
from napari_deepem.session.readiness import why_not_judge, why_not_train_by_verdicts
from napari_deepem.session.review_gallery import NONE_SELECTED, Verdict
from napari_deepem.session.training_rounds import gain_of
from napari_deepem.widgets.docks.display_controls import picture_size
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    form,
    holder,
    lock,
    row,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.empty_text import EmptyText
from napari_deepem.widgets.docks.gallery_filling import GalleryFilling
from napari_deepem.widgets.docks.gap_bar import with_bar
from napari_deepem.widgets.docks.hand_button import hand_button
from napari_deepem.widgets.docks.likeness_window import LikenessWindow
from napari_deepem.widgets.docks.reasons_panel import ReasonsPanel
from napari_deepem.widgets.docks.review_canvas import ReviewCanvas
from napari_deepem.widgets.docks.steady_places import keep_room
from napari_deepem.widgets.docks.suggest_button import SuggestButton
from napari_deepem.widgets.docks.training_progress import TrainingProgress
from napari_deepem.widgets.pictures.gallery import GalleryView
from napari_deepem.widgets.pictures.gallery_pictures import GalleryPictures
from napari_deepem.widgets.plots.training_curves import RoundsPlot

WHAT_FIRST_DOES = (
    "Trains a first network. Accepted picks are particles, as what you marked is, rejected ones "
    "are non-particles; what has no verdict is left out."
)
WHAT_AGAIN_DOES = (
    "Trains a new network with the same settings. Accepted picks are particles, rejected ones are "
    "non-particles; the same micrographs are held out as before."
)
WHAT_LIKENESS_DOES = (
    "Opens a window in which picks lie together in which the network sees the same: a lasso around "
    "a kind selects it here, and one key rejects it."
)
COUNTS_LINES = 2  # so that nothing moves where one is not enough
LEAST_PX = 150  # height of the gallery, screen pixels: below that the dock is scrolled
NO_UNDO = "No verdict to undo."


class Review(Dock):
    """The dock in which the user gives verdicts on a gallery of picks, and trains with them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._trains_again = False  # a training that was started here is running
        self.pictures = GalleryPictures()
        self.view = GalleryView(self.pictures)
        self._empty = EmptyText(self.view)
        self.picture_px = picture_size(self)
        self.filling = GalleryFilling(self, self.view, self._on_shown)
        self.scope, self.order = self.filling.scope, self.filling.order
        self.only_open = self.filling.only_open
        self.accept = self._verdict_button("Accept (A)", "accepted", "particles")
        self.reject = self._verdict_button("Reject (R)", "rejected", "non-particles")
        self.undecide = self._verdict_button("Undecide (U)", None, "")
        self.likeness = button("By likeness ...", self._show_likeness, WHAT_LIKENESS_DOES)
        self._likeness_window: LikenessWindow | None = None
        self.counts = text_line("counts")
        self._suggesting = SuggestButton(self, self.filling.show_suggested, self._say)
        self.suggest = self._suggesting.button
        self.train_again = PushButton(text="Train again")
        self.train_again.changed.connect(self._train)
        self._training_progress = TrainingProgress(self)
        self.stop, self.progress = self._training_progress.stop, self._training_progress.bar
        self.status = text_line("status")
        keep_room(self.status.native)
        self.rounds = RoundsPlot()
        self.reasons = ReasonsPanel(
            self, self.view, self.filling.peak_sizes, holder(self.rounds.widget)
        )
        gallery, counts = holder(self.view), holder(self.counts.native)
        counts.native.setMinimumHeight(COUNTS_LINES * counts.native.fontMetrics().lineSpacing())
        self.fill(
            [
                form(self.scope, self.order, self.picture_px),
                row(self.only_open, self.reasons.switch),
                gallery,
                counts,
                row(self.accept, self.reject, self.undecide),
                row(hand_button(self), self.likeness),
                with_bar(row(self.suggest, self.train_again, self.stop), self.progress),
                *self.reasons.widgets,
                self.status,
            ]
        )
        # all the room there is for the gallery: napari adds a stretch of its own below
        self.column.setStretchFactor(gallery.native, 1000)
        self.view.setMinimumHeight(LEAST_PX)
        self._canvas = ReviewCanvas(self, self.pictures, self.view)
        self._follow()
        self.filling.refill()
        self._show_rounds()
        self.follow_theme(self.view.show_theme, self.rounds.show_theme)

    def _verdict_button(self, text: str, verdict: Verdict | None, kind: str) -> PushButton:
        effect = f"The selected ones become {kind} of the next training."
        tooltip = effect if kind else "Takes their verdict back."
        return button(text, lambda: self._give_verdict(verdict), tooltip)

    def _follow(self) -> None:
        session = self.session
        self.view.verdict_given.connect(self._give_verdict)
        self.view.undo_asked.connect(self._undo)
        self.view.selection_changed.connect(self._show_counts)
        events, activity = session.events, session.training.events
        self.follow(events.current, self._canvas.show)
        self.follow(events.model, self._on_model)
        self.follow_seen(events.rounds, self._show_rounds)
        for name in ("labels", "micrographs", "box_size_px", "models_to_come"):
            self.follow_seen(events[name], self._show)
        for name in ("running", "message"):
            self.follow_seen(activity[name], self._show)

    def _on_shown(self) -> None:
        """Follow another gallery; without verdicts given since, its rows are all open."""
        self._canvas.show_soon()
        self._show()

    def _on_model(self) -> None:
        if self._trains_again and self.session.current is not None:
            self.link.scoring.score([self.session.current])
        self._trains_again = False

    # verdicts

    def _give_verdict(self, verdict: Verdict | None) -> None:
        rows = self.view.selected_rows()
        if why := why_not_judge(self.session):
            self.link.viewer.status = why
            return
        if not len(rows):
            self.link.viewer.status = NONE_SELECTED
            return
        gallery, below = self.pictures.gallery, int(rows[-1]) + 1
        review_gallery.give_verdict(self.session, gallery.by_name(rows), verdict)
        if self.pictures.gallery is not gallery:  # what has a verdict was taken out
            below -= len(rows)
        elif len(rows) == len(gallery):
            return  # a whole kind, which stays selected: U takes it back
        self.view.select_row(min(below, len(self.pictures.gallery) - 1))

    def _undo(self) -> None:
        if self.session.edits.undo() is None:
            self.link.viewer.status = NO_UNDO

    def _show_likeness(self) -> None:
        if self._likeness_window is None:
            self._likeness_window = LikenessWindow(self, self.filling, self._on_key)
        self._likeness_window.show()
        self._likeness_window.raise_()

    def _on_key(self, key: Verdict | Literal["undo"] | None) -> None:
        if key == "undo":
            self._undo()
        else:
            self._give_verdict(key)

    def _say(self, line: str) -> None:
        tell(self.status, line or self._gain())

    def _train(self) -> None:
        self.link.stop_labelling()
        self._trains_again = True
        self.link.training.train("new" if self.session.proposes else "anew")

    # words

    def _show(self) -> None:
        session, activity = self.session, self.session.training
        running = "Training is running: see the Train dock." if activity.running else ""
        empty = self.filling.why_empty()
        self._suggesting.show()
        effect = WHAT_FIRST_DOES if session.proposes else WHAT_AGAIN_DOES
        self.train_again.text = "Train" if session.proposes else "Train again"
        enable(self.train_again, running or why_not_train_by_verdicts(session), effect)
        self._training_progress.show()
        self._empty.say(empty)
        self._say(activity.message if activity.running else "")
        self._show_counts()

    def _show_counts(self) -> None:
        rows, gallery = self.view.selected_rows(), self.pictures.gallery
        none_selected = "" if len(rows) else self.filling.why_empty() or NONE_SELECTED
        for each in (self.accept, self.reject, self.undecide):
            lock(each, why_not_judge(self.session) or none_selected)
        tell(self.counts, review_gallery.counts_text(self.session, gallery, len(rows)))
        self._canvas.show_soon()

    def _show_rounds(self) -> None:
        rounds = self.session.rounds
        self.rounds.show(rounds)
        self.rounds.widget.setVisible(any(round_.ap is not None for round_ in rounds))
        self._show()

    def _gain(self) -> str:
        """What the last round gave."""
        return gain_of(self.session.rounds[-1]) if self.session.rounds else ""
