from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import TilesDone, finish
from napari_deepem.core.network.architecture import TABLE_1, Architecture
from napari_deepem.core.network.model import Model
from napari_deepem.core.network.network import Network
from napari_deepem.core.picking import scoring, tiling
from napari_deepem.core.picking.scoring import (
    default_step,
    score,
    score_crops,
    score_prepared,
    score_tiles,
)
from napari_deepem.core.preprocessing.prepare import prepare_micrograph
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.types import Float32Array, Micrograph, ScoreMap
from networks import lively_network

SMALL = Architecture.for_box(24)


def noise(shape: tuple[int, int], seed: int = 0) -> Float32Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def model_of(network: Network, box_size_px: int, binning: int = 1) -> Model:
    return Model(network, "modern", box_size_px, Sampling(binning), None, 0.5, (0.0, 9.0))


def crops_at(
    prepared: Float32Array, score_map: ScoreMap, elements: list[tuple[int, int]]
) -> Float32Array:
    """The box of each grid element, cut from the micrograph with a margin of 0."""
    box = score_map.box_size_px
    padded = np.pad(prepared, box, mode="constant")
    corners = score_map.centres_of(elements) - (box - 1) / 2
    assert (corners == np.rint(corners)).all()
    tops_lefts = (corners + box).astype(int)
    return np.stack([padded[top : top + box, left : left + box] for top, left in tops_lefts])


def some_elements(shape: tuple[int, ...], count: int) -> list[tuple[int, int]]:
    """The four corners of a grid and other elements by chance."""
    rows, cols = shape
    corners = [(0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1)]
    rng = np.random.default_rng(4)
    return corners + [(int(rng.integers(rows)), int(rng.integers(cols))) for _ in range(count)]


def assert_dense_equals_single_boxes(
    network: Network, shape: tuple[int, int], step_px: int | None, count: int = 12
) -> None:
    prepared = noise(shape)
    score_map = finish(score_prepared(prepared, network, step_px))
    elements = some_elements(score_map.scores.shape, count)
    expected = score_crops(crops_at(prepared, score_map, elements), network)
    found = score_map.scores[tuple(np.transpose(elements))]
    assert expected.std() > 0.02  # scores that are all alike would prove nothing
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("klh", (300, 330)), ("19s", (171, 204)), ("26s", (203, 167)), ("inflammasome", (131, 178))],
)
def test_dense_scores_equal_those_of_single_boxes(name: str, shape: tuple[int, int]) -> None:
    assert_dense_equals_single_boxes(lively_network(TABLE_1[name]), shape, None)


@pytest.mark.parametrize(
    ("name", "shape", "step_px"),
    [
        ("klh", (280, 320), 24),
        ("19s", (171, 204), 20),
        ("26s", (203, 167), 20),
        ("inflammasome", (131, 178), 20),
    ],
)
def test_dense_scores_at_a_long_step_equal_those_of_single_boxes(
    name: str, shape: tuple[int, int], step_px: int
) -> None:
    network = lively_network(TABLE_1[name])
    assert step_px > network.architecture.step_px
    assert_dense_equals_single_boxes(network, shape, step_px)


@pytest.mark.parametrize("step_px", [None, 4, 2])
def test_dense_scores_with_relu_equal_those_of_single_boxes(step_px: int | None) -> None:
    network = lively_network(replace(TABLE_1["inflammasome"], activation="relu"))
    shape = (119, 127) if step_px == 2 else (131, 178)
    assert_dense_equals_single_boxes(network, shape, step_px, count=6)


@settings(max_examples=25)
@given(
    pools=st.sampled_from([preset.pools for preset in TABLE_1.values()]),
    size=st.integers(1, 3),
    extra=st.tuples(st.integers(0, 90), st.integers(0, 90)),
    step_px=st.integers(1, 60),
)
@example(pools=(2, 2, 2), size=2, extra=(70, 90), step_px=20)
@example(pools=(3, 2, 2), size=1, extra=(25, 13), step_px=7)
def test_dense_scores_at_any_step_equal_those_of_single_boxes(
    pools: tuple[int, int, int], size: int, extra: tuple[int, int], step_px: int
) -> None:
    box = ((size * pools[2] + 1) * pools[1] + 2) * pools[0] + 3
    network = lively_network(Architecture(box, (4, 3, 2), pools))
    shape = (box + extra[0], box + extra[1])
    prepared = noise(shape)
    score_map = finish(score_prepared(prepared, network, step_px))
    assert score_map.step_px == step_px
    elements = some_elements(score_map.scores.shape, 4)
    expected = score_crops(crops_at(prepared, score_map, elements), network)
    found = score_map.scores[tuple(np.transpose(elements))]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@given(box=st.integers(24, 40), extra=st.integers(0, 200), step_px=st.integers(1, 300))
def test_grid_has_the_paper_s_boxes_and_those_over_the_border(
    box: int, extra: int, step_px: int
) -> None:
    side = box + extra
    corners = tiling.corners_along(side, box, step_px)
    of_the_paper = np.arange(0, side - box + 1, step_px)  # whole boxes, from a corner
    np.testing.assert_array_equal(corners[(corners >= 0) & (corners <= side - box)], of_the_paper)
    assert (np.diff(corners) == step_px).all()
    assert -box < corners[0] <= corners[-1] < side  # every box sees some of the micrograph
    if step_px <= box // 2:
        assert -step_px < corners[0] + box // 2 <= 0
        assert side - 1 <= corners[-1] + box // 2 < side - 1 + step_px


@pytest.mark.parametrize("rotations", [1, 2])
def test_scores_of_fewer_rotations_are_the_mean_of_the_first(rotations: int) -> None:
    network, prepared = lively_network(Architecture.for_box(24)), noise((90, 70))
    score_map = finish(score_prepared(prepared, network, rotations=rotations))
    elements = some_elements(score_map.scores.shape, 12)
    crops = torch.from_numpy(crops_at(prepared, score_map, elements))[:, None]
    with torch.inference_mode():
        expected = [
            torch.sigmoid(network(torch.rot90(crops, k, dims=(2, 3)))) for k in range(rotations)
        ]
    mean = torch.stack(expected).mean(dim=0)[:, 0, 0].numpy()
    found = score_map.scores[tuple(np.transpose(elements))]
    np.testing.assert_allclose(found, mean, rtol=0, atol=1e-5)


def test_score_of_a_crop_is_the_mean_over_its_four_rotations() -> None:
    network = lively_network(SMALL)
    crops = noise((5, 24 * 24)).reshape(5, 24, 24)
    with torch.inference_mode():
        turns = [
            torch.sigmoid(network(torch.from_numpy(np.rot90(crops, k, (1, 2)).copy())[:, None]))
            for k in range(4)
        ]
    expected = torch.stack(turns).mean(dim=0)[:, 0, 0]
    np.testing.assert_allclose(score_crops(crops, network), expected, atol=1e-6)
    assert np.ptp(torch.stack(turns).numpy(), axis=0).max() > 0.02


def test_many_crops_are_scored_as_few_are() -> None:
    network = lively_network(SMALL)
    crops = noise((150, 24 * 24)).reshape(150, 24, 24)
    parts = [score_crops(crops[i : i + 10], network) for i in range(0, 150, 10)]
    np.testing.assert_allclose(score_crops(crops, network), np.concatenate(parts), atol=1e-6)
    assert score_crops(crops[:0], network).shape == (0,)


@pytest.mark.parametrize(("tile_boxes", "step_px"), [(1, 8), (2, 8), (2, 2), (3, 4), (1.5, 5)])
def test_tiling_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tile_boxes: float, step_px: int
) -> None:
    network, prepared = lively_network(SMALL), noise((97, 142))
    whole = finish(score_prepared(prepared, network, step_px))
    monkeypatch.setattr(scoring, "TILE_BOXES", tile_boxes)
    monkeypatch.setattr(tiling, "STRIP_ROWS", 7)
    news: list[TilesDone] = []
    tiled = finish(score_prepared(prepared, network, step_px), news.append)
    np.testing.assert_allclose(tiled.scores, whole.scores, rtol=0, atol=1e-6)
    np.testing.assert_allclose(tiled.stds, whole.stds, rtol=0, atol=1e-6)
    assert len(news) >= 4
    assert [tile.done for tile in news] == list(range(1, len(news) + 1))
    assert {tile.total for tile in news} == {len(news)}


def test_tiles_around_a_place_come_first_and_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "TILE_BOXES", 1.5)
    micrograph = Micrograph(noise((97, 142)), "m")
    model = model_of(lively_network(SMALL), 24)
    whole = finish(score_tiles(micrograph, model))
    for first_yx in ((90.0, 130.0), (0.0, 0.0), (50.0, 140.0)):
        news: list[TilesDone] = []
        scored = finish(score_tiles(micrograph, model, first_yx=first_yx), news.append)
        np.testing.assert_array_equal(scored.scores, whole.scores)
        assert len(news) >= 4
        first = news[0].so_far
        assert first is not None
        assert (first.origin_px, first.step_px) == (whole.origin_px, whole.step_px)
        row, col = np.rint((np.array(first_yx) - whole.origin_px) / whole.step_px).astype(int)
        assert first.scores[row, col] == whole.scores[row, col] > 0
        known = [np.count_nonzero(each.so_far.scores) for each in news if each.so_far is not None]
        assert known == sorted(set(known))  # each tile adds some, none is taken back
        assert known[-1] == np.count_nonzero(whole.scores)


def test_scoring_can_be_stopped_midway() -> None:
    job = score_tiles(Micrograph(noise((80, 90)), "m"), model_of(lively_network(SMALL), 24))
    assert next(job).done == 1
    job.close()
    assert torch.is_grad_enabled()
    with pytest.raises(StopIteration):
        next(job)


def test_consumer_of_the_stream_may_train_in_between() -> None:
    for _ in score_tiles(Micrograph(noise((80, 90)), "m"), model_of(lively_network(SMALL), 24)):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_standard_deviation_is_that_of_the_box_that_is_scored() -> None:
    for box in (24, 25):
        prepared = noise((61, 84))
        prepared[:30] *= 3.0
        score_map = finish(score_prepared(prepared, lively_network(Architecture.for_box(box))))
        elements = some_elements(score_map.stds.shape, 10)
        crops = crops_at(prepared, score_map, elements)
        found = score_map.stds[tuple(np.transpose(elements))]
        np.testing.assert_allclose(found, crops.std(axis=(1, 2)), atol=1e-4)


@pytest.mark.parametrize(("binning", "step_px"), [(1, 20), (2, 20), (3, 21), (3, 3)])
def test_step_is_in_original_pixels(binning: int, step_px: int) -> None:
    micrograph = Micrograph(noise((96, 111)), "m")
    model = model_of(lively_network(SMALL), 24 * binning, binning)
    prepared = prepare_micrograph(micrograph, 24 * binning, Sampling(binning))
    binned = finish(score_prepared(prepared, model.network, step_px // binning))
    found = score(micrograph, model, step_px=step_px)
    assert found.step_px == step_px
    np.testing.assert_array_equal(found.scores, binned.scores)
    corner = found.centres_of([0, 0])[0, 0] - (24 * binning - 1) / 2
    assert corner % step_px == 0  # a box lies in the corner of the micrograph


@pytest.mark.parametrize(("binning", "step_px"), [(1, 0), (1, -20), (3, 20), (3, 0), (2, 1)])
def test_step_between_binned_pixels_is_refused(binning: int, step_px: int) -> None:
    model = model_of(lively_network(SMALL), 24 * binning, binning)
    with pytest.raises(InputError, match=f"step of {step_px} px: give {binning} px.*a multiple"):
        score(Micrograph(noise((96, 111)), "m"), model, step_px=step_px)


@pytest.mark.parametrize("binning", [1, 2, 3])
@pytest.mark.parametrize("shape", [(75, 90), (82, 121), (74, 73)])
def test_grid_of_boxes_covers_the_micrograph_in_original_pixels(
    shape: tuple[int, int], binning: int
) -> None:
    micrograph = Micrograph(100.0 + noise(shape), "m")
    model = model_of(lively_network(SMALL), 24 * binning, binning)
    score_map = score(micrograph, model)
    assert score_map.box_size_px == 24 * binning
    assert score_map.step_px == binning * default_step(model.network)
    assert score_map.stds.shape == score_map.scores.shape
    first, last = score_map.centres_of([(0, 0), np.array(score_map.scores.shape) - 1])
    assert (np.abs(first - (binning - 1) / 2) <= binning / 2).all()  # on binned pixel 0
    binned_away = np.array(shape) % binning
    assert (last < np.array(shape) - 1 + score_map.step_px).all()
    assert (last >= np.array(shape) - 1 - binned_away - binning).all()


def test_score_is_the_scored_prepared_image_in_original_pixels() -> None:
    micrograph = Micrograph(100.0 + 7.0 * noise((96, 111)), "m")
    model = model_of(lively_network(SMALL), 72, 3)
    binned = finish(score_prepared(prepare_micrograph(micrograph, 72, Sampling(3)), model.network))
    found = score(micrograph, model)
    np.testing.assert_array_equal(found.scores, binned.scores)
    np.testing.assert_array_equal(found.stds, binned.stds)
    # a 24 px box on binned pixel 0 has its middle half a binned pixel before that pixel's middle
    assert (binned.origin_px, found.origin_px) == (-0.5, -0.5)
    assert (binned.step_px, found.step_px) == (2, 6)


def test_scores_are_probabilities_and_follow_the_image() -> None:
    score_map = score(Micrograph(noise((90, 120)), "m"), model_of(lively_network(SMALL), 24))
    assert score_map.scores.dtype == np.float32
    assert 0.0 <= score_map.scores.min() < score_map.scores.max() <= 1.0


def test_transposed_micrograph_has_the_transposed_grid() -> None:
    image, model = noise((75, 120)), model_of(lively_network(SMALL), 24)
    upright, lying = (score(Micrograph(i, "m"), model) for i in (image, image.T.copy()))
    assert upright.scores.shape == lying.scores.shape[::-1]
    np.testing.assert_allclose(upright.stds, lying.stds.T, atol=1e-4)


@given(box=st.integers(24, 512))
def test_boxes_are_scored_at_least_eight_to_a_box(box: int) -> None:
    architecture = Architecture.for_box(box)
    with torch.device("meta"):  # its weights do not matter
        step = default_step(Network(architecture))
    assert architecture.step_px % step == 0
    assert step <= box / 8
    assert step == architecture.step_px or 2 * step > box // 8 or step == 4


@pytest.mark.parametrize("shape", [(23, 60), (60, 23)])
def test_micrograph_smaller_than_the_box_cannot_be_scored(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="box of 24 px does not fit micrograph small"):
        score(Micrograph(noise(shape), "small"), model_of(lively_network(SMALL), 24))


def test_micrograph_as_large_as_the_box_can_be_scored() -> None:
    for binning, side in ((1, 24), (2, 49), (3, 73)):
        model = model_of(lively_network(SMALL), side, binning)
        assert np.isfinite(score(Micrograph(noise((side, side)), "m"), model).scores).all()


def test_constant_micrograph_cannot_be_scored() -> None:
    with pytest.raises(InputError, match="same value"):
        score(Micrograph(np.full((60, 60), 3, np.int16), "m"), model_of(lively_network(SMALL), 24))
