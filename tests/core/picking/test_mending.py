import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.picking.mending import Mended, mend
from napari_deepem.core.types import Labels, PickCounts, Picks

BOX_PX = 40  # so 10 px mean one particle
PLACES_YX = np.array([[100.0, 100.0], [100.0, 200.0], [200.0, 100.0], [200.0, 200.0]])
RANKING = Picks(PLACES_YX, np.array([0.9, 0.8, 0.7, 0.6]), BOX_PX)
FREE = (300.0, 300.0)


def picks(mended: Mended, count: int = 2) -> list[tuple[float, float, float]]:
    """Row, column and score of each, of the network's first `count` and by hand."""
    final = mended.picks_at(count)
    assert final.counts == mended.counts_at(count)
    scores = np.nan_to_num(final.scores, nan=-1.0)
    return [(*yx, score) for yx, score in zip(final.centres_yx.tolist(), scores, strict=True)]


BEST = [(100.0, 100.0, 0.9), (100.0, 200.0, 0.8)]


def test_nothing_marked_leaves_the_networks_picks() -> None:
    mended = mend(RANKING, Labels.of())
    assert picks(mended) == BEST
    assert mended.counts_at(3) == PickCounts(3)
    assert mended.below(2).scores.tolist() == [0.7, 0.6]


def test_a_particle_that_was_labelled_twice_is_one_pick() -> None:
    mended = mend(RANKING, Labels.of(), Labels.of([FREE, FREE, (300.0, 303.0), (300.0, 340.0)]))
    assert picks(mended) == [*BEST, (*FREE, -1.0), (300.0, 340.0, -1.0)]


@pytest.mark.parametrize("where", ["verdict", "label"])
def test_what_is_rejected_is_left_out_and_counted(where: str) -> None:
    marks = Labels.of(negative_yx=[(100.0, 209.0), (200.0, 109.0)])
    mended = mend(RANKING, *((marks,) if where == "verdict" else (Labels.of(), marks)))
    assert picks(mended) == BEST[:1]
    assert mended.counts_at(2) == PickCounts(1, 0, 1)  # the third one is below the threshold
    assert mended.below(2).scores.tolist() == [0.6]


@pytest.mark.parametrize("where", ["verdict", "label"])
def test_particle_that_the_network_misses_is_by_hand_until_the_threshold_reaches_it(
    where: str,
) -> None:
    marks = Labels.of([FREE, (200.0, 102.0), (100.0, 102.0)])
    mended = mend(RANKING, *((marks,) if where == "verdict" else (Labels.of(), marks)))
    assert picks(mended) == [*BEST, (*FREE, -1.0), (200.0, 102.0, 0.7)]
    assert mended.counts_at(2) == PickCounts(2, 2)
    assert mended.below(2).scores.tolist() == [0.6]  # nothing twice
    assert picks(mended, 3) == [*BEST, (200.0, 100.0, 0.7), (*FREE, -1.0)]


def test_placed_pick_stands_where_it_is_at_any_threshold() -> None:
    marks = Labels.of([(103.0, 204.0)], unsure_yx=[(103.0, 204.0)])
    for count, by_network in ((0, 0), (1, 1), (2, 1), (4, 3)):
        final = mend(RANKING, marks).picks_at(count)
        assert final.counts == PickCounts(by_network, 1)
        assert final.of_hand.centres_yx.tolist() == [[103.0, 204.0]]
        assert final.of_hand.scores.tolist() == [0.8]  # that of the same particle


def test_place_that_a_pick_was_moved_from_has_none_and_is_not_rejected() -> None:
    moved_to = (100.0, 225.0)
    mended = mend(RANKING, Labels.of([moved_to], unsure_yx=[(100.0, 200.0), moved_to]))
    assert picks(mended) == [BEST[0], (*moved_to, -1.0)]
    assert mended.counts_at(2) == PickCounts(1, 1, 0)


def test_verdict_counts_more_than_a_label() -> None:
    here, there = PLACES_YX[:1], [FREE]
    assert picks(mend(RANKING, Labels.of((), here), Labels.of(here))) == BEST[1:]
    assert picks(mend(RANKING, Labels.of(here), Labels.of((), here))) == BEST
    assert picks(mend(RANKING, Labels.of((), there), Labels.of(there))) == BEST
    assert picks(mend(RANKING, Labels.of((), (), there), Labels.of(there))) == BEST


def test_nearest_mark_decides() -> None:
    close = Picks(np.array([[100.0, 100.0], [100.0, 108.0]]), np.array([0.9, 0.8]), BOX_PX)
    marks = Labels.of([(100.0, 101.0)], [(100.0, 107.0)])
    assert picks(mend(close, marks)) == [(100.0, 100.0, 0.9)]


def test_without_a_network_there_is_what_was_placed() -> None:
    nothing = Picks(np.empty((0, 2)), np.empty(0), BOX_PX)
    mended = mend(nothing, Labels.of([FREE], [(5.0, 5.0)], [FREE]))
    assert picks(mended, 0) == [(*FREE, -1.0)]
    assert len(mended.below(0)) == 0


places = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=6)


@settings(max_examples=60)
@given(places, places, places, places, places, st.integers(0, 6))
def test_what_was_said_holds_at_any_threshold(
    ranked: list, accepted: list, rejected: list, moved: list, labelled: list, count: int
) -> None:
    def grid(where: list) -> np.ndarray:
        return np.unique(np.array(where, dtype=float).reshape(-1, 2), axis=0) * 11.0

    ranking = Picks(grid(ranked), np.linspace(0.9, 0.1, len(grid(ranked))), BOX_PX)
    said = [tuple(each) for each in grid(accepted)]
    marks = Labels.of(grid(accepted), [yx for yx in grid(rejected) if tuple(yx) not in said])
    marks = Labels(marks.positive_yx, marks.negative_yx, grid(moved))
    final = mend(ranking, marks, Labels.of(grid(labelled))).picks_at(min(count, len(ranking)))
    chosen = [tuple(each) for each in final.centres_yx]
    assert len(set(chosen)) == len(chosen)  # each once
    assert set(said) <= set(chosen)
    assert not {tuple(each) for each in marks.negative_yx} & set(chosen)
    settled = {tuple(each) for each in marks.unsure_yx} - set(said)
    assert not settled & set(chosen)
