"""Lines on a training that runs or ran, and on the model that it gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_deepem.core.wording import counted
from napari_deepem.session.training_advice import start_of
from napari_deepem.session.training_rounds import ap_of_boxes
from napari_deepem.widgets.plots.training_curves import best_of


def numbers_of(history: Sequence[Any]) -> str:
    """The loss and held-out figures, if any, of the last epoch, and the best epoch, in a line."""
    if not history:
        return ""
    last, best = history[-1], best_of(history)
    text = f"loss {last.loss:.3f}"
    for picking in [done for done in history if done.picking_ap is not None][-1:]:
        text += f"; picking: AP {'' if picking.labels_complete else 'at least '}"
        text += f"{picking.picking_ap:.3f} after epoch {picking.epoch}"
    if best is not None:
        text += f"; held-out boxes: loss {last.held_out_loss:.3f}, AP {last.held_out_ap:.3f}"
        text += f" (best {best.held_out_ap:.3f} in epoch {best.epoch})"
    return text


def summary_of(model: Any) -> str:
    """A model in one line: its settings, and what its training came to; empty without one."""
    if model is None:
        return ""
    side = round(model.box_size_px / model.binning)
    parts = [f"Model: {model.recipe}, box {model.box_size_px} px, seen in {side} x {side} px"]
    summary = model.summary
    if start := start_of(model):
        parts.append(f"from {start}")
    if "curve" in summary:
        parts.append(counted(len(summary["curve"]), "epoch"))
    if "ap_kept" in summary:  # see `core.training.few_labels`; the curves are of what was learnt
        parts.append("weights between that and what was learnt")
    if "held_out_recall" in summary:
        parts.append(f"finds {summary['held_out_recall']:.0%} of held-out particles")
    if (ap := ap_of_boxes(summary)) is not None:
        parts.append(f"AP of held-out boxes {ap:.3f}")
    if "held_out_ap" in summary:
        parts.append(f"AP of picking {summary['held_out_ap']:.3f}")
    kind = "F2 threshold" if "held_out_recall" in summary else "threshold"
    n_labels = summary.get("stopped", {}).get("n_labels")
    by_few = f" by {counted(n_labels, 'labelled particle')} (stopped)" if n_labels else ""
    parts.append(f"{kind} {model.threshold:.2f}{by_few}")
    if "estimated_precision" in summary:
        parts.append(f"about {summary['estimated_precision']:.0%} of picks right there")
    return ", ".join(parts)
