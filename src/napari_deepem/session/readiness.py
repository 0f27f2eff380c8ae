"""What to say before a training starts: what forbids it, and what would make it better."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial import KDTree

from napari_deepem.core.evaluation.metrics import MATCH_RADIUS_BOXES
from napari_deepem.core.types import FloatArray, Labels
from napari_deepem.session.state import Session

ENOUGH_PARTICLES = 20
FEWEST_HELD_OUT = 8  # of a single micrograph: with fewer nothing is held out, see core.examples
NETWORK_BOX_PX = (24, 512)  # that a network takes, see core.network, which would bring torch
AUTO_BOX_PX, MOST_BINNING = 40, 64  # see core.settings
CROWDED_BOXES, CROWDED_SHARE = 0.5, 0.3  # neighbours nearer than this, of the particles
FAR_OFF = 1.5  # times the suggested box


def binning_of(session: Session) -> int:
    """The binning that a training would use now; see `TrainingSettings.chosen_binning`."""
    if session.binning == "auto":
        return min(max(1, session.box_size_px // AUTO_BOX_PX), MOST_BINNING)
    return session.binning


def obstacle(session: Session) -> str:
    """Say in one line what training still needs; empty if nothing."""
    if missing := session.missing_for_training():
        return missing
    binning = binning_of(session)
    low, high = NETWORK_BOX_PX
    box_px = round(session.box_size_px / binning)
    if box_px < low:
        return (
            f"A box of {session.box_size_px} px, binned by {binning}, leaves {box_px} px: the "
            f"network needs {low}. Set binning to auto."
        )
    if box_px > high:
        return (
            f"A box of {session.box_size_px} px, binned by {binning}, leaves {box_px} px: the "
            f"network takes {high} at most. Set binning to auto."
        )
    return ""


def warnings(session: Session) -> list[str]:
    """Say in sentences what would make the next training better; it can start all the same."""
    lessons = [*session.annotated().values(), *session.reviewed().values()]
    if not lessons:
        return []
    return [
        *_on_numbers(session),
        *_on_places(lessons, session.box_size_px),
        *_on_box(session),
    ]


def _on_numbers(session: Session) -> Iterable[str]:
    counts: dict[str, int] = {}
    for labels in (session.annotated(), session.reviewed()):
        for name, each in labels.items():
            counts[name] = counts.get(name, 0) + len(each.positive_yx)
    with_particles = [name for name, count in counts.items() if count]
    total = sum(counts.values())
    if total and total < ENOUGH_PARTICLES:
        yield f"Only {_particles(total)} so far: {ENOUGH_PARTICLES} or more teach much better."
    if len(with_particles) != 1:
        return
    if total < FEWEST_HELD_OUT:
        yield (
            "Nothing can be held out of so few on one micrograph, so no threshold can be found: "
            "mark some on a second one."
        )
    else:
        yield (
            f"All are on {with_particles[0]}: its right-hand part is held out to find the "
            "threshold. Particles on a second micrograph tell more."
        )


def _on_places(lessons: Iterable[Labels], box_size_px: int) -> Iterable[str]:
    twice = both = crowded = total = 0
    for labels in lessons:
        nearest = _nearest(labels.positive_yx, labels.positive_yx, itself=True)
        twice += int((nearest <= MATCH_RADIUS_BOXES * box_size_px).sum()) // 2
        crowded += int((nearest <= CROWDED_BOXES * box_size_px).sum())
        wrong = _nearest(labels.negative_yx, labels.positive_yx)
        both += int((wrong <= MATCH_RADIUS_BOXES * box_size_px).sum())
        total += len(labels.positive_yx)
    if both:
        yield (
            f"{both} of the non-particles {'lies' if both == 1 else 'lie'} on a particle: erase "
            "one of the two."
        )
    if twice:
        yield f"{_particles(twice)} seem{'s' if twice == 1 else ''} to be marked twice."
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


def _nearest(centres_yx: FloatArray, others_yx: FloatArray, *, itself: bool = False) -> FloatArray:
    """(n,) distance from each centre to the nearest of the others; infinite where there is none."""
    if not len(centres_yx) or not len(others_yx):
        return np.full(len(centres_yx), np.inf)
    distances, _ = KDTree(others_yx).query(centres_yx, k=[2 if itself else 1])
    return np.asarray(distances)[:, 0]


def _particles(count: int) -> str:
    return f"{count} particle{'' if count == 1 else 's'}"
