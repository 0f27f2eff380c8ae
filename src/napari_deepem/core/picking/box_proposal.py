"""The box that suits particles of which nobody has clicked one, proposed by the general network.

It has learnt particles that fill its box as they fill a user's. So it is surest of them where a
micrograph is sampled about as the right box would have it, and less sure on either side: it scores
boxes of many sizes. How sure it is of its best candidates rises steeply towards the right box.
Beyond it that falls off slowly, or, for small particles without much detail, hardly at all: so
something is taken off for each larger box, or the peak would lie anywhere there. It lies beyond the
right box even so, and the end of the rise at it: further apart where the curve is flat, so the
middle of both is taken. That takes dozens of candidates: of
fewer, half are no particles where these are sparse, and larger boxes, of which less is asked, win.

What the best picks look like on average tells the box, too, see `average_picks`. It errs where the
other way does not, as that errs where particles are dense: the mean of both is proposed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import scipy

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import BoxSizesTried, finish
from napari_deepem.core.network.devices import DeviceName, chosen_device
from napari_deepem.core.network.general import (
    BOX_RANGE_PX,
    GENERAL_BOX_PX,
    general_model,
    general_sampling,
)
from napari_deepem.core.picking.average_picks import log_times_larger
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.curve_peaks import peaks_of, risen_before
from napari_deepem.core.picking.scoring import prepare_for, score_prepared
from napari_deepem.core.types import Float32Array, FloatArray, Micrograph, Picks

ENOUGH_MICROGRAPHS = 5  # more of a series make a proposal hardly surer
TIMES_LARGER = 1.25  # than the size before it is each that is tried; closer ones follow noise
SHARES = 1 / 60, 1 / 4  # of a micrograph's shorter side: the smallest and the largest box tried
MOST_PX = 768  # network pixels along a side: of small boxes the middle holds enough
ROTATIONS = 1  # of the network: looking at more particles is worth more than surer scores
PARTICLES_TO_A_BOX = 0.1  # for each box's area: so many of the best candidates count
LARGER_COSTS = 0.25  # of a logit, taken off for each time that a box is e times larger
PEAK_TO_BOX = 1.1  # the middle of that place and the peak lies at so many times a user's box
NEAR = 1.4  # times smaller and larger: the average picks with boxes so near one tell it better
TELLINGS = 2  # by the average picks: then what more of them would change is little
UNSURE = 1e-7  # from 0 or 1: scores nearer to them have no logits
CHOICES = 3
PEAKS = 2  # of these at most: other choices are near the likeliest, which may be somewhat off
BESIDE = 5 / 4  # times larger and smaller than the likeliest; too small is the commoner error
MOST_SHOWN = 24  # picks of a choice


@dataclass(frozen=True, eq=False, slots=True)
class BoxChoice:
    """A box that may be right, how sure the general network is of it, and what it picks there."""

    box_size_px: int  #: even, original pixels
    strength: float  #: median logit of the best candidates
    picks: Picks  #: the best ones, at about this box, of the first micrograph: to be looked at


@dataclass(frozen=True, eq=False, slots=True)
class BoxProposal:
    """Three boxes to choose from, the likeliest one first."""

    choices: tuple[BoxChoice, ...]

    @property
    def box_size_px(self) -> int:
        """The side of the likeliest box, original pixels."""
        return self.choices[0].box_size_px


@dataclass(frozen=True, eq=False, slots=True)
class StrengthCurve:
    """How sure the general network is of one micrograph, and its best picks, by size of box."""

    strengths: dict[int, float] = field(default_factory=dict)
    picks: dict[int, Picks] = field(default_factory=dict)
    #: the box that the average of its picks looks like: the logarithm of how much larger it is
    log_times_larger: dict[int, float] = field(default_factory=dict)


def propose_box(
    micrographs: Iterable[Micrograph],
    on_size: Callable[[BoxSizesTried], object] | None = None,
    *,
    device: DeviceName = "auto",
) -> BoxProposal:
    """The boxes that may suit the particles on micrographs, without a click, the likeliest first.

    Parameters
    ----------
    micrographs : iterable of Micrograph
        One is enough; of several, the first five tell together.
    on_size : callable, optional
        Is given a `BoxSizesTried` after each size.
    device : "auto", "cpu", "cuda" or "mps"
        What computes.

    Raises
    ------
    InputError
        Where there is no micrograph, or one that is constant or too small, or for a device that
        this machine does not have.

    Examples
    --------
    >>> from napari_deepem import propose_box, simulate_sample
    >>> (simulated,) = simulate_sample(1)
    >>> proposal = propose_box([simulated.micrograph])
    >>> proposal.box_size_px == proposal.choices[0].box_size_px, len(proposal.choices)
    (True, 3)
    """
    return finish(proposing_box(micrographs, device), on_size)


def proposing_box(
    micrographs: Iterable[Micrograph], device: DeviceName = "auto"
) -> Generator[BoxSizesTried, None, BoxProposal]:
    """A stream of `BoxSizesTried` that returns the `BoxProposal`: `propose_box` size by size."""
    curves = []
    for micrograph in islice(micrographs, ENOUGH_MICROGRAPHS):
        curves.append((yield from trying_box_sizes(micrograph, device)))
    return proposal_of(curves)


def trying_box_sizes(
    micrograph: Micrograph, device: DeviceName = "auto"
) -> Generator[BoxSizesTried, None, StrengthCurve]:
    """A stream of `BoxSizesTried` that returns the `StrengthCurve` of one micrograph.

    Large boxes come first, which are quick.
    """
    sizes, curve = _sizes_on(micrograph), StrengthCurve()
    for done, box_size_px in enumerate(reversed(sizes), start=1):
        middle, corner_yx = _middle_of(micrograph, box_size_px)
        prepared, ranking = ranking_on(middle, box_size_px, device)
        curve.strengths[box_size_px] = strength_of(ranking, prepared.shape, GENERAL_BOX_PX)
        curve.log_times_larger[box_size_px] = log_times_larger(
            prepared, ranking.centres_yx, GENERAL_BOX_PX
        )
        best_yx = general_sampling(box_size_px).to_original(ranking.centres_yx[:MOST_SHOWN])
        curve.picks[box_size_px] = Picks(best_yx + corner_yx, _scores_of(ranking)[:MOST_SHOWN])
        yield BoxSizesTried(done, len(sizes))
    return curve


def strength_of(ranking: Picks, shape: tuple[int, ...], box_px: int) -> float:
    """How sure the network is of the best picks of an image: the median of their logits.

    They are as many as there would be of particles that cover a part of it, see
    `PARTICLES_TO_A_BOX`.
    """
    count = max(1, round(PARTICLES_TO_A_BOX * shape[0] * shape[1] / box_px**2))
    best = np.zeros(count)
    scores = _scores_of(ranking)[:count]
    best[: len(scores)] = scores
    return float(np.median(scipy.special.logit(np.clip(best, UNSURE, 1 - UNSURE))))


def proposal_of(curves: Sequence[StrengthCurve]) -> BoxProposal:
    """The proposal of the micrographs with these curves; InputError if there is none."""
    if not curves:
        raise InputError("no micrograph to propose a box from: give one or more")
    sizes, strengths = _median_of([curve.strengths for curve in curves])
    log_sizes, shown = np.log(sizes), curves[0].picks
    lowest, highest = np.log(BOX_RANGE_PX)
    offset = np.log(PEAK_TO_BOX)

    def choice(log_box: float) -> BoxChoice:
        nearest = min(shown, key=lambda size: abs(np.log(size) - log_box))
        box_size_px = 2 * round(np.exp(log_box) / 2)
        strength = float(np.interp(log_box + offset, log_sizes, strengths))
        return BoxChoice(box_size_px, strength, replace(shown[nearest], box_size_px=box_size_px))

    peaks = peaks_of(log_sizes, strengths - LARGER_COSTS * log_sizes)
    larger = _medians_of([curve.log_times_larger for curve in curves])
    middles = [(peak + risen_before(peak, log_sizes, strengths)) / 2 - offset for peak in peaks]
    boxes = [float(np.clip(_told_better(box, larger), lowest, highest)) for box in middles]
    beside = [boxes[0] + steps * np.log(BESIDE) for steps in (1, -1, 2, -2)]
    boxes = [*boxes[:PEAKS], *(box for box in beside if lowest <= box <= highest)]
    return BoxProposal(tuple(choice(log_box) for log_box in boxes[:CHOICES]))


def _told_better(log_box: float, log_times_larger: Mapping[int, float]) -> float:
    """The logarithm of the mean of a box and the one that average picks near it look like."""
    mean = log_box
    for _ in range(TELLINGS):
        told = [
            np.log(size) + larger
            for size, larger in log_times_larger.items()
            if abs(np.log(size) - mean) < np.log(NEAR)
        ]
        mean = (log_box + float(np.mean(told or [log_box]))) / 2
    return mean


def _median_of(curves: Sequence[Mapping[int, float]]) -> tuple[list[int], FloatArray]:
    """The sizes of several curves, rising, and the median of the strengths at each.

    The curves are moved to the same height first: where each peaks is asked, not which is highest.
    """
    heights = [max(curve.values()) for curve in curves]
    below = _medians_of(
        [
            {size: strength - top for size, strength in curve.items()}
            for curve, top in zip(curves, heights, strict=True)
        ]
    )
    return list(below), np.array(list(below.values())) + np.median(heights)


def _medians_of(curves: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """The median of the values at each size that several curves have, sizes rising."""
    sizes = sorted(set().union(*curves))
    return {size: float(np.median([c[size] for c in curves if size in c])) for size in sizes}


def _sizes_on(micrograph: Micrograph) -> list[int]:
    """The boxes to try on a micrograph, rising: those of all micrographs that suit its sides."""
    smallest, largest = BOX_RANGE_PX
    steps = int(np.log(largest / smallest) / np.log(TIMES_LARGER))
    side = min(micrograph.shape)
    low, high = (share * side for share in SHARES)
    sizes = [round(smallest * TIMES_LARGER**step) for step in range(steps + 1)]
    fitting = [size for size in sizes if low <= size <= high]
    if not fitting:
        height, width = micrograph.shape
        raise InputError(
            f"{micrograph.name} ({width} x {height} px) is too small to propose a box from: give "
            "a larger micrograph, or the box"
        )
    return fitting


def _middle_of(micrograph: Micrograph, box_size_px: int) -> tuple[Micrograph, FloatArray]:
    """The middle of a micrograph, at most `MOST_PX` network pixels a side, and its first corner."""
    longest = round(MOST_PX * general_sampling(box_size_px).scale)
    corner = [max(0, (side - longest) // 2) for side in micrograph.shape]
    rows, cols = (slice(first, first + longest) for first in corner)
    return replace(micrograph, image=micrograph.image[rows, cols]), np.array(corner, dtype=float)


def ranking_on(
    micrograph: Micrograph, box_size_px: int, device: DeviceName
) -> tuple[Float32Array, Picks]:
    """A micrograph prepared for boxes of a size, and the general network's picks, whatever scores.

    In network pixels.
    """
    model, computes = general_model(box_size_px), chosen_device(device)
    prepared = prepare_for(micrograph, model).image
    scoring = score_prepared(prepared, model.network, device=computes, rotations=ROTATIONS)
    ranking = PickCriteria.of_model(model).of_ranking
    return prepared, ranking.picks_of(find_candidates(finish(scoring)))


def _scores_of(picks: Picks) -> FloatArray:
    assert picks.scores is not None
    return picks.scores
