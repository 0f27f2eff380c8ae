from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.evaluation.verdicts import join, labels_of_verdicts
from napari_deepem.core.network.model import LabelledMicrograph
from napari_deepem.core.types import Labels, Picks

BOX_PX = 40  # a position speaks for picks within 10 px
PICKS = Picks(np.array([[20.0, 30.0], [60.0, 30.0], [60.0, 90.0]]))
FIRST, SECOND, THIRD = PICKS.centres_yx


def assert_labels(labels: Labels, positive: list, negative: list, unsure: list) -> None:
    for found, expected in (
        (labels.positive_yx, positive),
        (labels.negative_yx, negative),
        (labels.unsure_yx, unsure),
    ):
        np.testing.assert_array_equal(found, np.reshape(expected, (-1, 2)))


def test_picks_that_are_not_rejected_are_accepted() -> None:
    labels = labels_of_verdicts(PICKS, None, Picks(PICKS.centres_yx[1:2]), box_size_px=BOX_PX)
    assert_labels(labels, [FIRST, THIRD], [SECOND], [])


def test_picks_that_are_not_accepted_are_rejected() -> None:
    labels = labels_of_verdicts(PICKS, Picks(PICKS.centres_yx[1:2]), None, box_size_px=BOX_PX)
    assert_labels(labels, [SECOND], [FIRST, THIRD], [])


def test_picks_that_are_neither_accepted_nor_rejected_stay_unsure() -> None:
    labels = labels_of_verdicts(PICKS, FIRST, SECOND, box_size_px=BOX_PX)
    assert_labels(labels, [FIRST], [SECOND], [THIRD])


def test_nothing_rejected_accepts_every_pick() -> None:
    labels = labels_of_verdicts(PICKS, None, np.empty((0, 2)), box_size_px=BOX_PX)
    assert_labels(labels, [FIRST, SECOND, THIRD], [], [])


def test_positions_without_a_pick_are_labels_too() -> None:
    missed, dirt = (90.0, 10.0), (5.0, 95.0)
    labels = labels_of_verdicts(PICKS, [FIRST, missed], [SECOND, dirt], box_size_px=BOX_PX)
    assert_labels(labels, [FIRST, missed], [SECOND, dirt], [THIRD])
    assert_labels(labels_of_verdicts(None, [missed], None, box_size_px=BOX_PX), [missed], [], [])


@pytest.mark.parametrize(("shift", "speaks"), [(9.9, True), (10.1, False)])
def test_position_speaks_for_the_picks_within_a_quarter_of_the_box(
    shift: float, speaks: bool
) -> None:
    moved = FIRST + np.array([0.0, shift])
    labels = labels_of_verdicts(PICKS, moved, SECOND, box_size_px=BOX_PX)
    assert_labels(labels, [moved], [SECOND], [THIRD] if speaks else [FIRST, THIRD])


def test_position_can_not_be_both_accepted_and_rejected() -> None:
    with pytest.raises(
        InputError, match=r"1 of 2 positions accepted are rejected too.* x = 30, y = 60:"
    ):
        labels_of_verdicts(PICKS, [FIRST, SECOND], SECOND + 0.5, box_size_px=BOX_PX)


def test_particle_beside_a_badly_centred_pick_may_be_accepted_while_the_pick_is_rejected() -> None:
    centre = FIRST + np.array([0.0, 5.0])
    labels = labels_of_verdicts(PICKS, [centre], [FIRST], box_size_px=BOX_PX)
    assert_labels(labels, [centre], [FIRST], [SECOND, THIRD])


def test_picks_without_a_verdict_are_refused() -> None:
    with pytest.raises(InputError, match="no verdict"):
        labels_of_verdicts(PICKS, None, None, box_size_px=BOX_PX)


# Joining the training set


def known(*labels: list, name: str = "m1", complete: bool = True) -> LabelledMicrograph:
    return LabelledMicrograph(name, Labels.of(*labels), complete, Path(f"{name}.mrc"))


def test_other_micrographs_join_after_those_that_are_known() -> None:
    first, second = known([FIRST]), known([SECOND], name="m2", complete=False)
    assert join([first], [second], BOX_PX) == (first, second)


def test_verdicts_on_a_known_micrograph_add_to_its_labels() -> None:
    old = known([FIRST], [SECOND])
    (joined,) = join([old], [known([(5.0, 5.0)], [(80.0, 5.0)], [THIRD], complete=False)], BOX_PX)
    assert_labels(joined.labels, [FIRST, (5.0, 5.0)], [SECOND, (80.0, 5.0)], [THIRD])
    assert joined.complete


def test_later_verdict_holds() -> None:
    (joined,) = join([known([FIRST], [SECOND])], [known([SECOND + 2], [FIRST - 2])], BOX_PX)
    assert_labels(joined.labels, [SECOND + 2], [FIRST - 2], [])


def test_same_verdict_again_leaves_the_first_position() -> None:
    (joined,) = join([known([FIRST], [SECOND])], [known([FIRST + 2], [SECOND - 2])], BOX_PX)
    assert_labels(joined.labels, [FIRST], [SECOND], [])


def test_what_was_unsure_and_is_judged_is_unsure_no_more() -> None:
    old = known([], [(5.0, 5.0)], [FIRST, SECOND, THIRD])
    (joined,) = join([old], [known([FIRST + 2], [SECOND + 2])], BOX_PX)
    assert_labels(joined.labels, [FIRST + 2], [(5.0, 5.0), SECOND + 2], [THIRD])


def test_micrograph_of_which_everything_is_unsure_does_not_join() -> None:
    old = known([FIRST])
    assert join([old], [known([], [], [SECOND], name="m2")], BOX_PX) == (old,)


def test_micrograph_that_was_given_again_is_read_where_it_is_now() -> None:
    moved = replace(known([SECOND]), source=Path("new/m1.mrc"))
    (joined,) = join([known([FIRST])], [moved], BOX_PX)
    assert joined.source == Path("new/m1.mrc")
