from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing import prepare
from napari_deepem.core.preprocessing.prepare import (
    clip_hot_pixels,
    flatten_background,
    prepare_image,
    prepare_micrograph,
    robust_statistics,
    share_seen,
    standardise,
)
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Float32Array, Micrograph


def noise(*shape: int, seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_robust_statistics_of_normal_noise_are_its_mean_and_sigma() -> None:
    middle, spread = robust_statistics((7.0 + 3.0 * noise(400, 500)).astype(np.float32))
    assert middle == pytest.approx(7.0, abs=0.05)
    assert spread == pytest.approx(3.0, rel=0.02)


def test_robust_statistics_by_hand() -> None:
    image = np.array([[0, 1, 2, 3, 1000]], dtype=np.float32)
    assert robust_statistics(image) == (2.0, pytest.approx(1.4826 * 1.0))


def test_counts_of_few_electrons_have_a_spread() -> None:
    image = np.zeros((20, 20), dtype=np.float32)
    image[::4, ::4] = 1.0  # over half of the pixels are equal
    assert robust_statistics(image) == (0.0, pytest.approx(image.std()))


def test_statistics_of_a_large_image_are_those_of_all_of_it() -> None:
    image = np.concatenate([noise(900, 1200), 50.0 + noise(300, 1200, seed=1)])
    assert robust_statistics(image)[0] == pytest.approx(float(np.median(image)), abs=0.02)


def test_standardised_image_has_median_0_and_robust_spread_1() -> None:
    image = standardise((1000.0 + 40.0 * noise(90, 110)).astype(np.float32))
    assert robust_statistics(image) == (pytest.approx(0.0, abs=1e-4), pytest.approx(1.0, abs=1e-4))
    assert image.dtype == np.float32


@pytest.mark.parametrize("value", [0, 1, -7.5, 0.1, 100.3, 65535])
def test_constant_image_is_refused(value: float) -> None:
    image = np.full((50, 60), value, dtype=np.float32)
    with pytest.raises(InputError, match="every pixel has the same value"):
        robust_statistics(image)
    with pytest.raises(InputError, match="every pixel has the same value"):
        prepare_image(image, 24, Sampling(1))


def test_hot_pixels_do_not_change_how_the_rest_is_standardised() -> None:
    counts = (200.0 + 20.0 * noise(120, 150)).astype(np.float32)
    spoilt = counts.copy()
    rng = np.random.default_rng(3)
    hot = rng.choice(counts.size, 30, replace=False)
    spoilt.flat[hot[:20]] = 1e6  # X-rays
    spoilt.flat[hot[20:]] = -1e6  # dead pixels, overcorrected
    clean, found = (prepare_image(image, 24, Sampling(1)) for image in (counts, spoilt))
    others = np.ones(counts.size, dtype=bool)
    others[hot] = False
    assert np.abs(found - clean).ravel()[others].max() < 0.35  # their blurred background alone
    assert np.abs(found - clean).ravel()[others].mean() < 0.03
    assert np.abs(found).max() < 10.0


def test_hot_pixels_are_clipped_at_eight_sigmas() -> None:
    image = noise(100, 100)
    image[50, 60], image[10, 20] = 1e9, -1e9
    clipped = clip_hot_pixels(image)
    middle, spread = robust_statistics(image)
    assert clipped[50, 60] == pytest.approx(middle + 8.0 * spread)
    assert clipped[10, 20] == pytest.approx(middle - 8.0 * spread)
    changed = clipped != image
    assert changed.sum() == 2


def test_background_is_flattened_but_particles_stay() -> None:
    rows, cols = np.mgrid[:200, :240]
    slope = (0.03 * rows + 0.05 * cols).astype(np.float32)
    flat = flatten_background(slope, 30.0)
    assert np.ptp(flat[60:-60, 60:-60]) < 0.01
    blob = np.exp(-((rows - 100) ** 2 + (cols - 120) ** 2) / (2 * 4.0**2)).astype(np.float32)
    seen = flatten_background(slope + blob, 30.0)
    assert seen[100, 120] - flat[100, 120] > 0.8
    assert np.unravel_index(seen[60:-60, 60:-60].argmax(), (80, 120)) == (40, 60)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32", "float64"])
def test_every_number_type_is_prepared_alike(dtype: str) -> None:
    counts = np.clip(np.rint(50.0 + 15.0 * noise(60, 80)), 0, 120)
    prepared = prepare_image(counts.astype(dtype), 24, Sampling(1))
    assert (prepared.dtype, prepared.shape) == (np.float32, (60, 80))
    np.testing.assert_allclose(prepared, prepare_image(counts, 24, Sampling(1)), atol=1e-5)


def test_brightness_and_gain_of_the_camera_do_not_matter() -> None:
    image = noise(80, 90)
    expected = prepare_image(image, 24, Sampling(2))
    np.testing.assert_allclose(
        prepare_image(30.0 * image + 500.0, 24, Sampling(2)), expected, atol=1e-3
    )


def test_prepared_image_has_one_pixel_a_full_square() -> None:
    assert prepare_image(noise(101, 125), 72, Sampling(3)).shape == (33, 41)


@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (40, 40)])
def test_micrograph_smaller_than_the_box_is_refused(shape: tuple[int, int]) -> None:
    height, width = shape
    micrograph = Micrograph(noise(*shape), "m")
    message = rf"box of 41 px does not fit micrograph m \({width} x {height} px\)"
    with pytest.raises(InputError, match=message):
        prepare_micrograph(micrograph, 41, Sampling(1))
    assert prepare_micrograph(micrograph, 40, Sampling(1)).shape == shape


def test_blocks_of_rows_make_the_same_image_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = (1000.0 + 30.0 * noise(203, 151)).astype(np.float32)
    image[48:51], image[120:140], image[:, 70] = 0.0, 7.0, 1200.0  # a bridge across two blocks
    image[:, -13:] = 500.0
    for binning in (1, 3):
        whole = prepare_image(image, 24, Sampling(binning))
        monkeypatch.setattr(prepare, "BLOCK_PIXELS", 7 * 151)
        np.testing.assert_array_equal(prepare_image(image, 24, Sampling(binning)), whole)
        monkeypatch.undo()


def test_share_of_a_binned_pixel_is_what_lies_on_lines_that_are_seen() -> None:
    rows = np.array([True, True, False, False, False])  # the last one fills no square
    cols = np.array([False, True, False, False])
    np.testing.assert_array_equal(share_seen(rows, cols, 2), [[0.0, 0.0], [0.5, 1.0]])


def test_sampled_statistics_leave_out_missing_lines() -> None:
    image = noise(60, 70)
    rows, cols = np.zeros(60, dtype=bool), np.zeros(70, dtype=bool)
    rows[50:], cols[:20] = True, True
    kept = robust_statistics(np.ascontiguousarray(image[:50, 20:]))
    image[rows] = image[:, cols] = 1e6
    assert robust_statistics(image, rows, cols) == kept


@pytest.mark.parametrize("band", [0, 300])
def test_preparing_a_micrograph_copies_no_more_than_a_part_of_it(band: int) -> None:
    image = np.random.default_rng(0).random((4096, 4096), dtype=np.float32)
    image[:, 4096 - band :] = 0.0
    tracemalloc.start()
    prepare_image(image, 200, Sampling(4))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.nbytes


def test_resampling_takes_less_than_the_micrograph_once_more() -> None:
    """Besides what is prepared: 12 000 x 12 000 px take less than 1 GB, see `whole_way.py`."""
    image = np.random.default_rng(0).random((4096, 4096), dtype=np.float32)
    tracemalloc.start()
    prepared = prepare_image(image, 60, Sampling(60 / 44))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * image.nbytes + prepared.nbytes
