"""The rounds of training of a session, by which one sees that it gets better.

A `Round` holds plain values only: `dataclasses.asdict` makes JSON of it, `round_from` brings it
back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from napari_deepem.core.network.model import Model
from napari_deepem.core.wording import counted

# by labels alone; again, see `core.training.refinement`; loaded from a file
RoundStart = Literal["new", "anew", "weights", "file"]


@dataclass(frozen=True, slots=True)
class Round:
    """One training, in numbers that can be compared with those before."""

    number: int  # counted from 1
    start: RoundStart
    particles: int  # that it learnt from or held out
    negatives: int  # labelled ones, rejected picks among them
    micrographs: int
    epochs: int
    ap: float | None  # average precision at telling held-out particles from background
    on_border: int = 0  # more particles, too near to those held out to be trained on, or held out
    ap_before: float | None = None  # what the model before gets on the same boxes, where comparable


def round_from(values: Mapping[str, Any]) -> Round:
    """The round that these values were kept of; what a later version kept besides is left out."""
    known = {field.name for field in fields(Round)}
    return Round(**{name: value for name, value in values.items() if name in known})


def round_of(model: Model, start: RoundStart, number: int) -> Round:
    """The round of training that gave a model."""
    summary = model.summary
    parts = [*summary.get("trained_on", ()), *summary.get("held_out", ())]
    curve = summary.get("curve", ())
    particles = sum(part["particles"] for part in parts)
    return Round(
        number=number,
        start=start,
        particles=particles,
        on_border=max(0, summary.get("labelled", particles) - particles),
        negatives=sum(part["negatives"] for part in parts),
        micrographs=len({part["micrograph"] for part in parts}),
        epochs=len(curve),
        ap=ap_of_boxes(summary),
        ap_before=summary.get("ap_before"),
    )


def began_here(rounds: Sequence[Round]) -> bool:
    """Whether the last model was first trained in these rounds, and not loaded from a file."""
    firsts = [each.start for each in rounds if each.start in ("new", "file")]
    return firsts[-1:] == ["new"]


def ap_of_boxes(summary: Mapping[str, Any]) -> float | None:
    """The average precision of the network that was kept at telling held-out boxes apart.

    That is not always the one of an epoch, whose figures the curve has: see `few_labels`.
    """
    curve = summary.get("curve", ())
    kept = summary.get("stopped", {}).get("kept_epoch", len(curve))
    of_epoch = curve[kept - 1].get("held_out_ap") if curve else None
    ap: float | None = summary.get("ap_kept", of_epoch)
    return ap


def gain_of(round_: Round) -> str:
    """A sentence on what a round was trained with, and what it gave."""
    of = f"{round_.particles} of " if round_.on_border else ""
    particles = of + counted(round_.particles + round_.on_border, "particle")
    text = f"Round {round_.number}: {particles}, {counted(round_.negatives, 'non-particle')}"
    if round_.ap is not None:
        text += f"; AP of held-out boxes {round_.ap:.3f}"
    if round_.ap_before is not None:
        text += f", the model before has {round_.ap_before:.3f} on the same"
    return text
