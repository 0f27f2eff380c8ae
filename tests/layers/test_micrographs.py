from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Labels, Points
from napari.layers._source import layer_source

from napari_deepem.core.types import Micrograph
from napari_deepem.layers.micrographs import (
    contrast_limits,
    enrol,
    file_of,
    folder_of,
    image_layer_data,
    is_micrograph,
    pixel_size_of,
    twin_of,
    why_not_enrol,
)
from napari_deepem.layers.tags import micrograph_name_of, tag


def image(**arguments) -> Image:
    return Image(np.zeros((6, 9), dtype=np.float32), **arguments)


@pytest.mark.parametrize(
    ("arguments", "pixel_size"),
    [
        ({"scale": (1.5, 1.5), "units": ("angstrom", "angstrom")}, 1.5),
        ({"scale": (0.15, 0.15), "units": ("nm", "nm")}, 1.5),
        ({"scale": (1.5, 1.5)}, None),
        ({"scale": (1.5, 2.0), "units": ("angstrom", "angstrom")}, None),
        ({}, None),
    ],
)
def test_pixel_size_is_the_scale_where_it_is_a_length(arguments, pixel_size) -> None:
    assert pixel_size_of(image(**arguments)) == (pixel_size and pytest.approx(pixel_size))


def test_micrograph_goes_through_a_layer_unchanged() -> None:
    micrograph = Micrograph(np.arange(54.0).reshape(6, 9), "m1", 1.25)
    data, arguments, _ = image_layer_data(micrograph)
    back = enrol(Image(data, **arguments), taken=())
    assert (back.name, back.pixel_size) == ("m1", 1.25)
    np.testing.assert_array_equal(back.image, micrograph.image)


def test_renaming_a_layer_does_not_rename_its_micrograph() -> None:
    data, arguments, _ = image_layer_data(Micrograph(np.zeros((6, 9)), "m1"))
    layer = Image(data, **arguments)
    layer.name = "nice one"
    assert enrol(layer, taken=()).name == "m1"


def test_second_file_of_one_name_goes_by_its_layer() -> None:
    layer = image(name="m1 [1]", metadata=tag("micrograph", "m1"))
    assert enrol(layer, taken={"m1"}).name == "m1 [1]"
    assert enrol(layer, taken={"m1"}).name == "m1 [1]"


def test_only_single_grey_images_are_micrographs() -> None:
    assert is_micrograph(image())
    assert not is_micrograph(Image(np.zeros((3, 6, 9))))
    assert not is_micrograph(Image(np.zeros((6, 9, 3)), rgb=True))
    assert not is_micrograph(Labels(np.zeros((6, 9), dtype=int)))
    assert not is_micrograph(Points())
    assert not is_micrograph(image(metadata=tag("scores", "m1")))


def test_hot_pixel_does_not_spoil_the_contrast() -> None:
    grey = np.random.default_rng(0).normal(size=(300, 300))
    grey[0, 0] = 1e6
    low, high = contrast_limits(grey)
    assert -4 < low < high < 4


@pytest.mark.parametrize("axis", [0, 1])
def test_blank_part_does_not_spoil_the_contrast(axis: int) -> None:
    """A.7: what is shown has the contrast that it has alone."""
    grey = np.random.default_rng(0).normal(130.0, 20.0, size=(300, 300))
    half_blank = np.concatenate([np.zeros((300, 300)), grey], axis=axis)
    np.testing.assert_allclose(contrast_limits(half_blank), contrast_limits(grey))


def test_constant_image_has_contrast_limits_that_napari_takes() -> None:
    low, high = contrast_limits(np.full((10, 10), 7, dtype=np.uint16))
    assert low < high


def test_layer_without_a_file_has_no_folder() -> None:
    assert folder_of(image()) is None


def test_duplicate_has_the_file_of_its_original() -> None:
    with layer_source(path="/data/m1.mrc"):
        original = image()
    with layer_source(parent=original):
        copy = image()
    assert file_of(copy) == Path("/data/m1.mrc")
    assert folder_of(copy) == Path("/data")
    assert enrol(copy, taken=()).source == Path("/data/m1.mrc")
    assert twin_of(copy, [original]) is original


def test_twin_is_another_layer_of_the_same_file() -> None:
    with layer_source(path="/data/m1.mrc"):
        first, second = image(), image()
    with layer_source(path="/data/m2.mrc"):
        other = image()
    assert twin_of(second, [other, first]) is first
    assert twin_of(other, [first, second]) is None
    assert twin_of(image(), [image()]) is None  # neither has a file


@pytest.mark.parametrize(
    ("name", "says"),
    [("m1.tif", "mirrored"), ("M1.TIFF", "mirrored"), ("m1.mrc", ""), ("m1.tif.mrc", "")],
)
def test_tiff_of_another_reader_is_mirrored(name: str, says: str) -> None:
    with layer_source(path=f"/data/{name}"):
        problem = why_not_enrol(image())
        ours = why_not_enrol(image(metadata=tag("micrograph", "m1")))
    assert says in problem
    assert bool(says) == bool(problem)
    assert ours == ""


@pytest.mark.parametrize("name", ["../../m1", "C:m1", "/etc/m1"])
def test_micrograph_of_a_layer_of_any_name_has_a_plain_one(name: str) -> None:
    """B.1: files are named after it."""
    for layer in (image(name=name), image(name="m", metadata=tag("micrograph", name))):
        made = enrol(layer, ())
        assert Path(f"folder/{made.name}.star").parent == Path("folder")
        assert micrograph_name_of(layer) == made.name
