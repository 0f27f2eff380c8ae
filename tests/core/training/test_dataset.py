from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blobs import BOX_PX, SHAPE, blob_micrograph
from napari_deepem.core.errors import InputError
from napari_deepem.core.preprocessing.prepare import prepare_image
from napari_deepem.core.preprocessing.sampling import Sampling
from napari_deepem.core.training.crops import PaddedImage, box_corners
from napari_deepem.core.training.dataset import (
    Field,
    cut_boxes,
    hold_out,
    positives_and_negatives,
    prepare_fields,
    share_out,
)
from napari_deepem.core.types import FloatArray, Labels, Micrograph

NOWHERE = np.empty((0, 2))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def field_of(
    positive_yx: FloatArray,
    negative_yx: FloatArray = NOWHERE,
    *,
    shape: tuple[int, int] = (100, 160),
    name: str = "m0",
    box_px: int = BOX_PX,
) -> Field:
    """A field whose pixels tell where they are."""
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    return Field(
        prepared=image,
        padded=PaddedImage.of(image, box_px),
        positive_yx=positive_yx,
        negative_yx=negative_yx,
        avoid_yx=positive_yx,
        cols=(0.0, shape[1] - 1.0),
        name=name,
        pixel_size=None,
    )


def random_field(count: int, seed: int = 0, name: str = "m0") -> Field:
    centres = rng(seed).uniform((0, 0), (99, 159), (count, 2))
    return field_of(centres, name=name)


def last_column(centres_yx: FloatArray, box_px: int) -> int:
    return int(box_corners(centres_yx, box_px)[:, 1].max()) + box_px - 1


def first_column(centres_yx: FloatArray, box_px: int) -> int:
    return int(box_corners(centres_yx, box_px)[:, 1].min())


def test_fields_hold_prepared_images_and_labels_in_binned_pixels() -> None:
    micrograph, centres = blob_micrograph(1)
    labels = Labels.of(centres, [[20.0, 30.0]])
    (field,) = prepare_fields([micrograph], [labels], 48, Sampling(2))
    np.testing.assert_array_equal(field.prepared, prepare_image(micrograph.image, 48, Sampling(2)))
    np.testing.assert_allclose(field.positive_yx, Sampling(2).to_network(centres))
    np.testing.assert_allclose(field.negative_yx, [[9.75, 14.75]])
    assert field.cols == (0.0, SHAPE[1] // 2 - 1)


def test_what_is_unsure_is_no_label_but_no_background_either() -> None:
    micrograph, centres = blob_micrograph(1)
    labels = Labels.of(centres[:3], unsure_yx=centres[3:])
    (field,) = prepare_fields([micrograph], [labels], 48, Sampling(2))
    np.testing.assert_allclose(field.positive_yx, Sampling(2).to_network(centres[:3]))
    assert field.negative_yx.shape == (0, 2)
    drawn = field.draw_background(200, 8.0, rng())
    distances = np.linalg.norm(drawn[:, None] - Sampling(2).to_network(centres)[None], axis=2)
    assert distances.min() > 8.0


def test_field_knows_the_file_of_its_micrograph() -> None:
    micrograph, centres = blob_micrograph(1)
    micrograph = replace(micrograph, source=Path("a/blobs_1.mrc"))
    (field,) = prepare_fields([micrograph], [Labels.of(centres)], 48, Sampling(2))
    assert field.source == field.within(0.0, 20.0).source == Path("a/blobs_1.mrc")


def test_micrographs_without_labels_are_not_used() -> None:
    micrographs = [blob_micrograph(seed)[0] for seed in range(3)]
    labels = [Labels.of(), Labels.of([[30, 40]]), Labels.of([], [[30, 40]])]
    fields = prepare_fields(micrographs, labels, BOX_PX, Sampling(1))
    assert [field.name for field in fields] == ["blobs_1", "blobs_2"]


@pytest.mark.parametrize("kind", ["positive_yx", "negative_yx", "unsure_yx"])
@pytest.mark.parametrize(
    ("row", "col"),
    [(-0.6, 5), (5, -0.6), (109.6, 5), (5, 139.6), (130, 20), (-1e9, 3)],
    ids=["above", "left", "below", "right", "as if transposed", "far"],
)
def test_labels_outside_the_image_are_refused(kind: str, row: float, col: float) -> None:
    micrograph, _ = blob_micrograph(1)
    labels = Labels.of(**{"positive_yx": [[20, 30]], kind: [[20, 30], [row, col]]})
    message = (
        rf"1 of 2 coordinates lie outside micrograph blobs_1 \(140 x 110 px\), "
        rf"the first at x = {col:g}, y = {row:g}"
    )
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        prepare_fields([micrograph], [labels], BOX_PX, Sampling(1))


def test_labels_on_the_outermost_edges_of_the_image_are_used() -> None:
    micrograph, _ = blob_micrograph(1)
    corners = [[-0.5, -0.5], [109.5, 139.5], [-0.5, 139.5], [109.5, -0.5]]
    (field,) = prepare_fields([micrograph], [Labels.of(corners)], BOX_PX, Sampling(1))
    boxes = cut_boxes([field], [field.positive_yx], BOX_PX)
    assert boxes.shape == (4, BOX_PX, BOX_PX)
    assert np.isfinite(boxes).all()


@given(
    st.one_of(
        st.lists(st.integers(1, 40), min_size=4, max_size=8),
        st.lists(st.integers(1, 7), min_size=2, max_size=3),
    ),
    st.integers(0, 1000),
)
def test_a_quarter_of_the_micrographs_is_held_out_with_half_of_the_particles_at_most(
    counts: list[int], seed: int
) -> None:
    fields = [random_field(count, i, name=f"m{i}") for i, count in enumerate(counts)]
    training, held_out = hold_out(fields, BOX_PX, rng(seed))
    assert training
    assert held_out
    together = sorted(field.name for field in [*training, *held_out])
    assert together == [f"m{i}" for i in range(len(counts))]
    assert sum(len(field.positive_yx) for field in held_out) <= sum(counts) / 2
    assert len(held_out) <= max(1, round(len(counts) / 4))


def test_chance_decides_which_micrographs_are_held_out() -> None:
    fields = [random_field(10, i, name=f"m{i}") for i in range(8)]
    choices = {
        tuple(sorted(field.name for field in hold_out(fields, BOX_PX, rng(seed))[1]))
        for seed in range(6)
    }
    assert len(choices) > 1
    assert {len(choice) for choice in choices} == {2}  # a quarter of eight


def test_micrographs_with_negatives_alone_are_trained_on() -> None:
    empty = field_of(NOWHERE, np.array([[50.0, 60.0]]), name="m2")
    many = [random_field(9, k, name=f"m{k}") for k in range(4)]
    training, held_out = hold_out([*many, empty], BOX_PX, rng())
    assert empty in training
    assert all(len(field.positive_yx) for field in held_out)
    training, held_out = hold_out([random_field(12), empty], BOX_PX, rng())
    assert empty in training
    assert [field.name for field in held_out] == ["m0"]


@given(st.integers(0, 10**6), st.integers(8, 60), st.sampled_from([24, 25, 31]))
def test_strip_that_is_held_out_shares_no_pixel_with_the_rest(
    seed: int, count: int, box_px: int
) -> None:
    whole = random_field(count, seed)
    (left,), held_out = hold_out([whole], box_px, rng())
    assume(held_out)
    (right,) = held_out
    background = [part.draw_background(40, 2.0, rng(seed)) for part in (left, right)]
    for mine in (left.positive_yx, background[0]):
        for theirs in (right.positive_yx, background[1]):
            assert last_column(mine, box_px) < first_column(theirs, box_px)
    assert 1 <= len(right.positive_yx) <= count / 4 + 1
    np.testing.assert_array_equal(left.avoid_yx, whole.positive_yx)


def test_right_hand_quarter_of_a_single_micrograph_is_held_out() -> None:
    centres = np.stack([np.full(16, 50.0), np.arange(16) * 10.0], axis=1)
    (left,), (right,) = hold_out([field_of(centres)], 24, rng())
    # a quarter of the columns 0, 10 .. 150 lies at 112.5 or above; a box is left between the parts
    np.testing.assert_array_equal(left.positive_yx[:, 1], np.arange(0, 101, 10))
    np.testing.assert_array_equal(right.positive_yx[:, 1], [130, 140, 150])
    assert (left.cols, right.cols) == ((0.0, 100.5), (124.5, 159.0))


def test_right_hand_quarter_of_each_of_few_micrographs_is_held_out() -> None:
    centres = np.stack([np.full(16, 50.0), np.arange(16) * 10.0], axis=1)
    fields = [field_of(centres, name="a"), random_field(5, name="b"), field_of(centres, name="c")]
    training, held_out = hold_out(fields, 24, rng())
    assert [field.name for field in training] == ["a", "b", "c"]
    assert [field.name for field in held_out] == ["a", "c"]
    assert training[1] is fields[1]
    for left, right in ((training[0], held_out[0]), (training[2], held_out[1])):
        assert (left.cols, right.cols) == ((0.0, 100.5), (124.5, 159.0))


def test_few_particles_of_a_single_micrograph_are_all_trained_on() -> None:
    few = random_field(7)
    assert hold_out([few], BOX_PX, rng()) == ([few], [])


def test_particles_in_one_column_cannot_be_split() -> None:
    column = field_of(np.stack([np.arange(12) * 8.0, np.full(12, 80.0)], axis=1))
    assert hold_out([column], BOX_PX, rng()) == ([column], [])


def test_negatives_of_a_split_micrograph_go_with_their_part() -> None:
    centres = np.stack([np.full(16, 50.0), np.arange(16) * 10.0], axis=1)
    negatives = np.array([[20.0, 10.0], [20.0, 112.0], [20.0, 150.0]])
    (left,), (right,) = hold_out([field_of(centres, negatives)], 24, rng())
    np.testing.assert_array_equal(left.negative_yx, negatives[:1])
    np.testing.assert_array_equal(right.negative_yx, negatives[2:])


def test_as_many_negatives_as_particles_are_drawn_away_from_them() -> None:
    field = random_field(12)
    positive, negative = positives_and_negatives([field], BOX_PX, 10.0, rng())
    assert positive.shape == negative.shape == (12, BOX_PX, BOX_PX)
    np.testing.assert_array_equal(positive, cut_boxes([field], [field.positive_yx], BOX_PX))
    middles = negative[:, BOX_PX // 2, BOX_PX // 2].astype(int)  # pixels tell where they are
    found = np.stack(np.unravel_index(middles, field.prepared.shape), axis=1)
    distances = np.linalg.norm(found[:, None] - field.positive_yx[None], axis=2)
    assert distances.min() > 10.0 - np.sqrt(0.5)  # to the pixel


def test_more_negatives_than_particles_are_drawn_on_demand() -> None:
    marked = np.array([[10.0, 20.0], [70.0, 90.0]])
    field = field_of(rng(1).uniform((0, 0), (99, 159), (4, 2)), marked)
    for per_positive, expected in ((2.5, 10), (1.0, 4), (0.25, 2)):
        _, negative = positives_and_negatives([field], BOX_PX, 5.0, rng(), per_positive)
        assert len(negative) == expected
        np.testing.assert_array_equal(negative[:2], cut_boxes([field], [marked], BOX_PX))


def test_marked_negatives_come_first() -> None:
    marked = np.array([[10.0, 20.0], [70.0, 90.0], [40.0, 150.0]])
    for n_positive, n_negative in ((2, 3), (3, 3), (5, 5)):
        field = field_of(rng(1).uniform((0, 0), (99, 159), (n_positive, 2)), marked)
        _, negative = positives_and_negatives([field], BOX_PX, 5.0, rng())
        assert len(negative) == n_negative
        np.testing.assert_array_equal(negative[:3], cut_boxes([field], [marked], BOX_PX))


def test_no_room_for_negatives_is_an_error_unless_enough_are_marked() -> None:
    crowd = np.argwhere(np.ones((11, 17))).astype(np.float64) * 10
    with pytest.raises(InputError, match="no place is left for negatives"):
        positives_and_negatives([field_of(crowd)], BOX_PX, 12.0, rng())
    positive, negative = positives_and_negatives([field_of(crowd, crowd)], BOX_PX, 12.0, rng())
    assert len(positive) == len(negative) == len(crowd)


@given(st.integers(0, 100), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_draws_are_shared_out_among_fields_that_have_labels(count: int, weights: list[int]) -> None:
    assume(sum(weights))
    shares = share_out(count, np.array(weights), rng())
    assert sum(shares) == count
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if not weight)


def test_boxes_are_centred_on_what_was_clicked() -> None:
    image = np.zeros((60, 80), dtype=np.float32)
    image[33, 47] = 1.0
    noisy = Micrograph(image + 0.1 * rng().normal(size=image.shape).astype(np.float32), "m")
    for box in (24, 25):
        (field,) = prepare_fields([noisy], [Labels.of([[33, 47]])], box, Sampling(1))
        (crop,) = cut_boxes([field], [field.positive_yx], box)
        assert np.unravel_index(crop.argmax(), crop.shape) == (box // 2, box // 2)


@pytest.mark.parametrize("n_labels", [1, 3])
def test_each_micrograph_needs_its_labels(n_labels: int) -> None:
    micrographs = [blob_micrograph(seed)[0] for seed in (1, 2)]
    with pytest.raises(InputError, match="differ in number"):
        prepare_fields(micrographs, [Labels.of([[30, 40]])] * n_labels, BOX_PX, Sampling(1))


@pytest.mark.parametrize(("count", "is_split"), [(7, False), (9, True)])
def test_a_single_micrograph_is_split_from_eight_particles_on(count: int, is_split: bool) -> None:
    columns = np.linspace(5.0, 150.0, count)
    field = field_of(np.stack([np.full(count, 50.0), columns], axis=1))
    training, held_out = hold_out([field], BOX_PX, rng())
    assert bool(held_out) is is_split
    assert (training == [field]) is not is_split
