"""Train: from labels to a model, with its progress to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import Label, LineEdit, ProgressBar, PushButton
from qtpy.QtGui import QIntValidator
from qtpy.QtWidgets import QFileDialog
from superqt import QCollapsible

from napari_deepem.core.errors import InputError
from napari_deepem.session import Session, jobs
from napari_deepem.widgets.curves import TrainingCurves
from napari_deepem.widgets.dock import Dock, form, holder, row, show_value, tell, text_line
from napari_deepem.widgets.workers import report

FILTER = "DeepEM model (*.safetensors)"


class Train(Dock):
    """The dock of this name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.recipe = self.control("recipe")
        self.binning = self.control("binning")
        self.epochs = self._epochs_control()
        self.labels_complete = self.control("labels_complete")
        self.seed = self.control("seed")
        self.train = PushButton(text="Train")
        self.train.changed.connect(self._train)
        self.cancel = PushButton(text="Cancel")
        self.cancel.changed.connect(self.link.runs.trainings.discard)
        self.progress = ProgressBar(min=0, max=1, value=0)
        self.status = text_line("status")
        self.numbers = text_line("numbers")
        self.curves = TrainingCurves(self.link.viewer.theme)
        self.summary = text_line("summary")
        self.save = PushButton(text="Save model ...")
        self.save.changed.connect(self._save)
        self.load = PushButton(text="Load model ...")
        self.load.changed.connect(self._choose_model)
        self.fill(
            [
                form(
                    self.recipe,
                    row(self.binning, Label(value="Epochs"), self.epochs, label=self.binning.label),
                ),
                self.labels_complete,
                holder(self._advanced()),
                row(self.train, self.cancel),
                self.progress,
                self.status,
                self.numbers,
                holder(self.curves.widget),
                self.summary,
                row(self.save, self.load),
            ]
        )

        self._locked_while_training = (
            self.recipe,
            self.binning,
            self.epochs,
            self.labels_complete,
            self.seed,
            self.load,
        )
        events = self.session.events
        for signal in (events.labels, events.micrographs, events.box_size_px, events.model):
            self.follow(signal, self._show)
        self.follow(events.history, self._show_history)
        for field in ("running", "message", "done", "total"):
            self.follow(self.session.training.events[field], self._show)
        self._show()
        self._show_history()

    def _advanced(self) -> QCollapsible:
        fold = QCollapsible("Advanced")
        if (layout := fold.layout()) is not None:
            layout.setContentsMargins(0, 0, 0, 0)
        self._folded = form(self.seed)
        fold.addWidget(self._folded.native)
        return fold

    def _epochs_control(self) -> LineEdit:
        info = Session.model_fields["epochs"]
        control = LineEdit(name="epochs", label=info.title, tooltip=info.description)
        control.native.setPlaceholderText("auto")
        control.native.setValidator(QIntValidator(1, 1000))

        def show(epochs: int) -> None:
            show_value(control, str(epochs) if epochs else "")

        control.changed.connect(lambda text: setattr(self.session, "epochs", int(text or 0)))
        self.follow(self.session.events.epochs, show)
        show(self.session.epochs)
        return control

    def _show(self) -> None:
        session, activity = self.session, self.session.training
        missing = session.missing_for_training()
        self.train.enabled = not activity.running and not missing
        self.train.tooltip = missing or ("Training is running." if activity.running else "")
        self.cancel.enabled = activity.running
        for control in self._locked_while_training:
            control.enabled = not activity.running
        self.save.enabled = session.model is not None
        self.save.tooltip = "" if session.model else "There is no model yet."
        self.progress.visible = activity.running
        self.progress.max = activity.total
        self.progress.value = activity.done
        tell(self.status, activity.message or missing)
        tell(self.summary, summary_of(session.model))

    def _show_history(self) -> None:
        history = self.session.history
        self.curves.show(history)
        self.curves.widget.setVisible(bool(history))
        tell(self.numbers, numbers_of(history[-1]) if history else "")

    def _train(self) -> None:
        self.link.stop_marking()
        self.link.runs.trainings.train()

    def _save(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self.native, "Save model", "model.safetensors", FILTER
        )
        if not chosen:
            return
        try:
            path = jobs.save(self.session.model, Path(chosen))
        except InputError as error:
            self.session.training.message = report(error)
        else:
            self.session.training.message = f"Saved {path}"

    def _choose_model(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.native, "Load model", "", FILTER)
        if chosen:
            self.link.runs.trainings.load(Path(chosen))


def numbers_of(epoch: Any) -> str:
    """Loss and held-out figures of one epoch; those that there are."""
    text = f"loss {epoch.loss:.3f}"
    if epoch.held_out_loss is not None and epoch.held_out_ap is not None:
        text += f"; held-out boxes: loss {epoch.held_out_loss:.3f}, AP {epoch.held_out_ap:.3f}"
    return text


def summary_of(model: Any) -> str:
    """Describe a model in one line."""
    if model is None:
        return ""
    parts = [f"Model: {model.recipe}, box {model.box_size_px} px, binning {model.binning}"]
    found = model.summary
    if "curve" in found:
        parts.append(f"{len(found['curve'])} epochs")
    if "held_out_recall" in found:
        parts.append(f"finds {found['held_out_recall']:.0%} of held-out particles")
    if "held_out_ap" in found:
        parts.append(f"held-out AP {found['held_out_ap']:.3f}")
    kind = "F2 threshold" if "held_out_recall" in found else "threshold"
    parts.append(f"{kind} {model.threshold:.2f}")
    if "estimated_precision" in found:
        parts.append(f"about {found['estimated_precision']:.0%} of picks right there")
    return ", ".join(parts)
