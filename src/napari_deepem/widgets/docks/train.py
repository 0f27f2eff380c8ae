"""The Train dock: from labels to a model, with curves of how the training goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import LineEdit, PushButton
from qtpy.QtWidgets import QFileDialog
from superqt import QCollapsible

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.controllers.workers import Job, report
from napari_deepem.core.errors import InputError
from napari_deepem.layers.label_points import COLORS
from napari_deepem.session import Session, jobs
from napari_deepem.session.box_pictures import cutting_training_boxes
from napari_deepem.session.readiness import why_not_refine, why_not_save_model, why_not_train
from napari_deepem.session.training_advice import advice_on_model, training_advice
from napari_deepem.session.training_rounds import RoundStart
from napari_deepem.widgets.docks.dock import (
    Dock,
    enable,
    enable_running,
    form,
    holder,
    lock,
    row,
    show_value,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.gap_bar import with_bar
from napari_deepem.widgets.docks.pixel_size_field import in_angstrom
from napari_deepem.widgets.docks.steady_places import keep_room
from napari_deepem.widgets.docks.training_progress import TrainingProgress
from napari_deepem.widgets.docks.training_texts import numbers_of, summary_of
from napari_deepem.widgets.docks.typed_numbers import take_when_typed
from napari_deepem.widgets.pictures.picture_strip import PictureStrip
from napari_deepem.widgets.plots.training_curves import HELD_OUT, TrainingCurves, shade

FILTER = "DeepEM model (*.safetensors)"
STRIP_COUNT = 8  # pictures of each kind
MOST_EPOCHS = 1000
HOW_SUGGESTED = (
    "The average of the particles that you marked ends at a radius; the box is 2.5 times that. "
    "Click to use it."
)
IN_USE = "As suggested."
WHAT_TRAIN_DOES = "Trains a new network on all labels, and on verdicts from Review."
WHAT_CONTINUE_DOES = "Trains the present network on, with the labels and verdicts since."
WHAT_DISCARD_DOES = "Ends now; the model stays as it was before."
SHOWN_OF_SESSION = (
    "labels",
    "verdicts",
    "excluded",
    "micrographs",
    "box_size_px",
    "recipe",
    "start",
    "binning",
    "suggested_box_px",
    "headers",
    "model",
    "models_to_come",
)


class Train(Dock):
    """The dock in which a network is trained, saved and loaded."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.box_size = self.control("box_size_px")
        self.use_suggested = PushButton(text="", tooltip=HOW_SUGGESTED)
        keep_room(self.use_suggested.native)
        self.use_suggested.changed.connect(self._use_suggested)
        self.start = self.control("start")
        self.train = self._button("Train", lambda: self._train("new"))
        self.continue_training = self._button("Continue", lambda: self._train("weights"))
        self._training_progress = TrainingProgress(self)
        self.stop, self.progress = self._training_progress.stop, self._training_progress.bar
        self.discard = self._button("Discard", self.link.training.discard)
        self.advice = text_line("advice")
        self.status = text_line("status")
        self.numbers = text_line("numbers")
        self.curves = TrainingCurves()
        colors = [COLORS["positive"], COLORS["negative"]]
        self.strip = PictureStrip(colors, self.session.display)
        self.strip_caption = text_line("strip_caption")
        self.summary = text_line("summary")
        self.save = self._button("Save model ...", self._save)
        self.load = self._button("Load model ...", self._choose_model)
        self.fill(
            [
                form(row(self.box_size, self.use_suggested, label=self.box_size.label), self.start),
                holder(self._recipe_and_more()),
                with_bar(
                    row(self.train, self.continue_training, self.stop, self.discard), self.progress
                ),
                self.status,
                self.advice,
                holder(self.curves.widget),
                self.numbers,
                self.strip_caption,
                holder(self.strip),
                self.summary,
                row(self.save, self.load),
            ]
        )
        self._locked_while_training = (
            self.box_size,
            self.start,
            self.recipe,
            self.binning,
            self.epochs,
            self.labels_complete,
            self.seed,
            self.load,
        )
        self._follow()
        self.follow_theme(self.curves.show_theme, self._color_advice)
        self._show()
        self._show_history()
        self._show_strip(None)

    def _follow(self) -> None:
        session = self.session
        self._survey = DebouncedJob(
            self.native, self._survey_job, lambda survey: survey.tell(session)
        )
        self._crops = DebouncedJob(
            self.native,
            self._strip_job,
            self._show_strip,
            on_input_error=lambda line: tell(self.strip_caption, line),
        )
        events, activity = session.events, session.training.events
        for signal in (events.labels, events.verdicts, events.micrographs, events.current):
            self.follow(signal, self._survey.ask)
        for signal in (events.box_size_px, events.start, events.binning, activity.running):
            self.follow(signal, self._crops.ask)
        for signal in (events.labels, events.verdicts, events.micrographs, events.candidates):
            self.follow(signal, self._crops.ask)
        self.follow_filter(self._crops.ask)
        for name in SHOWN_OF_SESSION:
            self.follow_seen(events[name], self._show)
        self.follow_seen(events.history, self._show_history)
        for name in ("running", "message"):
            self.follow_seen(activity[name], self._show)
        self._survey.ask()
        self._crops.ask()

    def _button(self, text: str, action: Callable[[], object]) -> PushButton:
        button = PushButton(text=text)
        button.changed.connect(lambda: action())
        return button

    def _recipe_and_more(self) -> QCollapsible:
        self.recipe = self.control("recipe")
        self.binning = self.control("binning")
        self.epochs = self._epochs_control()
        self.labels_complete = self.control("labels_complete")
        self.seed = self.control("seed")
        fold = QCollapsible("Recipe and advanced settings", expandedIcon="▼", collapsedIcon="▶")
        if (layout := fold.layout()) is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        self._folded = form(self.recipe, self.binning, self.epochs, self.labels_complete, self.seed)
        fold.addWidget(self._folded.native)
        return fold

    def _epochs_control(self) -> LineEdit:
        info = Session.model_fields["epochs"]
        control = LineEdit(name="epochs", label=info.title, tooltip=info.description)
        control.native.setPlaceholderText("auto")
        take_when_typed(control, 1, MOST_EPOCHS)

        def show(epochs: int) -> None:
            show_value(control, str(epochs) if epochs else "")

        def take(text: str) -> None:
            if int(text or 0) <= MOST_EPOCHS:  # else it is put right when it is typed
                self.session.epochs = int(text or 0)

        control.changed.connect(take)
        self.follow(self.session.events.epochs, show)
        show(self.session.epochs)
        return control

    def _survey_job(self) -> Job | None:
        can_tell = self.session.labelled() and not self.session.training.running
        return jobs.surveying_labels(self.session) if can_tell else None

    def _strip_job(self) -> Job | None:
        if self.session.training.running:
            return None
        return cutting_training_boxes(self.session, STRIP_COUNT)

    def _use_suggested(self) -> None:
        if self.session.suggested_box_px is not None:
            self.session.box_size_px = self.session.suggested_box_px

    def _show(self) -> None:
        session, activity = self.session, self.session.training
        running = "Training is running." if activity.running else ""
        why_not = why_not_train(session)
        enable(self.train, running or why_not, WHAT_TRAIN_DOES)
        enable(self.continue_training, running or why_not_refine(session), WHAT_CONTINUE_DOES)
        self._training_progress.show()
        enable_running(self.discard, activity.running, WHAT_DISCARD_DOES)
        enable(self.save, why_not_save_model(session))
        for control in self._locked_while_training:
            lock(control, running)
        suggested = session.suggested_box_px
        self.use_suggested.visible = suggested is not None
        in_use = IN_USE if suggested == session.box_size_px else ""
        self.use_suggested.text = in_use or f"Suggested: {suggested} px"
        length = in_angstrom(suggested or 0, session.pixel_size)
        how = f"{suggested} px {length}. {HOW_SUGGESTED}" if length else HOW_SUGGESTED
        enable(self.use_suggested, running or in_use, how)
        tell(self.status, activity.message or why_not)
        hints = [] if activity.running or why_not else training_advice(session)
        tell(self.advice, "\n".join(f"• {hint}" for hint in hints))
        tell(self.summary, "\n".join([summary_of(session.model), *advice_on_model(session)]))

    def _color_advice(self, theme: str) -> None:
        self.advice.native.setStyleSheet(f"color: {shade(theme, HELD_OUT)}")

    def _show_history(self) -> None:
        history = self.session.history
        self.curves.show(history)
        self.curves.widget.setVisible(bool(history))
        tell(self.numbers, numbers_of(history))

    def _show_strip(self, boxes: Any) -> None:
        self.strip.setVisible(boxes is not None)
        if boxes is None:
            tell(self.strip_caption, "")
            return
        self.strip.show_rows([boxes.positives, boxes.negatives])
        side = boxes.box_px
        n_drawn = len(boxes.negatives) - boxes.labelled
        shown = ", shown filtered" if self.session.display.filtered else ""
        tell(
            self.strip_caption,
            f"What the network sees of a box, in {side} x {side} px{shown}: particles; "
            + (boxes.background_text if n_drawn else "non-particles"),
        )

    def _train(self, start: RoundStart) -> None:
        self.link.stop_labelling()
        self.link.training.train(start)

    def _save(self) -> None:
        chosen_path, _ = QFileDialog.getSaveFileName(
            self.native, "Save model", "model.safetensors", FILTER
        )
        if not chosen_path:
            return
        try:
            path = jobs.save(self.session.model, Path(chosen_path))
        except InputError as error:
            self.session.training.message = report(error)
        else:
            self.session.training.message = f"Saved {path}"

    def _choose_model(self) -> None:
        chosen_path, _ = QFileDialog.getOpenFileName(self.native, "Load model", "", FILTER)
        if chosen_path:
            self.link.training.load(Path(chosen_path))
