"""The box that suits particles of which nobody has clicked one, proposed by the general network.

It has learnt particles that fill its box as they fill a user's. So it is surest of them where a
micrograph is sampled about as the right box would have it, and less sure on either side: it scores
boxes of many sizes. How sure it is of its best candidates rises steeply towards the right box.
Beyond it that falls off slowly, or, for small particles without much detail, hardly at all: so
something is taken off for each larger box, or the peak would lie anywhere there. It lies a little
beyond the right box even so: by about as much on all sets.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import scipy

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import BoxSizesTried, finish
from napari_deepem.core.network.devices import DeviceName
from napari_deepem.core.network.general import BOX_RANGE_PX, general_model, general_sampling
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.criteria import PickCriteria
from napari_deepem.core.picking.scoring import score_tiles
from napari_deepem.core.types import FloatArray, Micrograph, Picks

ENOUGH_MICROGRAPHS = 5  # more of a series make a proposal hardly surer
TIMES_LARGER = 1.25  # than the size before it is each that is tried; closer ones follow noise
SHARES = 1 / 60, 1 / 4  # of a micrograph's shorter side: the smallest and the largest box tried
MOST_PX = 384  # network pixels along a side: of small boxes the middle holds enough
PARTICLES_TO_A_BOX = 0.15  # for each box's area: so many of the best candidates count
LESSER = 1.0  # of a logit: peaks that lie this far below the highest are no choices
LARGER_COSTS = 0.5  # of a logit, taken off for each time that a box is e times larger
PEAK_TO_BOX = 1.2  # what is left peaks at so many times the box that users take
UNSURE = 1e-7  # from 0 or 1: scores nearer to them have no logits
CHOICES = 3
BESIDE = 5 / 4  # times smaller and larger than the likeliest: choices where there is one peak
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
        ranking = _ranking_on(middle, box_size_px, device)
        curve.strengths[box_size_px] = strength_of(ranking, middle.shape, box_size_px)
        curve.picks[box_size_px] = Picks(
            ranking.centres_yx[:MOST_SHOWN] + corner_yx, _scores_of(ranking)[:MOST_SHOWN]
        )
        yield BoxSizesTried(done, len(sizes))
    return curve


def strength_of(ranking: Picks, shape: tuple[int, int], box_size_px: int) -> float:
    """How sure the network is of the best picks of an image: the median of their logits.

    They are as many as there would be of particles that cover a part of it, see
    `PARTICLES_TO_A_BOX`.
    """
    count = max(1, round(PARTICLES_TO_A_BOX * shape[0] * shape[1] / box_size_px**2))
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

    peaks = _peaks_of(log_sizes, strengths - LARGER_COSTS * log_sizes)
    boxes = [float(np.clip(peak - offset, lowest, highest)) for peak in peaks]
    beside = [boxes[0] + steps * np.log(BESIDE) for steps in (-1, 1, -2, 2)]
    boxes += [log_box for log_box in beside if lowest <= log_box <= highest]
    return BoxProposal(tuple(choice(log_box) for log_box in boxes[:CHOICES]))


def _median_of(curves: Sequence[dict[int, float]]) -> tuple[list[int], FloatArray]:
    """The sizes of several curves, rising, and the median of the strengths at each.

    The curves are moved to the same height first: where each peaks is asked, not which is highest.
    """
    heights = [max(curve.values()) for curve in curves]
    sizes = sorted(set().union(*curves))
    below = [
        np.median([c[size] - top for c, top in zip(curves, heights, strict=True) if size in c])
        for size in sizes
    ]
    return sizes, np.array(below) + np.median(heights)


def _peaks_of(log_sizes: FloatArray, heights: FloatArray) -> list[float]:
    """The logarithms of the sizes where a curve peaks, the highest peak first.

    Between sizes a parabola through the three around a peak tells. The smallest and the largest
    size are no peaks, which may well lie beyond them, unless there is no other; nor are peaks far
    below the highest.
    """
    inner = range(1, len(heights) - 1)
    tops = [k for k in inner if heights[k - 1] < heights[k] >= heights[k + 1]]
    peaks = []
    for k in tops:
        square, slope, height = np.polyfit(
            log_sizes[k - 1 : k + 2] - log_sizes[k], heights[k - 1 : k + 2], 2
        )
        offset = -slope / (2 * square)
        peaks.append((float(height + slope * offset / 2), float(log_sizes[k] + offset)))
    if not peaks:
        k = int(np.argmax(heights))
        peaks.append((float(heights[k]), float(log_sizes[k])))
    peaks.sort(reverse=True)
    return [place for height, place in peaks if height > peaks[0][0] - LESSER]


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


def _ranking_on(micrograph: Micrograph, box_size_px: int, device: DeviceName) -> Picks:
    """The general network's picks of a micrograph with boxes of a size, whatever their scores."""
    model = general_model(box_size_px)
    score_map = finish(score_tiles(micrograph, model, device=device))
    return PickCriteria.of_model(model).of_ranking.picks_of(find_candidates(score_map))


def _scores_of(picks: Picks) -> FloatArray:
    assert picks.scores is not None
    return picks.scores
