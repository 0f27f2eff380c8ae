"""The Pick dock: scores of a micrograph, and sliders that choose picks among its candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from magicgui.widgets import FloatRangeSlider, FloatSpinBox
from qtpy.QtCore import QTimer

from napari_deepem.controllers.debounced_job import DebouncedJob
from napari_deepem.core.wording import counted
from napari_deepem.session import box_pictures, threshold_curves, threshold_here
from napari_deepem.session.final_selection import kept_text
from napari_deepem.session.readiness import (
    why_no_model,
    why_not_choose,
    why_not_score,
    why_not_score_all,
)
from napari_deepem.widgets.docks.dock import (
    SLIDER_MARGIN,
    Dock,
    button,
    enable,
    enable_running,
    form,
    holder,
    row,
    show_value,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.gap_bar import progress_bar, with_bar
from napari_deepem.widgets.docks.hand_button import hand_button
from napari_deepem.widgets.docks.threshold_controls import ThresholdControls
from napari_deepem.widgets.docks.typed_numbers import show_values_at_ends, take_when_typed
from napari_deepem.widgets.pictures.std_range_boxes import StdRangeBoxes
from napari_deepem.widgets.plots.threshold_plots import StdPlot

HOW_SURE = "Told from the scores, as held-out labels have shown how to read them."
ALL_LEFT = "Scores every micrograph that is not scored yet."
SCORED = "Scored with this model."
STOPS = "Stops after the part of the micrograph that is being scored; what is scored stays."
BACK = "Sets the range that the model came with. A double click on the plot does the same."
IS_MODELS = "The range is the model's."
FEW, PAUSE_MS = 500, 150  # micrographs; picks of more are summed when the slider rests
NO_MAP = "There are picks, but no score map: Score makes it."


class Pick(Dock):
    """The dock in which micrographs are scored, and picks chosen by threshold and ranges."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.micrograph = self.micrograph_combo()
        self.score = button("Score", self._score)
        self.score_all = button("Score all", lambda: self.link.scoring.score(self.session.names))
        self.cancel = button("Stop", self.link.scoring.cancel)
        self.progress = progress_bar()
        self.status = text_line("status")
        self.pick_counts = text_line("pick_counts")
        self.precision = text_line("precision")
        self.precision.tooltip = HOW_SURE
        self.by_score = ThresholdControls(self)
        self.std_range = self.control(
            "std_range", widget_type=FloatRangeSlider, min=0.0, max=self._top(10.0), step=0.01
        )
        show_values_at_ends(self.std_range.native)
        self.min_distance = self._distance_control()
        self.stds = StdPlot(self._on_region)
        self.model_range = button("Model's std range", self._use_model_range)
        self.stds.asked_back.connect(self._use_model_range)
        self.std_range_boxes = StdRangeBoxes(self.session.display)
        self._cutting = DebouncedJob(
            self.std_range_boxes,
            self._cutting_job,
            lambda _: None,
            on_progress=self._on_cut,
            delay_ms=80,
        )
        self._count_steps: Iterator[None] = iter(())
        self._count_timer = QTimer(self.native)
        self._count_timer.setSingleShot(True)
        self._count_timer.timeout.connect(self._count_on)
        self.fill(
            [
                form(self.micrograph),
                with_bar(row(self.score, self.score_all, self.cancel), self.progress),
                self.status,
                self.pick_counts,
                self.precision,
                *self.by_score.widgets,
                row(hand_button(self)),
                holder(self.stds.widget),
                holder(self.std_range_boxes),
                self.model_range,
                form(self.std_range, self.min_distance),
            ]
        )

        events = self.session.events
        for name in ("micrographs", "excluded", "model", "models_to_come", "current", "scored"):
            self.follow_seen(events[name], self._show)
        for field in ("running", "message", "done", "total"):
            self.follow_seen(self.session.scoring.events[field], self._show)
        for signal in (events.current, events.candidates, events.models_to_come):
            self.follow_seen(signal, self._show_candidates)
        for name in ("picks", "candidates", "excluded", "verdicts", "adaptive_threshold"):
            self.follow_seen(events[name], self._show_count)
        for name in ("threshold", "adaptive_threshold", "own_thresholds", "model"):
            self.follow_seen(events[name], self._show_above)
        for signal in (events.std_range, events.model, events.models_to_come):
            self.follow_seen(signal, self._show_range)
        self.follow_filter(self._cutting.ask)
        for signal in (events.min_distance_px, events.model, events.box_size_px):
            self.follow_seen(signal, self._show_distance)
        self.follow_theme(self.stds.show_theme)
        self._show()
        self._show_candidates()
        self._show_range()
        self._show_distance()

    def _distance_control(self) -> FloatSpinBox:
        info = type(self.session).model_fields["min_distance_px"]
        control = FloatSpinBox(
            name="min_distance_px",
            label=info.title,
            tooltip=info.description,
            min=0.0,
            max=10_000.0,
            step=1.0,
        )
        take_when_typed(control, 0.0, 10_000.0)
        control.changed.connect(lambda value: setattr(self.session, "min_distance_px", value))
        return control

    def _score(self) -> None:
        if self.session.current is not None:
            self.link.stop_labelling()
            self.link.scoring.score([self.session.current])

    def _on_region(self, std_range: tuple[float, float]) -> None:
        self.session.std_range = std_range

    def _use_model_range(self) -> None:
        if self.session.model is not None:
            self.session.std_range = self.session.model.std_range

    def _show(self) -> None:
        session, activity = self.session, self.session.scoring
        why_not = why_not_score(session, session.current_alone)
        running = activity.message if activity.running else ""
        scored = "" if session.current_scored is None else SCORED
        self.score.text = "Scored" if scored else "Score"
        enable(self.score, why_not or running or (f"{self.score.text}." if scored else ""))
        enable(self.score_all, running or why_not_score_all(session), ALL_LEFT)
        enable_running(self.cancel, activity.running, STOPS)
        self.progress.visible = activity.running
        self.progress.max, self.progress.value = activity.total, activity.done
        missing = why_not_choose(session) or NO_MAP
        tell(self.status, activity.message or why_not or ("" if scored else missing))

    def _show_candidates(self) -> None:
        candidates = self.session.current_candidates
        for control in (self.std_range, self.min_distance):
            help_text = type(self.session).model_fields[control.name].description or ""
            enable(control, why_not_choose(self.session), help_text)
        for widget in (self.stds.widget, self.std_range_boxes):
            widget.setVisible(candidates is not None)
        self._show_count()
        if candidates is None:
            return self._show_precision()
        self.stds.show_stds(candidates.stds)
        with self.std_range.changed.blocked():
            self.std_range.max = self._top(float(candidates.stds.max(initial=0.0)))
        show_value(self.std_range, self.session.std_range)
        self._show_above()
        self._show_range()

    def _show_above(self) -> None:
        """Let those that the threshold leaves stand out, and tell how many of them are right."""
        self._show_precision()
        candidates = self.session.current_candidates
        if candidates is not None:
            threshold = threshold_here.in_use(self.session)
            self.stds.show_above(int(np.count_nonzero(candidates.scores >= threshold)))
            self._cutting.ask()

    def _show_range(self) -> None:
        std_range, model = self.session.std_range, self.session.model
        self.stds.show_range(std_range)
        self._cutting.ask()
        is_models = model is not None and std_range == model.std_range
        why_not = why_no_model(self.session) or (IS_MODELS if is_models else "")
        self.model_range.text = "The range is the model's" if is_models else "Model's std range"
        enable(self.model_range, why_not, BACK)

    def _cutting_job(self) -> Any:
        """The job that cuts boxes at both ends of the range; their captions are shown at once."""
        session, candidates = self.session, self.session.current_candidates
        name = session.current
        if candidates is None or name not in session.micrographs or session.model is None:
            self.std_range_boxes.show_stds([None] * 4)
            return None
        threshold = threshold_here.in_use(session)
        indices = threshold_curves.at_ends(candidates, threshold, session.std_range)
        stds = [None if index is None else candidates.stds[index] for index in indices]
        self.std_range_boxes.show_stds(stds)
        centres_yx = candidates.centres_yx[[index for index in indices if index is not None]]
        return box_pictures.cutting(session, {name: centres_yx}) if len(centres_yx) else None

    def _on_cut(self, cut: box_pictures.Cut) -> None:
        self.std_range_boxes.show_pictures(list(cut[2]))

    def _top(self, std: float) -> float:
        """The end of the std slider, so that it holds a standard deviation and the chosen range."""
        return max(std, *self.session.std_range) * SLIDER_MARGIN

    def _show_count(self) -> None:
        """Show the number of picks here; of all, and what is right, as soon as a slider rests."""
        self._count_steps = self.session.selection.steps()
        self._count_timer.start(PAUSE_MS)
        self._show_pick_counts(with_total=len(self.session.candidates) <= FEW)

    def _count_on(self) -> None:
        for _ in self._count_steps:  # one micrograph at a time: the window has other things to do
            return self._count_timer.start(0)
        self._show_pick_counts()
        self._show_precision()

    def _show_pick_counts(self, with_total: bool = True) -> None:
        candidates, picks = self.session.current_candidates, self.session.picks
        parts = []
        if picks is not None:
            parts.append(kept_text(picks.counts, candidates))
            total = self.session.selection.total() if with_total else None
            if total is not None and total[1] > 1:
                parts.append(f"{total[0]} on {counted(total[1], 'micrograph')}")
        tell(self.pick_counts, "; ".join(parts) + self._why_none())

    def _show_precision(self) -> None:
        tell(self.precision, threshold_curves.precision_text(self.session.estimated_precision))

    def _why_none(self) -> str:
        """A sentence on why nothing is picked here; empty where something is."""
        session = self.session
        if session.current_candidates is None or session.picks is None or len(session.picks):
            return ""
        candidates, threshold = session.current_candidates, threshold_here.in_use(session)
        why = threshold_curves.why_none(candidates, threshold, session.std_range)
        return f". Here {why}." if why else ""

    def _show_distance(self) -> None:
        show_value(self.min_distance, self.session.distance_px())
