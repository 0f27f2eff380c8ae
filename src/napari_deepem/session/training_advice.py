"""Advice on what would make the next training better; it can start all the same."""

from __future__ import annotations

from collections.abc import Iterable

from napari_deepem.core.geometry import (
    SAME_PARTICLE_BOXES,
    nearest_distances,
    neighbour_distances,
)
from napari_deepem.core.training.dataset import FEWEST_TO_SPLIT
from napari_deepem.core.types import Labels
from napari_deepem.core.wording import counted
from napari_deepem.session.state import Session

ENOUGH_PARTICLES = 20
CROWDED_BOXES, CROWDED_SHARE = 0.5, 0.3  # neighbours nearer than this, of the particles
FAR_OFF = 1.5  # times the suggested box


def training_advice(session: Session) -> list[str]:
    """The sentences of advice on the labels and the box; empty if there is none to give."""
    labels_and_verdicts = [*session.labelled().values(), *session.with_verdicts().values()]
    if not labels_and_verdicts:
        return []
    return [
        *_on_numbers(session),
        *_on_places(labels_and_verdicts, session.box_size_px),
        *_on_box(session),
    ]


def _on_numbers(session: Session) -> Iterable[str]:
    counts: dict[str, int] = {}
    for labels in (session.labelled(), session.with_verdicts()):
        for name, each in labels.items():
            counts[name] = counts.get(name, 0) + len(each.positive_yx)
    with_particles = [name for name, count in counts.items() if count]
    total = sum(counts.values())
    if total and total < ENOUGH_PARTICLES:
        number = counted(total, "particle")
        yield f"Only {number} so far: {ENOUGH_PARTICLES} or more teach much better."
    if len(with_particles) != 1:
        return
    if total < FEWEST_TO_SPLIT:
        yield (
            "Nothing can be held out of so few on one micrograph, so no threshold can be found: "
            "mark some on a second one."
        )
    else:
        yield (
            f"All are on {with_particles[0]}: its right-hand part is held out to find the "
            "threshold. Particles on a second micrograph tell more."
        )


def _on_places(labels_and_verdicts: Iterable[Labels], box_size_px: int) -> Iterable[str]:
    twice = both = crowded = total = 0
    for labels in labels_and_verdicts:
        nearest = neighbour_distances(labels.positive_yx)
        twice += int((nearest <= SAME_PARTICLE_BOXES * box_size_px).sum()) // 2
        crowded += int((nearest <= CROWDED_BOXES * box_size_px).sum())
        wrong = nearest_distances(labels.negative_yx, labels.positive_yx)
        both += int((wrong <= SAME_PARTICLE_BOXES * box_size_px).sum())
        total += len(labels.positive_yx)
    if both:
        yield (
            f"{both} of the non-particles {'lies' if both == 1 else 'lie'} on a particle: erase "
            "one of the two."
        )
    if twice:
        yield f"{counted(twice, 'particle')} seem{'s' if twice == 1 else ''} to be marked twice."
    elif crowded > CROWDED_SHARE * total:
        yield (
            f"{crowded} of {total} particles lie less than half a box from the next one: the "
            "box may be too large."
        )


def _on_box(session: Session) -> Iterable[str]:
    suggested = session.suggested_box_px
    if suggested and not suggested / FAR_OFF <= session.box_size_px <= suggested * FAR_OFF:
        large = session.box_size_px > suggested
        yield (
            f"The box looks too {'large' if large else 'small'} for what was clicked: "
            f"{suggested} px would fit."
        )
