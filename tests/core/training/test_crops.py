from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.training.crops import (
    PaddedImage,
    box_corners,
    draw_negatives,
    flip_and_turn,
    quarter_turns,
)

IMAGE = np.arange(40 * 50, dtype=np.float32).reshape(40, 50)  # every pixel tells where it is
coordinates = st.floats(-20, 5000, allow_nan=False)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def crop_of(image: np.ndarray, centre: tuple[float, float], box: int) -> np.ndarray:
    corner = box_corners(np.array([centre], dtype=np.float64), box)
    return PaddedImage.of(image, box).cut(corner, box)[0]


@given(st.integers(-20, 5000), st.integers(-20, 5000), st.integers(1, 400))
def test_box_on_a_whole_pixel_has_its_corner_at_c_minus_half_of_n(
    row: int, col: int, box: int
) -> None:
    (corner,) = box_corners(np.array([[row, col]], dtype=np.float64), box)
    assert tuple(corner) == (row - box // 2, col - box // 2)


@given(coordinates, coordinates, st.integers(1, 400))
def test_middle_of_a_box_is_half_a_pixel_off_at_most(row: float, col: float, box: int) -> None:
    centre = np.array([[row, col]])
    middle = box_corners(centre, box) + (box - 1) / 2
    assert np.abs(middle - centre).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("box", "first", "last"), [(5, (18, 28), (22, 32)), (6, (17, 27), (22, 32))]
)
def test_crop_holds_the_pixels_around_its_centre(
    box: int, first: tuple[int, int], last: tuple[int, int]
) -> None:
    crop = crop_of(IMAGE, (20, 30), box)
    assert (crop.shape, crop.dtype) == ((box, box), np.float32)
    assert (crop[0, 0], crop[-1, -1]) == (IMAGE[first], IMAGE[last])
    assert crop[box // 2, box // 2] == IMAGE[20, 30]


@pytest.mark.parametrize("box", [7, 8])
@pytest.mark.parametrize("centre", [(0, 0), (0, 49), (39, 0), (39, 49), (1, 25), (38, 2)])
def test_crop_over_the_border_is_0_there(centre: tuple[int, int], box: int) -> None:
    rows, cols = (np.arange(c - box // 2, c - box // 2 + box) for c in centre)
    inside = np.ix_(*((i >= 0) & (i < n) for i, n in zip((rows, cols), IMAGE.shape, strict=True)))
    expected = np.zeros((box, box), dtype=np.float32)
    expected[inside] = IMAGE[np.ix_(rows.clip(0, 39), cols.clip(0, 49))][inside]
    np.testing.assert_array_equal(crop_of(IMAGE, centre, box), expected)


def test_clicks_at_the_outermost_edges_of_the_outermost_pixels_can_be_cut() -> None:
    for centre in [(-0.5, -0.5), (39.5, 49.5), (-0.5, 49.5)]:
        for box in (8, 9):
            assert np.isfinite(crop_of(IMAGE, centre, box)).all()


def test_box_as_large_as_the_image_is_the_image() -> None:
    np.testing.assert_array_equal(crop_of(IMAGE[:, :40], (20, 20), 40), IMAGE[:, :40])


def test_crops_are_copies() -> None:
    image = IMAGE.copy()
    crop = crop_of(image, (20, 30), 5)
    crop[:] = -1.0
    np.testing.assert_array_equal(image, IMAGE)


@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, 60),
    away=st.floats(0.0, 25.0),
    n_positive=st.integers(0, 6),
)
def test_negatives_keep_their_distance_and_stay_inside(
    seed: int, count: int, away: float, n_positive: int
) -> None:
    shape = (90, 140)
    positive = rng(seed + 1).uniform((0, 0), np.array(shape) - 1.0, (n_positive, 2))
    drawn = draw_negatives(shape, positive, away, count, rng(seed))
    assert drawn.shape == (count, 2)
    assert (drawn >= 0).all()
    assert (drawn <= np.array(shape) - 1.0).all()
    if count and n_positive:
        distances = np.linalg.norm(drawn[:, None] - positive[None], axis=2)
        assert distances.min() > away


def test_negatives_cover_the_whole_image_evenly() -> None:
    drawn = draw_negatives((100, 200), np.empty((0, 2)), 5.0, 4000, rng())
    quarters = 2 * (drawn[:, 0] > 49.5) + (drawn[:, 1] > 99.5)
    assert np.abs(np.bincount(quarters.astype(int)) - 1000).max() < 120  # fair to four sigmas


def test_negatives_stay_within_given_columns() -> None:
    drawn = draw_negatives((100, 200), np.array([[50.0, 60.0]]), 20.0, 300, rng(), (40.0, 80.0))
    assert drawn[:, 1].min() >= 40.0
    assert drawn[:, 1].max() <= 80.0
    assert np.hypot(*(drawn - [50, 60]).T).min() > 20.0


def test_negatives_follow_their_generator() -> None:
    first, same, other = (
        draw_negatives((50, 50), np.empty((0, 2)), 5.0, 8, rng(s)) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_no_room_for_negatives_is_said_with_what_to_do() -> None:
    everywhere = np.argwhere(np.ones((6, 6))).astype(np.float64) * 10
    with pytest.raises(InputError, match=r"no place is left for negatives.*mark non-particles"):
        draw_negatives((51, 51), everywhere, 12.0, 5, rng())


def test_quarter_turns_are_four_times_the_data() -> None:
    crops = np.arange(2 * 9, dtype=np.float32).reshape(2, 3, 3)
    turned = quarter_turns(crops)
    assert turned.shape == (8, 3, 3)
    for k in range(4):
        for i in range(2):
            np.testing.assert_array_equal(turned[2 * k + i], np.rot90(crops[i], k))


def test_flip_and_turn_gives_each_of_the_eight_orientations() -> None:
    crop = np.arange(16, dtype=np.float32).reshape(4, 4)
    orientations = {np.rot90(c, k).tobytes() for c in (crop, crop[:, ::-1]) for k in range(4)}
    found = flip_and_turn(np.repeat(crop[None], 400, axis=0), rng())
    times = dict.fromkeys(orientations, 0)
    for turned in found:
        times[turned.tobytes()] += 1
    assert len(times) == 8
    assert min(times.values()) > 20  # each is as likely: 50 expected


def test_flip_and_turn_keeps_the_order_of_crops() -> None:
    crops = rng().normal(size=(30, 4, 4)).astype(np.float32)
    turned = flip_and_turn(crops, rng(1))
    np.testing.assert_allclose(np.sort(turned.reshape(30, -1)), np.sort(crops.reshape(30, -1)))
    assert not np.array_equal(turned, crops)
