"""Pick: score a micrograph, then move sliders until the picks look right."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import FloatRangeSlider, FloatSlider, FloatSpinBox, ProgressBar, PushButton

from napari_deepem.widgets.dock import (
    SLIDER_MARGIN,
    Dock,
    counted,
    form,
    holder,
    row,
    show_value,
    tell,
    text_line,
)
from napari_deepem.widgets.plots import ScoreHistogram

NOT_HELD_OUT = "No labels were held out: mark particles on a second micrograph."
HOW_SURE = (
    "Told from the scores, which held-out labels have shown how to read. What looks like a "
    "particle to the network and was not among the held-out labels counts as right."
)
NOT_SCORED = "Press Score: then threshold and ranges can be moved."


class Pick(Dock):
    """The dock of this name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.micrograph = self.micrograph_combo()
        self.score = PushButton(text="Score")
        self.score.changed.connect(self._score)
        self.score_all = PushButton(text="Score all")
        self.score_all.changed.connect(lambda: self.link.runs.score(list(self.session.micrographs)))
        self.cancel = PushButton(text="Cancel")
        self.cancel.changed.connect(self.link.runs.cancel_scoring)
        self.progress = ProgressBar(min=0, max=1, value=0)
        self.status = text_line("status")
        self.picked = text_line("picked")
        self.histogram = ScoreHistogram(self.link.viewer.theme, self._on_line)
        self.threshold = self.control("threshold", widget_type=FloatSlider, step=0.01)
        self.use_optimum = PushButton(text="Use F2 optimum")
        self.use_optimum.changed.connect(self._use_optimum)
        self.std_range = self.control(
            "std_range", widget_type=FloatRangeSlider, min=0.0, max=self._top(10.0), step=0.01
        )
        self.min_distance = self._distance_control()
        self.fill(
            [
                form(self.micrograph),
                row(self.score, self.score_all, self.cancel),
                self.progress,
                self.status,
                self.picked,
                holder(self.histogram.widget),
                self.use_optimum,
                form(self.threshold, self.std_range, self.min_distance),
            ]
        )

        events = self.session.events
        for signal in (events.micrographs, events.model, events.current, events.scored):
            self.follow(signal, self._show)
        for field in ("running", "message", "done", "total"):
            self.follow(self.session.scoring.events[field], self._show)
        for signal in (events.current, events.scored):
            self.follow(signal, self._show_candidates)
        self.follow(events.picks, self._show_count)
        self.follow(events.threshold, self.histogram.show_threshold)
        for signal in (events.min_distance_px, events.model, events.box_size_px):
            self.follow(signal, self._show_distance)
        self._show()
        self._show_candidates()
        self._show_distance()
        self.histogram.show_threshold(self.session.threshold)

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
        control.changed.connect(lambda value: setattr(self.session, "min_distance_px", value))
        return control

    def _score(self) -> None:
        if self.session.current is not None:
            self.link.stop_marking()
            self.link.runs.score([self.session.current])

    def _on_line(self, threshold: float) -> None:
        self.session.threshold = min(1.0, max(0.0, threshold))

    def _use_optimum(self) -> None:
        if self.session.f2_optimum is not None:
            self.session.threshold = self.session.f2_optimum

    def _show(self) -> None:
        session, activity = self.session, self.session.scoring
        missing = session.missing_for_scoring()
        done = session.current_scored is not None
        why = missing or ("Scoring is running." if activity.running else "")
        self.score.enabled = not why and not done
        self.score.tooltip = why or ("This micrograph is scored with this model." if done else "")
        self.score_all.enabled = not why and len(session.scored) < len(session.micrographs)
        self.score_all.tooltip = why or "Scores every micrograph that is not scored yet."
        self.cancel.enabled = activity.running
        self.progress.visible = activity.running
        self.progress.max = activity.total
        self.progress.value = activity.done
        tell(self.status, activity.message or missing or ("" if done else NOT_SCORED))
        optimum = session.f2_optimum
        self.use_optimum.enabled = optimum is not None
        self.use_optimum.text = (
            "Use F2 optimum" if optimum is None else f"Use F2 optimum ({optimum:.2f})"
        )
        self.use_optimum.tooltip = NOT_HELD_OUT if session.model and optimum is None else ""
        self.histogram.show_optimum(optimum)

    def _show_candidates(self) -> None:
        scored = self.session.current_scored
        for control in (self.threshold, self.std_range, self.min_distance):
            control.enabled = scored is not None
        self.histogram.widget.setVisible(scored is not None)
        self._show_count()
        if scored is None:
            return
        self.histogram.show_scores(scored.candidates.scores)
        with self.std_range.changed.blocked():
            self.std_range.max = self._top(*scored.candidates.stds)
        show_value(self.std_range, self.session.std_range)

    def _top(self, *stds: float) -> float:
        """Return where the std slider ends, so that it holds these and what is chosen."""
        return max(*stds, *self.session.std_range) * SLIDER_MARGIN

    def _show_count(self) -> None:
        scored, picks = self.session.current_scored, self.session.picks
        text, estimate = "", self.session.estimated_precision
        if scored is not None and picks is not None:
            text = f"{counted(len(picks), 'pick')} of "
            text += counted(len(scored.candidates), "candidate")
        if estimate is not None:
            text += f", about {estimate:.0%} right"
        tell(self.picked, text)
        self.picked.tooltip = "" if estimate is None else HOW_SURE

    def _show_distance(self) -> None:
        show_value(self.min_distance, self.session.distance_px())
