"""The Review dock: verdicts on picks, and training again with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from magicgui.widgets import ComboBox, PushButton
from qtpy.QtWidgets import QSizePolicy

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.controllers.workers import Job
from napari_deepem.session import review_gallery
from napari_deepem.session.box_pictures import cutting
from napari_deepem.session.parameters import Order
from napari_deepem.session.readiness import (
    why_gallery_is_empty,
    why_not_judge,
    why_not_train_by_verdicts,
)
from napari_deepem.session.review_gallery import EMPTY, Gallery, Verdict
from napari_deepem.session.training_rounds import gain_of
from napari_deepem.widgets.docks.dock import Dock, enable, form, holder, lock, row, tell, text_line
from napari_deepem.widgets.docks.empty_text import EmptyText
from napari_deepem.widgets.docks.review_canvas import ReviewCanvas
from napari_deepem.widgets.docks.suggest_button import SuggestButton
from napari_deepem.widgets.docks.training_progress import TrainingProgress
from napari_deepem.widgets.pictures.gallery import GalleryPictures, GalleryView
from napari_deepem.widgets.plots.training_curves import RoundsPlot

THIS, ALL, SUGGESTED = "this micrograph", "all scored micrographs", "suggested boxes"
ORDERS: tuple[tuple[str, Order], ...] = (
    ("best first", "best"),
    ("worst first", "worst"),
    ("most doubtful first", "doubt"),
    ("std, highest first", "std_high"),
    ("std, lowest first", "std_low"),
)
HOW_ORDERED = (
    "Doubtful is what scores near the threshold, on both sides of it; the other orders show picks "
    "only. Std is the standard deviation of a box's pixels: contamination lies high."
)
WHAT_FIRST_DOES = (
    "Trains a first network. Accepted picks are particles, as what you marked is, rejected ones "
    "are non-particles; what has no verdict is left out."
)
WHAT_AGAIN_DOES = (
    "Trains a new network with the same settings. Accepted picks are particles, rejected ones are "
    "non-particles; the same micrographs are held out as before."
)
NONE_SELECTED = "Click a picture first: a verdict is on what is selected."
REFILLED_BY = (
    *("candidates", "threshold", "std_range", "min_distance_px", "excluded"),
    *("review_order", "review_only_open"),
)
NO_UNDO = "No verdict to undo."
READ_AT_ONCE = 4  # micrographs, before looking again at what is in sight
FAST_MS = 40


class Review(Dock):
    """The dock in which the user gives verdicts on a gallery of picks, and trains with them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._suggested = EMPTY
        self._trains_again = False  # a training that was started here is running
        self._cut_of: tuple[Any, Any] = None, None  # the model and files of the boxes that are cut
        self.scope = ComboBox(label="Show", choices=[THIS, ALL, SUGGESTED], value=THIS)
        self.order = self.control("review_order", choices=ORDERS, tooltip=HOW_ORDERED)
        self.only_open = self.control("review_only_open")
        self.pictures = GalleryPictures(self.native)
        self.view = GalleryView(self.pictures)
        self._empty = EmptyText(self.view)
        self.accept = self._verdict_button("Accept (A)", "accepted", "particles")
        self.reject = self._verdict_button("Reject (R)", "rejected", "non-particles")
        self.undecide = self._verdict_button("Undecide (U)", None, "")
        self.counts = text_line("counts")
        self._suggesting = SuggestButton(self, self._on_suggested, self._say)
        self.suggest = self._suggesting.button
        self.train_again = PushButton(text="Train again")
        self.train_again.changed.connect(self._train)
        self._training_progress = TrainingProgress(self)
        self.stop, self.progress = self._training_progress.stop, self._training_progress.bar
        self.status = text_line("status")
        self.rounds = RoundsPlot()
        self.gain = text_line("gain")
        gallery = holder(self.view)
        self.extend(
            [
                form(self.scope, self.order),
                self.only_open,
                gallery,
                row(self.accept, self.reject, self.undecide),
                self.counts,
                row(self.suggest, self.train_again, self.stop),
                self.progress,
                self.status,
                holder(self.rounds.widget),
                self.gain,
            ]
        )
        self.native.layout().setSpacing(6)
        self.native.layout().setStretchFactor(gallery.native, 1)
        expanding = QSizePolicy.Policy.Expanding
        gallery.native.setSizePolicy(expanding, expanding)  # or napari leaves the space below empty
        self._canvas = ReviewCanvas(self, self.pictures, self.view)
        self._follow()
        self._refill()
        self._show()
        self._show_rounds()
        self.follow_theme(self.view.show_theme, self.rounds.show_theme)

    def _verdict_button(self, text: str, verdict: Verdict | None, kind: str) -> PushButton:
        effect = f"The selected ones become {kind} of the next training."
        button = PushButton(text=text, tooltip=effect if kind else "Takes their verdict back.")
        button.changed.connect(lambda: self._give_verdict(verdict))
        return button

    def _follow(self) -> None:
        session = self.session
        job = partial(DebouncedJob, self.native, delay_ms=FAST_MS)
        self._galleries = job(self._gallery_job, self._on_gallery)
        self._crops = job(self._crop_job, self._on_cut, on_progress=self._on_crops)
        self.view.scrolled.connect(self._crops.ask)
        self.view.verdict_given.connect(self._give_verdict)
        self.view.undo_asked.connect(self._undo)
        self.scope.changed.connect(self._refill)
        self.view.selection_changed.connect(self._show_counts)
        events, activity = session.events, session.training.events
        for name in REFILLED_BY:
            self.follow(events[name], self._refill)
        self.follow(events.current, self._on_current)
        self.follow(events.files, self._on_files)
        self.follow(events.verdicts, self._on_verdicts)
        self.follow(events.model, self._on_model)
        self.follow(events.rounds, self._show_rounds)
        self.follow_filter(self.pictures.forget_pictures)
        self.follow_filter(self._crops.ask)
        for name in ("labels", "micrographs", "box_size_px"):
            self.follow(events[name], self._show)
        for name in ("running", "message"):
            self.follow(activity[name], self._show)

    # what is shown

    def _refill(self) -> None:
        """Show the gallery that is asked for, at once where that is quick."""
        session = self.session
        self.pictures.tells_std = session.review_order.startswith("std")
        if self.scope.value == ALL and len(session.candidates) > 1:
            self._galleries.ask()
        else:
            self._show_gallery(self._gallery())

    def _names(self) -> list[str]:
        session = self.session
        if self.scope.value == THIS:
            return [session.current] if session.current else []
        return [name for name in session.candidates if name not in session.excluded]

    def _gallery(self) -> Gallery:
        if self.scope.value == SUGGESTED:
            return self._suggested
        return self._made_by(review_gallery.gallery)

    def _gallery_job(self) -> Job | None:
        if self.scope.value != ALL:  # by now: the gallery of that is shown already
            return None
        return self._made_by(review_gallery.making_gallery)

    def _made_by(self, make: Callable[..., Any]) -> Any:
        session = self.session
        order, only_open = session.review_order, session.review_only_open
        return make(session, self._names(), order, only_open=only_open)

    def _on_gallery(self, gallery: Gallery) -> None:
        if self.scope.value == ALL:
            self._show_gallery(gallery)

    def _show_gallery(self, gallery: Gallery) -> None:
        self.pictures.show(gallery, review_gallery.verdicts_on(self.session, gallery))
        self._crops.ask()
        self._canvas.show()
        self._show()

    def _crop_job(self) -> Job | None:
        if self.session.model is None:
            return None
        missing = self.pictures.missing(self.view.rows_in_sight())
        first = dict(list(missing.items())[:READ_AT_ONCE])
        self._cut_of = self.session.model, self.session.files
        return cutting(self.session, first) if first else None

    def _on_crops(self, cut: Any) -> None:
        model, files = self._cut_of
        if model is self.session.model and files is self.session.files:
            self.pictures.add(*cut)
            self.view.redraw()

    def _on_cut(self, _: None) -> None:
        self._crops.ask()  # until nothing is missing

    def _on_current(self) -> None:
        if self.scope.value == THIS:
            self._refill()
        self._canvas.show()

    def _on_files(self) -> None:
        """Forget pictures: in another series micrographs may have the same names."""
        self.pictures.forget_pictures()
        self._suggested = EMPTY

    def _on_model(self) -> None:
        self.pictures.forget_pictures()
        self._suggested = EMPTY
        if self._trains_again and self.session.current is not None:
            self.link.scoring.score([self.session.current])
        self._trains_again = False
        self._refill()

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
        self.view.select_row(min(below, len(self.pictures.gallery) - 1))

    def _on_verdicts(self) -> None:
        gallery = self.pictures.gallery
        verdicts = review_gallery.verdicts_on(self.session, gallery)
        if self.session.review_only_open and self.scope.value != SUGGESTED:
            if verdicts.any():
                self._show_gallery(gallery.only(verdicts == 0))
            else:  # one was taken back
                self._refill()
            return
        self.pictures.verdicts = verdicts
        self.view.redraw()
        self._canvas.show()
        self._show()

    def _undo(self) -> None:
        if self.session.edits.undo() is None:
            self.link.viewer.status = NO_UNDO

    def _on_suggested(self, gallery: Gallery) -> None:
        self._suggested = gallery
        with self.scope.changed.blocked():
            self.scope.value = SUGGESTED
        self._refill()
        self.view.select_row(0)
        self.view.setFocus()

    def _say(self, line: str) -> None:
        tell(self.status, line)

    def _train(self) -> None:
        self.link.stop_labelling()
        self._trains_again = True
        self.link.training.train("new" if self.session.proposes else "anew")

    # words

    def _show(self) -> None:
        session, activity = self.session, self.session.training
        running = "Training is running: see the Train dock." if activity.running else ""
        empty = why_gallery_is_empty(session, self._names(), len(self.pictures.gallery))
        self._suggesting.show()
        effect = WHAT_FIRST_DOES if session.proposes else WHAT_AGAIN_DOES
        self.train_again.text = "Train" if session.proposes else "Train again"
        enable(self.train_again, running or why_not_train_by_verdicts(session), effect)
        self._training_progress.show()
        self._empty.say(empty)
        tell(self.status, activity.message if activity.running else "")
        self._show_counts()

    def _show_counts(self) -> None:
        rows, gallery = self.view.selected_rows(), self.pictures.gallery
        empty = why_gallery_is_empty(self.session, self._names(), len(gallery))
        for button in (self.accept, self.reject, self.undecide):
            lock(button, "" if len(rows) else empty or NONE_SELECTED)
        tell(self.counts, review_gallery.counts_text(self.session, gallery, len(rows)))
        self._canvas.show()

    def _show_rounds(self) -> None:
        rounds = self.session.rounds
        self.rounds.show(rounds)
        self.rounds.widget.setVisible(any(round_.ap is not None for round_ in rounds))
        tell(self.gain, gain_of(rounds[-1]) if rounds else "")
