import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_deepem.core.geometry import nearest_distances, neighbour_distances

NOWHERE_YX = np.empty((0, 2))


def positions(least: int = 0) -> st.SearchStrategy[np.ndarray]:
    whole = st.integers(-50, 50).map(float)
    return st.integers(least, 12).flatmap(lambda n: arrays(np.float64, (n, 2), elements=whole))


def test_distance_is_that_of_the_nearest_one() -> None:
    centres_yx = np.array([[0.0, 0.0], [10.0, 0.0]])
    others_yx = np.array([[3.0, 4.0], [100.0, 100.0]])
    assert nearest_distances(centres_yx, others_yx).tolist() == [5.0, np.hypot(7, 4)]


def test_without_others_every_distance_is_infinite() -> None:
    assert nearest_distances(np.zeros((2, 2)), NOWHERE_YX).tolist() == [np.inf, np.inf]
    assert nearest_distances(NOWHERE_YX, np.zeros((2, 2))).shape == (0,)
    assert neighbour_distances(np.zeros((1, 2))).tolist() == [np.inf]
    assert neighbour_distances(NOWHERE_YX).shape == (0,)


@given(positions(), positions(least=1))
def test_nearest_distances_are_those_of_all_pairs(
    centres_yx: np.ndarray, others_yx: np.ndarray
) -> None:
    pairs = np.linalg.norm(centres_yx[:, None] - others_yx[None], axis=2)
    np.testing.assert_allclose(nearest_distances(centres_yx, others_yx), pairs.min(axis=1))


@given(positions(least=2))
def test_neighbours_are_others_even_in_the_same_place(centres_yx: np.ndarray) -> None:
    pairs = np.linalg.norm(centres_yx[:, None] - centres_yx[None], axis=2)
    np.fill_diagonal(pairs, np.inf)
    np.testing.assert_allclose(neighbour_distances(centres_yx), pairs.min(axis=1))


def test_distances_to_what_is_all_in_one_place() -> None:
    """A tree alone looks at each of them for each: 10 billion times here."""
    heap_yx = np.full((100_000, 2), 7.0)
    assert np.all(nearest_distances(heap_yx + 3.0, heap_yx) == np.hypot(3, 3))
    assert np.all(neighbour_distances(heap_yx) == 0.0)
