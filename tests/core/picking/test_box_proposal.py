"""The box that the general network proposes without a click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import BoxSizesTried, finish
from napari_deepem.core.network.general import general_model
from napari_deepem.core.picking import box_proposal
from napari_deepem.core.picking.box_proposal import (
    LARGER_COSTS,
    PEAK_TO_BOX,
    StrengthCurve,
    proposal_of,
    propose_box,
    proposing_box,
    strength_of,
    trying_box_sizes,
)
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.curve_peaks import RISEN
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.simulation import SAMPLE_BOX_PX
from napari_deepem.core.types import Micrograph, Picks
from simulated import simulated_micrograph

SIZES = [round(40 * 1.2**k) for k in range(12)]  # 40 to 297 px
BETWEEN = 0.04  # of a box: curves are not known better between these sizes


def curve_of(strength: Callable[[float], float]) -> StrengthCurve:
    """A curve by the strength at each size; the picks at a size have it as their row."""
    picks = {size: Picks(np.array([[size, 0.0]]), np.array([0.9]), size) for size in SIZES}
    return StrengthCurve({size: strength(size) for size in SIZES}, picks)


def parabola(middle_px: float, height: float) -> Callable[[float], float]:
    """A curve that rises by 1 to a peak, once what larger boxes cost is taken off it, and falls.

    The middle between the peak and where the curve has risen to it is at a size.
    """
    peak_px = middle_px * np.exp(np.sqrt((1 - RISEN) / 8) / 2)
    return lambda size: height + cost(size) - min(1.0, 8 * np.log(size / peak_px) ** 2)


def cost(size: float) -> float:
    """What is taken off for a larger box than that of 100 px."""
    return LARGER_COSTS * float(np.log(size / 100))


@pytest.fixture(scope="module")
def of_sample() -> tuple[StrengthCurve, list[BoxSizesTried]]:
    """The curve of a micrograph of the sample, and the progress that was told.

    Less of it is looked at than usual, to be quick.
    """
    progress: list[BoxSizesTried] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(box_proposal, "MOST_PX", 384)
        curve = finish(trying_box_sizes(simulated_micrograph().micrograph), progress.append)
    return curve, progress


def test_box_of_the_sample_is_proposed_without_a_click(
    of_sample: tuple[StrengthCurve, list[BoxSizesTried]],
) -> None:
    proposal = proposal_of([of_sample[0]])
    assert proposal.box_size_px == pytest.approx(SAMPLE_BOX_PX, rel=0.25)
    best = proposal.choices[0].picks
    distances = np.linalg.norm(
        best.centres_yx[:, None] - simulated_micrograph().truth_yx[None], axis=2
    )
    assert len(best) > 10
    assert (distances.min(axis=1) < SAMPLE_BOX_PX / 4).mean() > 0.5


def test_sizes_rise_from_a_sixtieth_to_a_quarter_of_the_side(
    of_sample: tuple[StrengthCurve, list[BoxSizesTried]],
) -> None:
    curve, progress = of_sample
    tried = list(curve.strengths)
    assert tried == sorted(tried, reverse=True)  # the quick ones first
    assert 1024 / 4 / 1.3 < tried[0] <= 1024 / 4
    assert 1024 / 60 <= tried[-1] < 1024 / 60 * 1.3
    assert progress == [BoxSizesTried(k + 1, len(tried)) for k in range(len(tried))]


def test_picks_of_the_middle_lie_where_they_do_on_the_whole_micrograph(
    of_sample: tuple[StrengthCurve, list[BoxSizesTried]],
) -> None:
    size = min(of_sample[0].picks, key=lambda size: abs(size - 90))
    picks = of_sample[0].picks[size]
    assert np.ptp(picks.centres_yx, axis=0).max() < 384 * size / 44  # no more was looked at
    whole = find_candidates(score(simulated_micrograph().micrograph, general_model(size)))
    apart = np.linalg.norm(picks.centres_yx[:, None] - whole.centres_yx[None], axis=2)
    near = apart.min(axis=1) < 5  # the grid of boxes begins elsewhere; of any places 0.14 are
    assert near.mean() > 0.7


@pytest.mark.parametrize("box_px", [60.0, 88.0, 141.5, 190.0])
def test_likeliest_box_is_a_little_below_the_peak_between_sizes(box_px: float) -> None:
    curve = curve_of(parabola(PEAK_TO_BOX * box_px, 2.0))
    choice = proposal_of([curve]).choices[0]
    assert choice.box_size_px == pytest.approx(box_px, rel=BETWEEN)
    assert choice.box_size_px % 2 == 0
    between = np.interp(PEAK_TO_BOX * box_px, SIZES, list(curve.strengths.values()))
    assert choice.strength == pytest.approx(between, abs=0.05)  # it rises by 0.04 in `BETWEEN`
    (row,) = choice.picks.centres_yx[:, 0]
    assert row == min(SIZES, key=lambda size: abs(np.log(size / choice.box_size_px)))
    assert choice.picks.box_size_px == choice.box_size_px


def test_likeliest_box_lies_between_the_peak_and_what_average_picks_look_like() -> None:
    peaked = curve_of(parabola(PEAK_TO_BOX * 100, 2.0))
    curve = replace(peaked, log_times_larger={size: float(np.log(121 / size)) for size in SIZES})
    assert proposal_of([curve]).box_size_px == pytest.approx(110, rel=BETWEEN)


def test_average_picks_far_from_the_peak_tell_nothing() -> None:
    peaked = curve_of(parabola(PEAK_TO_BOX * 100, 2.0))
    curve = replace(peaked, log_times_larger={40: 9.0, 297: -9.0})
    assert proposal_of([curve]).box_size_px == pytest.approx(100, rel=BETWEEN)


def test_other_peak_is_the_next_choice_and_then_what_is_beside_the_likeliest() -> None:
    low, high = parabola(PEAK_TO_BOX * 54, 2.5), parabola(PEAK_TO_BOX * 180, 3.0)
    proposal = proposal_of([curve_of(lambda size: max(low(size), high(size)))])
    assert [choice.box_size_px for choice in proposal.choices] == pytest.approx(
        [180, 54, 225], rel=BETWEEN
    )


@pytest.mark.parametrize("lesser", [-9.0, 1.9])
def test_boxes_a_quarter_larger_and_smaller_are_choices_beside_a_single_high_peak(
    lesser: float,
) -> None:
    low, high = parabola(54, lesser), parabola(PEAK_TO_BOX * 104, 3.0)
    proposal = proposal_of([curve_of(lambda size: max(low(size), high(size)))])
    assert [choice.box_size_px for choice in proposal.choices] == pytest.approx(
        [104, 130, 83], rel=BETWEEN
    )


def test_no_choice_is_smaller_than_what_the_network_takes() -> None:
    picks = {size: Picks(np.empty((0, 2)), np.empty(0), size) for size in (12, 14, 17)}
    proposal = proposal_of([StrengthCurve({12: 2.0, 14: 1.0, 17: 0.5}, picks)])
    assert [choice.box_size_px for choice in proposal.choices] == [12, 16, 18]


def test_curve_that_rises_to_its_end_has_a_box_near_it() -> None:
    box_px = proposal_of([curve_of(np.log)]).box_size_px
    assert 0.8 * SIZES[-1] < box_px * PEAK_TO_BOX <= SIZES[-1]


def test_plateau_that_rises_less_than_larger_boxes_cost_has_its_beginning() -> None:
    def strength(size: float) -> float:
        above = np.log(size / SIZES[5])
        return float(9 * above if above < 0 else 0.6 * LARGER_COSTS * above)

    box_px = proposal_of([curve_of(strength)]).box_size_px
    assert SIZES[4] < box_px * PEAK_TO_BOX < SIZES[6]


def test_median_of_several_micrographs_decides() -> None:
    odd_one = curve_of(parabola(60, 9.0))
    others = [curve_of(parabola(PEAK_TO_BOX * 150, height)) for height in (2.0, 1.0)]
    assert proposal_of([odd_one, *others]).box_size_px == pytest.approx(150, rel=BETWEEN)


def test_strength_is_the_median_logit_of_as_many_picks_as_cover_a_part() -> None:
    scores = 1 / (1 + np.exp(-np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])))
    picks = Picks(np.zeros((6, 2)), scores, 10)
    assert strength_of(picks, (100, 30), 10) == pytest.approx(4)  # 0.1 of 30 boxes: three
    assert strength_of(picks, (10, 10), 10) == pytest.approx(5)  # one at least
    assert strength_of(picks, (1000, 30), 10) < -10  # 30 wanted, most of which are not there


def test_proposing_can_be_stopped() -> None:
    job = proposing_box([simulated_micrograph().micrograph])
    assert next(job).done == 1
    job.close()


def test_micrographs_that_no_box_can_be_proposed_from() -> None:
    with pytest.raises(InputError, match="no micrograph to propose a box from"):
        propose_box([])
    rng = np.random.default_rng(0)
    small = Micrograph(rng.normal(size=(40, 300)), name="small")
    with pytest.raises(InputError, match=r"small \(300 x 40 px\) is too small"):
        propose_box([small])
    with pytest.raises(InputError, match="every pixel has the same value"):
        propose_box([Micrograph(np.ones((300, 300)), name="flat")])
