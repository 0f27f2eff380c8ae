"""Labels that can be used, and what is to be said of them: one place for windows and commands.

What is wrong with a few labels is left out with a remark; what is wrong with many is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_deepem.core.geometry import (
    SAME_PARTICLE_BOXES,
    nearest_distances,
    neighbour_distances,
)
from napari_deepem.core.picking.cell_grid import are_near
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.training.dataset import FEWEST_TO_SPLIT, check_inside
from napari_deepem.core.types import FloatArray, Labels
from napari_deepem.core.wording import counted

FEW_OUTSIDE = 0.05  # of a micrograph's labels; more are in pixels of another image

ENOUGH_PARTICLES = 20
CROWDED_BOXES, CROWDED_SHARE = 0.5, 0.3  # neighbours nearer than this, of the particles
FAR_OFF = 1.5  # times the suggested box
SAME_PIXEL_SIZE = 1.02  # times another: calibrations of one microscope differ by that
FEW_FOUND = 0.5  # held-out recall: at this or below it something is wrong
FEW_RIGHT = 0.3  # held-out average precision, likewise; that of places drawn by chance is below 0.2
BINNED_REACH = 0.6  # of a micrograph: labels that reach no further may be those of a binned one


@dataclass(frozen=True, eq=False, slots=True)
class LabelledImage:
    """What is to be known of a micrograph to say something of its labels."""

    name: str
    labels: Labels  # as they were given
    shape: tuple[int, int] | None = None  # (height, width); None where it isn't known
    pixel_size: float | None = None  # A/px

    def inside(self) -> Labels:
        """The labels without the few that lie outside of the image.

        Raises
        ------
        InputError
            It is not a few, so that the others can't be trusted either.
        """
        if self.shape is None:
            return self.labels
        inside = self.labels.inside(self.shape)
        total = _count(self.labels)
        outside = total - _count(inside)
        if outside and (outside > max(1, FEW_OUTSIDE * total) or outside > total / 4):
            check_inside(self.name, self.shape, self.labels)
        return inside

    def usable(self, box_size_px: float) -> Labels:
        """The labels that lie inside, each particle once; InputError as for `inside`."""
        inside = self.inside()
        positive_yx = once(inside.positive_yx, box_size_px)
        if len(positive_yx) == len(inside.positive_yx):
            return inside
        return replace(inside, positive_yx=positive_yx)


def _count(labels: Labels) -> int:
    return len(labels.positive_yx) + len(labels.negative_yx) + len(labels.unsure_yx)


def label_advice(
    images: Sequence[LabelledImage], box_size_px: int, suggested_box_px: int | None = None
) -> list[str]:
    """The sentences on labels and box, those on what is left out first; empty if all is well.

    Raises
    ------
    InputError
        Labels that can't be used, see `LabelledImage.inside`.
    """
    usable = [replace(image, labels=image.usable(box_size_px)) for image in images]
    if not any(image.labels.can_teach for image in usable):
        return []
    return [
        *_on_left_out(images, usable),
        *_on_numbers(usable),
        *_on_places(usable, box_size_px),
        *_on_box(box_size_px, suggested_box_px),
        *_on_scale(usable),
    ]


def _on_left_out(images: Sequence[LabelledImage], usable: Sequence[LabelledImage]) -> Iterable[str]:
    inside = [image.inside() for image in images]
    total = sum(_count(image.labels) for image in images)
    yield from on_outside(total - sum(map(_count, inside)), total)
    repeated = sum(map(_count, inside)) - sum(_count(image.labels) for image in usable)
    yield from on_repeated(repeated)


def on_outside(count: int, total: int) -> Iterable[str]:
    """The sentence on labels that were left out because they lie outside."""
    if count:
        one = count == 1
        yield (
            f"{count} of {total} labels {'lies' if one else 'lie'} outside of "
            f"{'its micrograph and is' if one else 'their micrographs and are'} left out."
        )


def on_repeated(count: int) -> Iterable[str]:
    """The sentence on positions that were left out because they repeat another one."""
    if count:
        are, counts = ("is", "counts") if count == 1 else ("are", "count")
        yield f"{counted(count, 'particle')} {are} there twice and {counts} once."


def _on_numbers(usable: Iterable[LabelledImage]) -> Iterable[str]:
    counts: dict[str, int] = {}
    for image in usable:
        counts[image.name] = counts.get(image.name, 0) + len(image.labels.positive_yx)
    with_particles = [name for name, count in counts.items() if count]
    total = sum(counts.values())
    if total and total < ENOUGH_PARTICLES:
        number = counted(total, "particle")
        yield f"Only {number} so far: {ENOUGH_PARTICLES} or more teach much better."
    if len(with_particles) != 1:
        return
    if total < FEWEST_TO_SPLIT:
        yield (
            "Nothing can be held out of so few on one micrograph, so your labels do not set the "
            "threshold: mark some on a second one."
        )
    else:
        yield (
            f"All are on {with_particles[0]}: its right-hand part is held out to find the "
            "threshold. Particles on a second micrograph tell more."
        )


def _on_places(usable: Iterable[LabelledImage], box_size_px: int) -> Iterable[str]:
    twice = both = crowded = total = 0
    for labels in (image.labels for image in usable):
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


def _on_box(box_size_px: int, suggested: int | None) -> Iterable[str]:
    if suggested and not suggested / FAR_OFF <= box_size_px <= suggested * FAR_OFF:
        large = box_size_px > suggested
        yield (
            f"The box looks too {'large' if large else 'small'} for these particles: "
            f"{suggested} px would fit."
        )


def _on_scale(usable: Sequence[LabelledImage]) -> Iterable[str]:
    sizes = sorted(image.pixel_size for image in usable if image.pixel_size is not None)
    if sizes and sizes[-1] > SAME_PIXEL_SIZE * sizes[0]:
        yield (
            f"Pixel sizes differ, {sizes[0]:.4g} to {sizes[-1]:.4g} Å: particles have several "
            "sizes in pixels. Train on micrographs of one pixel size."
        )
    reaches = [
        (image.labels.positive_yx.max(axis=0) + 0.5) / image.shape
        for image in usable
        if image.shape is not None and len(image.labels.positive_yx)
    ]
    n_particles = sum(len(image.labels.positive_yx) for image in usable)
    reach = max((each.max() for each in reaches), default=1.0)
    if n_particles >= ENOUGH_PARTICLES and len(reaches) and reach <= BINNED_REACH:
        yield (
            f"No particle lies beyond {reach:.0%} of height or width: if their coordinates are "
            "those of a binned image, give them in pixels of these files."
        )


def on_reaches(picks_yx: Sequence[FloatArray], truth_yx: Sequence[FloatArray]) -> Iterable[str]:
    """The sentence on picks and truth that are not in pixels of the same images, as it seems."""
    if min(sum(map(len, picks_yx)), sum(map(len, truth_yx))) < ENOUGH_PARTICLES:
        return
    reach, true_reach = (
        max(float(each.max()) for each in centres_yx if len(each))
        for centres_yx in (picks_yx, truth_yx)
    )
    shorter, longer = sorted((reach, true_reach))
    if shorter < BINNED_REACH * longer:
        yield (
            f"Picks reach {reach:.0f} px, the truth {true_reach:.0f} px: give both in pixels of "
            "the same files, unbinned."
        )


def on_exchanged_axes(
    picks_yx: Sequence[FloatArray], truth_yx: Sequence[FloatArray], box_size_px: float
) -> Iterable[str]:
    """The sentence on picks whose x and y are exchanged, as it seems."""
    n_particles = sum(map(len, truth_yx))
    if n_particles < ENOUGH_PARTICLES:
        return

    def share_near(positions_yx: Iterable[FloatArray]) -> float:
        pairs = zip(truth_yx, positions_yx, strict=True)
        radius = SAME_PARTICLE_BOXES * box_size_px
        return sum(int(are_near(*pair, radius).sum()) for pair in pairs) / n_particles

    exchanged = share_near(each[:, ::-1] for each in picks_yx)
    if exchanged >= 0.5 and share_near(picks_yx) <= exchanged / 2:
        yield (
            f"With x and y exchanged, {exchanged:.0%} of the particles would have a pick: see "
            "whether one of the files has them in the other order."
        )


def model_advice(summary: Mapping[str, Any]) -> list[str]:
    """The sentences on a model whose picks of held-out micrographs, see `calibrating`, are bad."""
    recall, ap = summary.get("held_out_recall", 1.0), summary.get("held_out_ap", 1.0)
    if recall > FEW_FOUND and ap > FEW_RIGHT:
        return []
    reason = (
        f"Few of the held-out particles are found (recall {recall:.2f})"
        if recall <= FEW_FOUND
        else f"Few picks of held-out micrographs are right (average precision {ap:.2f})"
    )
    return [f"{reason}: are box and coordinates in pixels of these files, unbinned?"]
