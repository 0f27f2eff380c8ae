"""What is left out of labels, what is refused, and what is said."""

from __future__ import annotations

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.picking.suppression import once
from napari_deepem.core.training.label_advice import (
    LabelledImage,
    label_advice,
    model_advice,
    on_exchanged_axes,
    on_reaches,
)
from napari_deepem.core.types import Labels
from napari_deepem.io.coordinates import read_coordinates
from places import SHARED_DATA

SHAPE = (900, 1000)
BOX_PX = 40


def grid(count: int, step: float = 90.0) -> np.ndarray:
    """(count, 2) centres, `step` px from each other."""
    return np.array([[40 + step * (i // 9), 40 + step * (i % 9)] for i in range(count)])


def images(labels: Labels, *pixel_sizes: float | None) -> list[LabelledImage]:
    """Micrographs of these labels, one a pixel size; two by default."""
    sizes = pixel_sizes or (None, None)
    return [LabelledImage(f"m{i}", labels, SHAPE, size) for i, size in enumerate(sizes)]


def test_good_labels_need_no_advice() -> None:
    assert label_advice(images(Labels.of(grid(81))), BOX_PX) == []
    assert label_advice([], BOX_PX) == label_advice(images(Labels.of()), BOX_PX) == []


@pytest.mark.parametrize("kind", ["positive_yx", "negative_yx", "unsure_yx"])
@pytest.mark.parametrize("outside_yx", [(-0.6, 5), (5, 999.6), (899.6, 5), (-1e6, 5)])
def test_a_few_labels_outside_are_left_out_with_a_remark(
    kind: str, outside_yx: tuple[float, float]
) -> None:
    """C.6"""
    given = {"positive_yx": grid(81)} | {kind: [*(grid(81) if kind[0] == "p" else []), outside_yx]}
    (image,) = images(Labels.of(**given), None)
    assert len(image.inside().positive_yx) == 81
    assert len(getattr(image.inside(), kind)) == len(given[kind]) - 1
    assert label_advice([image, *images(Labels.of(grid(81)), None)], BOX_PX)[0] == (
        "1 of 163 labels lies outside of its micrograph and is left out."
    )


def test_labels_on_the_border_are_inside() -> None:
    corners = [[-0.5, -0.5], [899.5, 999.5], [-0.5, 999.5], [899.5, -0.5]]
    assert len(images(Labels.of(corners))[0].inside().positive_yx) == 4


@pytest.mark.parametrize(
    ("n_inside", "n_outside", "is_few"),
    [(95, 5, True), (94, 6, False), (3, 1, True), (2, 1, False), (38, 2, True), (0, 1, False)],
)
def test_one_label_or_one_in_twenty_is_few(n_inside: int, n_outside: int, is_few: bool) -> None:
    """C.6: more are in pixels of another image, and so are those that lie inside."""
    labels = Labels.of([*[[5.0, 5.0 + i] for i in range(n_inside)], *[[5.0, 2e3]] * n_outside])
    image = LabelledImage("m", labels, SHAPE)
    if is_few:
        assert len(image.inside().positive_yx) == n_inside
    else:
        with pytest.raises(InputError, match=f"{n_outside} of {n_inside + n_outside} .* unbinned"):
            image.inside()
    assert LabelledImage("m", labels).inside() is labels  # its shape isn't known


def test_particles_that_are_there_twice_count_once() -> None:
    """C.6"""
    thrice = np.concatenate([grid(20), grid(20), grid(3) + 2.5])  # 3.5 px are less than 0.1 boxes
    (image,) = images(Labels.of(thrice, grid(2) + 30), None)
    np.testing.assert_array_equal(image.usable(BOX_PX).positive_yx, grid(20))
    assert len(image.usable(BOX_PX).negative_yx) == 2
    assert label_advice([image], BOX_PX)[0] == "23 particles are there twice and count once."


def test_many_in_one_place_take_no_longer_than_many_apart() -> None:
    heap = np.concatenate([np.zeros((200_000, 2)), np.random.default_rng(0).random((200_000, 2))])
    assert once(heap, BOX_PX).tolist() == [[0, 0]]


def test_particles_a_little_further_apart_are_said_and_kept() -> None:
    labels = Labels.of([*grid(20), grid(1)[0] + 5])
    assert len(images(labels)[0].usable(BOX_PX).positive_yx) == 21
    assert "2 particles seem to be marked twice." in label_advice(images(labels), BOX_PX)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the real labels are not there")
@pytest.mark.parametrize(("kind", "box_px"), [("apoferritin", 94), ("bgal", 40), ("klh", 202)])
def test_no_neighbours_of_real_labels_are_taken_for_one(kind: str, box_px: int) -> None:
    """C.6: far from it: not in a distance of three times as much either."""
    for path in (SHARED_DATA / kind).glob("*.csv"):
        centres_yx = read_coordinates(path).centres_yx
        assert len(once(centres_yx, 3 * box_px)) == len(centres_yx)


@pytest.mark.parametrize(
    ("sizes", "is_said"),
    [((1.06, 1.06), False), ((1.05, 1.06), False), ((1.06, None), False), ((1.06, 2.12), True)],
)
def test_mixed_pixel_sizes_are_said(sizes: tuple[float | None, ...], is_said: bool) -> None:
    """C.6"""
    advice = label_advice(images(Labels.of(grid(81)), *sizes), BOX_PX)
    assert advice == is_said * [
        "Pixel sizes differ, 1.06 to 2.12 Å: particles have several sizes in pixels. Train on "
        "micrographs of one pixel size."
    ]


def test_coordinates_of_a_binned_image_are_suspected() -> None:
    """C.6"""
    text = " ".join(label_advice(images(Labels.of(grid(81) / 2)), 20))
    assert "No particle lies beyond 42% of height or width" in text
    assert "in pixels of these files" in text
    assert "beyond" not in " ".join(label_advice(images(Labels.of(grid(9) / 2)), 20))  # so few may


def test_picks_and_truth_of_another_scale_are_suspected() -> None:
    """C.6"""
    assert list(on_reaches([grid(81)], [grid(81)])) == []
    assert list(on_reaches([grid(81)], [grid(9) / 2])) == []
    for pair in ([grid(81)], [grid(81) / 2]), ([grid(81) / 2, grid(0)], [grid(81), grid(81)]):
        (line,) = on_reaches(*pair)
        assert "in pixels of the same files, unbinned" in line


def test_models_that_find_half_or_are_hardly_ever_right_are_warned_of() -> None:
    """D.3"""
    good = {"held_out_recall": 0.51, "held_out_ap": 0.31}
    assert model_advice(good) == model_advice({}) == []
    assert "recall 0.50" in model_advice(good | {"held_out_recall": 0.5})[0]
    assert "average precision 0.07" in model_advice(good | {"held_out_ap": 0.07})[0]


def test_axes_that_are_exchanged_are_said() -> None:
    """C.6: coordinates in the other order."""
    truth_yx = np.random.default_rng(0).uniform((0, 0), (1000, 1000), (40, 2))
    (line,) = on_exchanged_axes([truth_yx[:30, ::-1]], [truth_yx], 60)
    assert line.startswith("With x and y exchanged, 75% of the particles would have a pick")
    symmetric_yx = np.stack([truth_yx[:, 0]] * 2, axis=1)
    for picks_yx, true_yx in [
        (truth_yx, truth_yx),
        (truth_yx[::-1] + 300, truth_yx),
        (np.empty((0, 2)), truth_yx),
        (symmetric_yx, symmetric_yx),
        (truth_yx[:19, ::-1], truth_yx[:19]),  # too few to tell
    ]:
        assert list(on_exchanged_axes([picks_yx], [true_yx], 60)) == []
