from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.picking.cell_grid import CellGrid, are_near


@given(
    seed=st.integers(0, 10**6),
    n_ours=st.integers(0, 60),
    n_theirs=st.integers(1, 60),
    radius=st.one_of(st.integers(0, 12).map(float), st.floats(1e-9, 1e9)),
    scale=st.sampled_from([0.0, 1.0, 40.0, 1e7]),
    offset=st.sampled_from([0.0, -30.0, 1e5]),
)
def test_pairs_are_all_that_lie_within_the_radius(
    seed: int, n_ours: int, n_theirs: int, radius: float, scale: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    ours_yx, theirs_yx = (np.round(rng.random((n, 2)) * scale) for n in (n_ours, n_theirs))
    ours_yx += offset
    squares = ((ours_yx[:, None] - theirs_yx[None]) ** 2).sum(axis=2)
    pairs = [
        (ours, theirs, distance)
        for some in CellGrid(theirs_yx, radius).pairs_within(ours_yx, radius)
        for ours, theirs, distance in zip(*(each.tolist() for each in some), strict=True)
    ]
    expected = np.argwhere(squares <= radius**2).tolist()
    assert sorted([ours, theirs] for ours, theirs, _ in pairs) == expected
    assert all(distance == np.sqrt(squares[ours, theirs]) for ours, theirs, distance in pairs)
    near = are_near(ours_yx, theirs_yx, radius)
    np.testing.assert_array_equal(near, (squares <= radius**2).any(axis=1))


def test_nothing_is_near_where_nothing_is() -> None:
    assert are_near(np.zeros((2, 2)), np.empty((0, 2)), 5.0).tolist() == [False, False]


def test_what_lies_around_a_heap_does_not_look_at_it() -> None:
    grid = CellGrid(np.zeros((1000, 2)), 5.0)
    beside = np.array([-1e7, -11.0, 11.0, 1e7])
    y, x = (axis.ravel() for axis in np.meshgrid(beside, beside))
    _, lengths = grid.runs_around(grid.cells_of(y, x))
    assert lengths.sum() == 0
    _, lengths = grid.runs_around(grid.cells_of(np.array([4.0, -4.0]), np.array([-4.0, 4.0])))
    assert lengths.sum() == 2000
