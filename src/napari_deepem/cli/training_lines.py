"""What every command that trains shows: what it reads, each epoch, and the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from napari_deepem.core.jobs import EpochDone
from napari_deepem.core.wording import counted, listed

if TYPE_CHECKING:
    from napari_deepem.batch.train import LabelledFiles
    from napari_deepem.core.network.model import Model


def show_labelled(files: LabelledFiles, console: Console) -> None:
    """Print how many labels there are, which micrographs have none, and advice on the labels."""
    text = f"{counted(files.n_particles, 'particle')} on {counted(len(files.paths), 'micrograph')}"
    if files.without_labels:
        text += f"; left out, no coordinates: {listed(files.without_labels)}"
    console.print("\n".join([text, *files.advice]), markup=False)


def show_epoch(epoch: EpochDone, progress: Progress, what: str = "training") -> None:
    """Move the bar on by an epoch; print its figures where there is no bar."""
    figures = _epoch_figures(epoch)
    progress.update(
        progress.task_ids[0],
        description=what,
        completed=epoch.epoch,
        total=epoch.epochs,
        figures=figures,
    )
    if not progress.console.is_terminal:
        progress.console.print(f"epoch {epoch.epoch}/{epoch.epochs}  {figures}", markup=False)


def _epoch_figures(epoch: EpochDone) -> str:
    text = f"loss {epoch.loss:.4f}"
    if epoch.held_out_loss is not None and epoch.held_out_ap is not None:
        text += f"  held-out boxes: loss {epoch.held_out_loss:.4f}, AP {epoch.held_out_ap:.3f}"
    if epoch.picking_ap is not None:
        least = "" if epoch.labels_complete else "at least "
        text += f"  picking: AP {least}{epoch.picking_ap:.3f}"
    return text


def describe_model(model: Model, path: Path) -> str:
    """The lines on a model that was written: its parameters, and its held-out figures."""
    from napari_deepem.core.training.starts import started_from

    low, high = model.std_range
    text = (
        f"wrote {path}: box {model.box_size_px} px, binned {model.binning:.4g}x to "
        f"{model.box_px} px, threshold {model.threshold:.3f}, std {low:.2f} to {high:.2f}"
    )
    summary = model.summary
    started = started_from(summary)
    if started:
        text += f"\ntrained from {started}"
    if "refined" in summary:
        text += "\nround {round}: {accepted} accepted, {rejected} rejected on {n}".format(
            n=counted(summary["refined"]["micrographs"], "micrograph"), **summary["refined"]
        )
    if summary["held_out"]:
        return text + _held_out_figures(model)
    threshold = "a guess" if started in ("", "chance") else f"that of {started}"
    return text + (
        f"\nno labels could be held out, so the threshold is {threshold}: label a second micrograph"
    )


def _held_out_figures(model: Model) -> str:
    from napari_deepem.core.geometry import SAME_PARTICLE_BOXES
    from napari_deepem.core.training.label_advice import model_advice

    summary = model.summary
    names = [field["micrograph"] for field in summary["held_out"]]
    trained_on = {field["micrograph"] for field in summary["trained_on"]}
    part = "the right-hand part of " if trained_on & set(names) else ""
    text = f"\nheld out: {part}{listed(names)}: recall {summary['held_out_recall']:.3f}"
    if "estimated_precision" in summary:
        text += f", estimated precision {summary['estimated_precision']:.2f}"
    elif "precision_withheld" in summary:
        text += f", estimated precision withheld: {summary['precision_withheld']}"
    if summary["labels_complete"]:
        text += f", average precision {summary['held_out_ap']:.3f}, F2 {summary['held_out_f2']:.3f}"
    text += f", matched within {SAME_PARTICLE_BOXES * model.box_size_px:g} px"
    return "\n".join([text, *(f"warning: {line}" for line in model_advice(summary))])
