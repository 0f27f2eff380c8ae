from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import KDTree

from napari_deepem.core.picking import cell_grid
from napari_deepem.core.picking.cell_grid import Indices
from napari_deepem.core.picking.suppression import _Undecided, keep_best_apart
from napari_deepem.core.types import FloatArray


def kept_by_a_loop(centres_yx: FloatArray, min_distance_px: float) -> np.ndarray:
    """Go down the centres one by one: what is meant, and too slow for a slider."""
    kept = np.ones(len(centres_yx), dtype=bool)
    near = KDTree(centres_yx).query_pairs(1.001 * min_distance_px, output_type="ndarray")
    between = centres_yx[near[:, 0]] - centres_yx[near[:, 1]]
    near = near[np.sqrt(between[:, 0] ** 2 + between[:, 1] ** 2) < min_distance_px]
    for better, worse in near[np.lexsort((near[:, 1], near[:, 0]))]:
        if kept[better]:
            kept[worse] = False
    return kept


@given(
    count=st.integers(1, 400),
    seed=st.integers(0, 10**6),
    distance=st.one_of(st.integers(1, 40).map(float), st.floats(1e-9, 200.0)),
    height=st.sampled_from([0.0, 1e-3, 5.0, 100.0, 4000.0]),
    whole=st.booleans(),
)
def test_batches_keep_what_a_loop_keeps(
    count: int, seed: int, distance: float, height: float, whole: bool
) -> None:
    centres_yx = np.random.default_rng(seed).random((count, 2)) * (height, 100.0)
    centres_yx = centres_yx.round() if whole else centres_yx  # many lie just at the distance
    np.testing.assert_array_equal(
        keep_best_apart(centres_yx, distance), kept_by_a_loop(centres_yx, distance)
    )


@pytest.mark.parametrize("distance", [0.2, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("kind", ["anyhow", "falling along the rows", "in heaps"])
def test_thousands_are_kept_as_by_a_loop_however_they_lie(kind: str, distance: float) -> None:
    rng = np.random.default_rng(0)
    centres_yx = rng.random((3000, 2)) * 100.0
    if kind == "falling along the rows":
        centres_yx = centres_yx[np.argsort(centres_yx[:, 0])]
    elif kind == "in heaps":
        centres_yx = np.repeat(centres_yx[:30] * 1e4, 100, axis=0) + rng.random((3000, 2))
    np.testing.assert_array_equal(
        keep_best_apart(centres_yx, distance), kept_by_a_loop(centres_yx, distance)
    )


def test_everything_in_one_place_leaves_the_best() -> None:
    kept = keep_best_apart(np.full((5000, 2), 7.0), 0.5)
    assert np.flatnonzero(kept).tolist() == [0]
    assert keep_best_apart(np.full((5, 2), 7.0), 0.0).all()  # no distance, nothing dropped


def test_heap_holds_up_what_lies_elsewhere_no_longer_than_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[int] = []
    pairs_of = _Undecided.pairs_of

    def noted(undecided: _Undecided, batch: Indices) -> tuple[Indices, Indices]:
        batches.append(len(batch))
        return pairs_of(undecided, batch)

    monkeypatch.setattr(_Undecided, "pairs_of", noted)
    rng = np.random.default_rng(0)
    centres_yx = np.concatenate([np.full((9000, 2), 7.0), rng.random((9000, 2)) * 4000.0])
    kept = keep_best_apart(centres_yx, 8.0)
    assert kept[0]
    assert not kept[1:9000].any()
    np.testing.assert_array_equal(kept[9000:], kept_by_a_loop(centres_yx[8999:], 8.0)[1:])
    assert len(batches) < 30


def test_what_lies_just_at_the_distance_is_kept() -> None:
    centres_yx = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 4.9]])
    assert keep_best_apart(centres_yx, 5.0).tolist() == [True, True, False]


def test_one_that_lies_far_off_does_not_bring_the_others_into_one_heap() -> None:
    """It took a minute for 100 000 of them."""
    centres_yx = np.random.default_rng(0).random((20_000, 2)) * 2000.0
    kept = keep_best_apart(centres_yx, 5.0)
    far = np.concatenate([centres_yx, [[1e7, 1e7]]])
    assert keep_best_apart(far, 5.0).tolist() == [*kept.tolist(), True]
    assert cell_grid.CellGrid(far, 5.0).counts().max() < 10
