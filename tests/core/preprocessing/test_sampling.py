from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from blobs import BOX_PX, blob_image, blob_sample
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.picking.candidates import find_candidates
from napari_deepem.core.picking.scoring import score
from napari_deepem.core.preprocessing.prepare import prepare_image
from napari_deepem.core.preprocessing.sampling import STRIP_LINES, Sampling, bin_image, resample
from napari_deepem.core.training.recipes import MODERN
from napari_deepem.core.training.settings import TrainingSettings
from napari_deepem.core.training.train import train_epochs
from napari_deepem.core.types import Float32Array

WIDER_BOX_PX = 32  # for blobs of 24 px: coarser pixels than 1 leave enough of it

scales = st.one_of(st.integers(1, 64), st.floats(0.125, 64))


def noise(*shape: int, seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_binning_averages_squares_and_leaves_out_what_fills_none() -> None:
    image = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)
    np.testing.assert_array_equal(bin_image(image, 2), [[4, 6, 8], [18, 20, 22]])
    np.testing.assert_array_equal(bin_image(image, 3), [[8, 11]])
    np.testing.assert_array_equal(bin_image(image, 1), image)
    assert bin_image(image, 2).dtype == np.float32


@pytest.mark.parametrize("binning", [0, -1, 65, 10**9])
def test_binning_outside_1_to_64_is_refused(binning: int) -> None:
    with pytest.raises(InputError, match=f"binning of {binning}: give a whole number from 1 to 64"):
        Sampling.binned(binning)


@given(position=st.floats(-50, 10_000), scale=scales)
def test_position_maps_to_network_pixels_and_back(position: float, scale: float) -> None:
    sampling = Sampling(scale)
    there = sampling.to_network(np.array([position]))
    assert sampling.to_original(there)[0] == pytest.approx(position, abs=1e-8)
    assert there[0] == pytest.approx((position + 0.5) / scale - 0.5)


def test_first_binned_pixel_lies_in_the_middle_of_its_square() -> None:
    assert Sampling(1).to_original(np.array([0.0]))[0] == 0.0
    assert Sampling(2).to_original(np.array([0.0]))[0] == 0.5
    assert Sampling(3).to_original(np.array([0.0]))[0] == 1.0
    assert Sampling(4).to_original(np.array([2.0]))[0] == 9.5


@given(
    binning=st.integers(1, 6),
    corner=st.tuples(st.integers(0, 7), st.integers(0, 9)),
    side=st.integers(1, 4),
)
def test_bright_square_lands_where_its_middle_is_mapped_to(
    binning: int, corner: tuple[int, int], side: int
) -> None:
    image = np.zeros((70, 85), dtype=np.float32)
    top, left = (binning * c for c in corner)
    image[top : top + binning * side, left : left + binning * side] = 1.0
    binned = bin_image(image, binning)
    bright = np.argwhere(binned > 0.5)
    assert set(binned.ravel()) <= {0.0, 1.0}
    middle = np.array([top, left]) + (binning * side - 1) / 2
    np.testing.assert_allclose(bright.mean(axis=0), Sampling(binning).to_network(middle))


@pytest.mark.parametrize("scale", [0.0, 0.1, -2.0, 64.5, float("nan"), float("inf")])
def test_scale_beyond_reason_is_refused(scale: float) -> None:
    with pytest.raises(InputError, match=r"give 0\.125 to 64"):
        Sampling(scale)


def test_whole_scale_is_a_binning_however_it_is_written() -> None:
    assert Sampling(3.0) == Sampling(3) == Sampling.binned(3)
    assert (Sampling(3.0).binning, Sampling(3.0).ratio, str(Sampling(3.0))) == (3, 1, "3")
    assert (Sampling(2.5).binning, Sampling(2.5).ratio, str(Sampling(2.5))) == (2, 1.25, "2.5")
    assert (Sampling(0.5).binning, Sampling(0.5).ratio) == (1, 0.5)


def test_scale_is_a_plain_number_that_a_file_can_hold() -> None:
    for scale in (np.float32(2.25), np.int64(2), np.float64(0.5)):
        sampling = Sampling(scale)
        assert sampling.scale == scale
        assert json.loads(json.dumps(sampling.scale)) == scale
    assert str(Sampling(7 / 3)) != str(Sampling(2.33333))  # models are told apart by it


@given(scale=scales, count=st.integers(1, 50))
def test_step_of_whole_network_pixels_is_as_many(scale: float, count: int) -> None:
    assert Sampling(scale).steps(count * scale) == count


@pytest.mark.parametrize(("scale", "step_px"), [(3, 4), (3, 0), (3, -3), (64, 1), (2.5, 1)])
def test_step_of_no_whole_network_pixels_is_refused(scale: float, step_px: int) -> None:
    with pytest.raises(InputError, match=f"give {scale:g} px, the model"):
        Sampling(scale).steps(step_px)


@given(
    scale=st.floats(0.3, 5.0),
    middle=st.tuples(st.floats(45, 75), st.floats(45, 75)),
)
@settings(max_examples=40)
def test_blob_lands_where_its_middle_is_mapped_to_at_any_scale(
    scale: float, middle: tuple[float, float]
) -> None:
    sigma_px = max(6.0, 3.0 * scale)  # network pixels can show it
    image = 5.0 * blob_image((120, 121), np.array([middle]), sigma_px)
    image += 0.01 * noise(120, 121)  # an image without noise has padding everywhere
    sampling = Sampling(scale)
    prepared = prepare_image(image.astype(np.float32), 300, sampling)
    sides = [int(side // sampling.binning / sampling.ratio + 1e-6) for side in image.shape]
    assert list(prepared.shape) == sides
    weights = np.maximum(prepared - 0.25 * prepared.max(), 0.0).astype(np.float64)
    centroid = [
        (weights.sum(axis=1 - axis) * np.arange(prepared.shape[axis])).sum() / weights.sum()
        for axis in (0, 1)
    ]
    np.testing.assert_allclose(sampling.to_original(np.array(centroid)), middle, atol=0.2)


@given(binning=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_scale_next_to_a_binning_gives_nearly_what_the_binning_gives(
    binning: int, seed: int
) -> None:
    image = noise(90, 117, seed=seed)
    at, beside = (prepare_image(image, 40, Sampling(s)) for s in (binning, binning + 1e-9))
    assert at.shape == beside.shape
    np.testing.assert_allclose(beside, at, atol=0.01)


def test_coarser_pixels_of_white_noise_hide_no_pattern() -> None:
    image = noise(400, 400)
    spread = [resample(image, ratio).std(axis=0) for ratio in (1.25, 1.5, 1.75)]
    for stds in spread:  # pixels between two others are not smoother than those on one
        assert stds.std() / stds.mean() < 0.12


def test_white_noise_keeps_its_spectrum_at_every_ratio() -> None:
    image = noise(600, 600)
    neighbours = []
    for ratio in (1.05, 1.21, 1.5, 1.68, 1.9):
        resampled = resample(image, ratio)
        resampled /= resampled.std()
        neighbours.append(float((resampled[:, 1:] * resampled[:, :-1]).mean()))
    assert max(neighbours) - min(neighbours) < 0.03


def test_missing_lines_stay_missing_at_any_scale() -> None:
    image = noise(240, 240)
    image[:40] = 0.0
    prepared = prepare_image(image, 30, Sampling(2.5))
    rows = Sampling(2.5).to_original(np.arange(len(prepared), dtype=np.float64))
    assert (prepared[rows < 37] == 0.0).all()
    assert (prepared[rows > 43].std(axis=1) > 0.5).all()


@pytest.mark.parametrize("scale", [0.75, 1.3])
def test_particles_are_learnt_and_found_in_place_at_any_scale(scale: float) -> None:
    micrographs, labels = blob_sample(1, 2, 3)
    quick = replace(MODERN, batches_per_epoch=20, batch_size=32)
    chosen = TrainingSettings(WIDER_BOX_PX, Sampling(scale), epochs=6, own_recipe=quick)
    assert chosen.network_box_px == round(WIDER_BOX_PX / scale)
    model = finish(train_epochs(micrographs[:2], labels[:2], chosen))
    assert model.binning == scale
    candidates = find_candidates(score(micrographs[2], model))
    truth_yx = labels[2].positive_yx
    best_yx = candidates.centres_yx[: len(truth_yx)]
    offsets = best_yx[:, None] - truth_yx[None]
    nearest = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    assert len(set(nearest)) >= 0.9 * len(truth_yx)
    error_yx = best_yx - truth_yx[nearest]
    assert np.median(np.linalg.norm(error_yx, axis=1)) < 0.08 * BOX_PX
    assert np.abs(error_yx.mean(axis=0)).max() < 0.05 * BOX_PX


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.37, 1.99])
@pytest.mark.parametrize("in_place", [False, True])
def test_image_is_resampled_strip_by_strip_as_pillow_does_it_at_once(
    ratio: float, in_place: bool
) -> None:
    image = noise(2 * STRIP_LINES + 7, STRIP_LINES + 3)
    rows, cols = (int(side / ratio) for side in image.shape)
    whole = Image.fromarray(image).resize(
        (cols, rows), Image.Resampling.LANCZOS, box=(0, 0, cols * ratio, rows * ratio)
    )
    resampled = resample(image.copy(), ratio, in_place=in_place)
    # Pillow 13 may take columns first, which rounds otherwise
    np.testing.assert_allclose(resampled, np.asarray(whole), atol=1e-6)
