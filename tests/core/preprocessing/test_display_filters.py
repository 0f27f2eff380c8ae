import tracemalloc

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.display_filters import (
    FilteredImage,
    contrast_limits,
    filter_micrograph,
)
from napari_deepem.core.types import Micrograph


def waves(period_px: float, shape=(240, 480)) -> np.ndarray:
    """Amplitude 1 across the columns."""
    return np.broadcast_to(np.sin(2 * np.pi * np.arange(shape[1]) / period_px), shape)


def amplitude(found: FilteredImage) -> float:
    """Of waves, away from the borders."""
    rows, cols = found.pixels.shape
    return float(np.sqrt(2) * found.pixels[rows // 4 : -rows // 4, cols // 6 : -cols // 6].std())


@pytest.mark.parametrize("pixel_size", [0.5, 2.0, None])
@pytest.mark.parametrize("period_px", [10, 40])
def test_low_pass_halves_what_repeats_at_its_resolution(period_px, pixel_size) -> None:
    micrograph = Micrograph(waves(period_px), "m", pixel_size)
    found = filter_micrograph(micrograph, low_pass_angstrom=period_px * (pixel_size or 1.0))
    assert amplitude(found) == pytest.approx(0.5, abs=0.03)


def test_low_pass_keeps_coarse_things_and_takes_fine_ones() -> None:
    assert amplitude(filter_micrograph(Micrograph(waves(120), "m"), 20)) > 0.95
    assert amplitude(filter_micrograph(Micrograph(waves(5), "m"), 20)) < 0.05


def test_high_pass_halves_what_repeats_at_its_length_and_takes_the_rest() -> None:
    found = filter_micrograph(Micrograph(waves(80) + 7.0, "m"), high_pass_angstrom=80)
    assert amplitude(found) == pytest.approx(0.5, abs=0.05)
    assert found.pixels.mean() == pytest.approx(0.0, abs=0.02)
    assert amplitude(filter_micrograph(Micrograph(waves(8), "m"), 0, 80)) > 0.95


def test_binned_pixels_stay_where_they_were() -> None:
    image = np.random.default_rng(0).normal(size=(200, 300))
    rows, cols = np.mgrid[:200, :300]
    image += 50 * np.exp(-((rows - 61.0) ** 2 + (cols - 203.0) ** 2) / (2 * 9.0**2))
    found = filter_micrograph(Micrograph(image, "m"), low_pass_angstrom=40)
    assert found.binning > 1
    peak = np.array(np.unravel_index(found.pixels.argmax(), found.pixels.shape))
    np.testing.assert_allclose((peak + 0.5) * found.binning - 0.5, (61, 203), atol=found.binning)


def test_nothing_to_filter_gives_the_pixels_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 255, (60, 90)).astype(np.uint8)
    found = filter_micrograph(Micrograph(image, "m"))
    np.testing.assert_array_equal(found.pixels, image)
    assert found.binning == 1
    assert found.middle == np.median(image)


def test_hot_and_broken_pixels_do_not_spread() -> None:
    image = np.random.default_rng(0).normal(size=(60, 90))
    image[10, 10], image[30, 30] = 1e6, np.nan
    found = filter_micrograph(Micrograph(image, "m"), 10, 60)
    assert np.isfinite(found.pixels).all()
    assert np.abs(found.pixels).max() < 10


def test_constant_image_is_said() -> None:
    for value in (0.0, np.nan):
        with pytest.raises(InputError, match="holds no image"):
            filter_micrograph(Micrograph(np.full((60, 90), value), "m"), 20)


def test_filtering_makes_one_array_of_the_size_of_the_micrograph() -> None:
    image = np.random.default_rng(0).normal(size=(2500, 2500)).astype(np.float32)
    image[7, 7] = np.nan
    tracemalloc.start()
    found = filter_micrograph(Micrograph(image, "m"), low_pass_angstrom=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.pixels.nbytes == image.nbytes == 25_000_000
    assert peak < 2 * image.nbytes  # with what is sampled, and some rows of 4 MB


def test_contrast_is_told_by_percentiles() -> None:
    pixels = np.random.default_rng(0).permutation(1_000_000).reshape(1000, 1000)
    low, high = contrast_limits(pixels, 2.0)
    assert low == pytest.approx(20_000, abs=3_000)
    assert high == pytest.approx(980_000, abs=3_000)
    assert contrast_limits(pixels, 0.0)[0] < 1_000
    assert contrast_limits(np.full((50, 60), 3.0), 1.0) == (3.0, 4.0)
    assert contrast_limits(np.full((1, 1), np.nan), 1.0) == (0.0, 1.0)


def test_contrast_is_that_of_most_parts_whatever_a_fifth_holds() -> None:
    """Carbon, ice, padding and hot pixels."""
    pixels = np.random.default_rng(0).normal(size=(800, 800)).astype(np.float32)
    plain = contrast_limits(pixels, 1.0)
    spoilt = pixels.copy()
    spoilt[:100, :400] *= 20.0
    spoilt[:, 700:] = 0.0
    spoilt[200::100, 0] = 1e6
    spoilt[300, 300] = np.nan
    np.testing.assert_allclose(contrast_limits(spoilt, 1.0), plain, rtol=0.1)


@pytest.mark.parametrize("axis", [0, 1])
def test_blank_part_does_not_spoil_the_contrast(axis: int) -> None:
    """A.7: of a filtered picture; its edge, where the two are blurred into each other, is small."""
    grey = np.random.default_rng(0).normal(130.0, 20.0, size=(300, 300)).astype(np.float32)
    blank = np.zeros((330, 300) if axis == 0 else (300, 330), dtype=np.float32)
    whole = filter_micrograph(Micrograph(grey, "a", 2.0), 20.0)
    part = filter_micrograph(Micrograph(np.concatenate([blank, grey], axis), "a", 2.0), 20.0)
    assert part.middle == pytest.approx(whole.middle, abs=0.2 * whole.spread)
    assert part.spread == pytest.approx(whole.spread, rel=0.2)
