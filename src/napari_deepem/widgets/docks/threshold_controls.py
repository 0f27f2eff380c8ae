"""The threshold in the Pick dock: its plot, slider, and whether micrographs have their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, FloatSlider

from napari_deepem.session import Session, threshold_curves, threshold_here
from napari_deepem.session.parameters import Parameters
from napari_deepem.session.readiness import why_no_model, why_not_choose
from napari_deepem.widgets.docks.dock import (
    Dock,
    button,
    enable,
    form,
    holder,
    row,
    show_value,
    tell,
    text_line,
)
from napari_deepem.widgets.docks.typed_numbers import take_when_typed
from napari_deepem.widgets.plots.threshold_plots import COLORS, ScorePlot
from napari_deepem.widgets.plots.training_curves import shade

NOT_HELD_OUT = "No labels were held out: mark particles on a second micrograph."
NOT_TRAINED = "The general network has seen no labels of yours: train, with verdicts from Review."
STOPPED = "Training was stopped, and too few held-out labels were looked at then: train to the end."
LESS_BY = 0.01  # than the best F2 on held-out labels: then the threshold is not from there
OF_FEW = (
    "Sets the threshold that training chose. So few labels were held out that it is told by what "
    "the general network picks, too, and not by their F2 alone."
)
BEST_F2 = (
    "Sets the threshold at which F2, which counts recall four times, was best on held-out labels."
)
COMPLETE = "What picks at this threshold were worth on labels that training had not seen."
PARTIAL = (
    "What picks at this threshold were worth on labels that training had not seen. Not every "
    "particle was marked: so precision can't be counted, and F2 is estimated, from ten labels on."
)
OWN = "Only for this micrograph"
WHAT_OWN_DOES = (
    "Gives this micrograph a threshold of its own, which the slider then moves; that of the others "
    "stays. Turned off, the common one holds here again. Picks are shown and saved so; a new model "
    "ends it."
)


class ThresholdControls:
    """The plot of scores, the slider and the switches by which a threshold is chosen."""

    def __init__(self, dock: Dock) -> None:
        self._dock, self._session = dock, dock.session
        info = Parameters.model_fields["threshold"]
        self._help = str(info.description)
        self.plot = ScorePlot(self._on_line)
        self.held_out = text_line("held_out")
        self.slider = FloatSlider(name="threshold", label=info.title, min=0.0, max=1.0, step=0.01)
        take_when_typed(self.slider, 0.0, 1.0)
        self.slider.changed.connect(partial(threshold_here.choose, self._session))
        self.use_optimum = button("Use F2 optimum", self._use_optimum)
        self.adaptive: CheckBox = dock.control("adaptive_threshold")
        self.adaptive.text, self.adaptive.label = self.adaptive.label, ""
        self.own = CheckBox(name="own_threshold", text=OWN, tooltip=WHAT_OWN_DOES)
        self.own.changed.connect(partial(threshold_here.give_own, self._session))
        self.here = text_line("threshold_here")
        events = self._session.events
        for signal in (events.threshold, events.own_thresholds):
            dock.follow_seen(signal, self.show_threshold)
        for name in ("model", "models_to_come", "adaptive_threshold", "own_thresholds"):
            dock.follow_seen(events[name], self.show_model)
        for signal in (events.current, events.candidates, events.models_to_come):
            dock.follow_seen(signal, self.show_candidates)
        for signal in (events.std_range, events.min_distance_px):
            dock.follow_seen(signal, self._show_adapted)
        dock.follow_theme(self.plot.show_theme, lambda _: self.show_threshold())
        self.show_model()
        self.show_candidates()

    @property
    def widgets(self) -> Sequence[Any]:
        """The widgets, from top to bottom."""
        return (
            holder(self.plot.widget),
            self.held_out,
            self.use_optimum,
            form(self.slider),
            row(self.adaptive, self.own),
            self.here,
        )

    def show_model(self) -> None:
        """Show what is known of the model: its curves and optimum, whether thresholds can adapt."""
        session = self._session
        optimum = session.f2_optimum
        thresholds, curves = threshold_curves.held_out_curves(session)
        text, effect = "Use F2 optimum", BEST_F2
        if optimum is not None:
            f2s = curves.get("F2")
            f2 = 0.0 if f2s is None else float(np.interp(optimum, thresholds, f2s))
            if curves and (f2s is None or f2 < f2s.max() - LESS_BY):
                text, effect = "Use model's threshold", OF_FEW
            text += f" ({optimum:.2f}"
            name = threshold_curves.shown_name("F2", curves)
            text += ")" if f2s is None else f": {name} {f2:.2f})"
        self.use_optimum.text = text
        unknown = why_no_model(session) or (_why_unknown(session) if optimum is None else "")
        enable(self.use_optimum, unknown, effect)
        help_text = str(Parameters.model_fields["adaptive_threshold"].description)
        enable(self.adaptive, threshold_here.why_not_adapt(session), help_text)
        self._show_curves()
        self.show_threshold()

    def show_candidates(self) -> None:
        """Show the scores of the current micrograph, if it has any."""
        candidates = self._session.current_candidates
        enable(self.slider, why_not_choose(self._session), self._help)
        self.adaptive.visible = self.own.visible = candidates is not None
        self.plot.widget.setVisible(candidates is not None)
        if candidates is not None:
            self.plot.show_scores(candidates.scores)
        self._show_curves()
        self.show_threshold()

    def show_threshold(self) -> None:
        """Show the threshold that is chosen, the one that is in use here, and its figures."""
        session = self._session
        chosen = threshold_here.chosen(session)
        show_value(self.slider, chosen)
        show_value(self.own, threshold_here.has_own(session))
        self.plot.show_threshold(threshold_here.in_use(session))
        tell(self.here, threshold_here.remark(session))
        thresholds, curves = threshold_curves.held_out_curves(session)
        figures = [
            f'<span style="color: {shade(self._dock.link.viewer.theme, COLORS[name])}">'
            f"{threshold_curves.shown_name(name, curves)} "
            f"{np.interp(chosen, thresholds, curve):.2f}</span>"
            for name, curve in curves.items()
        ]
        is_scored = session.current_candidates is not None
        tell(self.held_out, "Held out: " + ", ".join(figures) if is_scored and curves else "")
        self.held_out.tooltip = PARTIAL if "precision" not in curves else COMPLETE

    def _show_adapted(self) -> None:
        """Show what an adaptive threshold has come to, now that it sees other candidates."""
        if self._session.criteria.mixture is not None:
            self._show_curves()
            self.show_threshold()

    def _show_curves(self) -> None:
        """Show the curves and the optimum over the scores to which they belong here."""
        session, by = self._session, threshold_here.shift(self._session)
        thresholds, curves = threshold_curves.held_out_curves(session)
        self.plot.show_curves(threshold_here.moved(thresholds, by), curves)
        optimum = session.f2_optimum
        self.plot.show_optimum(None if optimum is None else threshold_here.moved(optimum, by))

    def _on_line(self, threshold: float) -> None:
        threshold_here.choose_in_use(self._session, min(1.0, max(0.0, threshold)))

    def _use_optimum(self) -> None:
        if self._session.f2_optimum is not None:
            threshold_here.choose(self._session, self._session.f2_optimum)


def _why_unknown(session: Session) -> str:
    """Why a model does not know at which threshold F2 was best."""
    if session.proposes:
        return NOT_TRAINED
    return STOPPED if session.model.summary.get("held_out") else NOT_HELD_OUT
