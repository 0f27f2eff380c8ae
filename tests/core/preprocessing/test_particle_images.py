from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_deepem.core.preprocessing import particle_images
from napari_deepem.core.preprocessing.particle_images import (
    ParticleImaging,
    boxes_inside,
    cut_boxes,
    fourier_crop,
    normalise,
)

NOISE = np.random.default_rng(0).normal(size=(3, 16, 16))


def test_middle_pixel_of_a_box_is_its_centre() -> None:
    micrograph = np.arange(30 * 40).reshape(30, 40)
    (box,) = cut_boxes(micrograph, np.array([[10.0, 25.0]]), 8)
    assert box[4, 4] == micrograph[10, 25]
    np.testing.assert_array_equal(box, micrograph[6:14, 21:29])


def test_boxes_that_touch_the_edge_are_inside() -> None:
    centres_yx = np.array([[4.0, 4.0], [26, 36], [3, 4], [4, 3], [27, 36], [26, 37]])
    np.testing.assert_array_equal(boxes_inside(centres_yx, 8, (30, 40)), [1, 1, 0, 0, 0, 0])


@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 100))
def test_fourier_cropping_samples_slow_waves_at_every_nth_pixel(
    half: int, binning: int, seed: int
) -> None:
    size = 2 * half
    waves = np.zeros((1, size * binning, size * binning))
    rows, cols = np.indices(waves.shape[1:]) / len(waves[0])
    rng = np.random.default_rng(seed)
    for row_wave, col_wave, phase in zip(
        rng.integers(-half + 1, half, 5), rng.integers(0, half, 5), rng.random(5), strict=True
    ):
        waves += np.cos(2 * np.pi * (row_wave * rows + col_wave * cols + phase))
    cropped = fourier_crop(waves, size)
    np.testing.assert_allclose(cropped, waves[:, ::binning, ::binning], rtol=0, atol=1e-12)


def test_fourier_cropping_keeps_the_mean_and_drops_fast_waves() -> None:
    fast = 7 + np.cos(np.pi * np.indices((16, 16))[1])
    np.testing.assert_allclose(fourier_crop(fast[None], 8), np.full((1, 8, 8), 7), rtol=1e-14)


def test_normalising_takes_off_a_ramp_and_leaves_the_background_at_mean_0_and_deviation_1() -> None:
    rows, cols = np.indices((16, 16))
    ramped = 5 * NOISE + 100 - 3 * rows + 2 * cols
    ramped[:, 7:10, 7:10] += 50  # a particle is no background
    boxes, is_kept = normalise(ramped, radius_px=6)
    plain, _ = normalise(NOISE, radius_px=6)
    outside = (rows - 8) ** 2 + (cols - 8) ** 2 > 36
    assert is_kept.all()
    np.testing.assert_allclose(boxes[:, outside].mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(boxes[:, outside].std(axis=1), 1)
    np.testing.assert_allclose(boxes[:, outside], plain[:, outside])


def test_box_with_a_flat_background_is_not_normalised() -> None:
    flat = np.full((16, 16), 0.1)
    flat[8, 8] = 3
    for shown in (flat[None], fourier_crop(np.full((1, 32, 32), 0.1), 16)):
        boxes, is_kept = normalise(np.concatenate([NOISE[:1], shown, NOISE[1:]]), radius_px=6)
        assert is_kept.tolist() == [True, False, True, True]
        np.testing.assert_array_equal(boxes, normalise(NOISE, radius_px=6)[0])


def test_images_come_in_parts_in_the_order_of_the_picks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(particle_images, "_PIXELS_AT_A_TIME", 2 * 8 * 8)
    micrograph = np.random.default_rng(0).normal(size=(30, 40))
    micrograph[:16, :16] = 0
    centres_yx = np.array([[20.0, 30.0], [8, 8], [15, 25], [9, 30], [20, 20]])
    parts = list(ParticleImaging(8, 4, 1.5).images_of(micrograph, centres_yx))
    assert [len(images) for images, _ in parts] == [1, 2, 1]
    assert np.concatenate([is_kept for _, is_kept in parts]).tolist() == [1, 0, 1, 1, 1]
    (last,), _ = parts[-1]
    ((alone,), _), *_ = ParticleImaging(8, 4, 1.5).images_of(micrograph, centres_yx[-1:])
    np.testing.assert_array_equal(last, alone)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, np.float32])
def test_numbers_of_every_type_are_kept_and_inverted(dtype: type) -> None:
    highest = 65_535 if dtype is np.uint16 else 127
    micrograph = np.array([[0, highest], [3, 1]], dtype=dtype)
    ((images, _),) = ParticleImaging(2, 2).images_of(micrograph, np.array([[1.0, 1.0]]))
    ((negatives, _),) = ParticleImaging(2, 2, is_inverted=True).images_of(
        micrograph, np.array([[1.0, 1.0]])
    )
    assert images.dtype == negatives.dtype == np.float32
    assert images.tolist() == [[[0, highest], [3, 1]]]
    assert negatives.tolist() == [[[0, -highest], [-3, -1]]]
