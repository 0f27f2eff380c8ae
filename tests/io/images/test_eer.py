"""EER: the electrons of a Falcon camera, in files made by its specification."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from eer_files import write_eer
from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph, read_pixel_size, read_shape


@pytest.fixture
def movie() -> np.ndarray:
    return np.random.default_rng(0).random((3, 40, 56)) < 0.02


def test_electrons_of_all_frames_are_counted_where_they_came_down(
    tmp_path: Path, movie: np.ndarray
) -> None:
    path = write_eer(tmp_path / "a.eer", movie)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.image, movie.sum(0))
    assert micrograph.image.dtype == np.uint16
    assert micrograph.remark.startswith("a.eer: the sum of its 3 frames")
    assert (micrograph.name, read_pixel_size(path), read_shape(path)) == ("a", None, (40, 56))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "3@a.eer").image, movie[2])


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (b"\x00\x01\x04\x00", 1 << 30, "damaged"),
        (b"\x03\x01\x04\x00", 1, "no electrons in it"),
        (b"\x11\x01\x04\x00", 1 << 30, "cut short"),
        (b"\x17\x01\x04\x00", 1 << 30, "cut short"),
        (b"\x17\x01\x04\x00", 15, "damaged"),
        (b"\x00\x01\x04\x00", 1 << 16, "header asks for 5.24 MB|damaged"),
        (b"\x01\x01\x04\x00", 20, "damaged"),
    ],
    ids=str,
)
def test_damaged_files_are_explained(
    tmp_path: Path, movie: np.ndarray, at: bytes, value: int, message: str
) -> None:
    path = write_eer(tmp_path / "a.eer", movie)
    content = bytearray(path.read_bytes())
    place = content.index(at + struct.pack("<I", 1)) + 8
    content[place : place + 4] = struct.pack("<I", value)
    if value == 1:
        content = bytearray(content[: place - 8]) + content[place - 8 :].replace(
            struct.pack("<I", 65001), struct.pack("<I", 1)
        )
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_micrograph(path)
    assert "a.eer" in str(caught.value)


def test_other_files_are_no_eer(tmp_path: Path) -> None:
    (tmp_path / "a.eer").write_bytes(b"junk" * 100)
    with pytest.raises(InputError, match="not a TIFF file"):
        read_micrograph(tmp_path / "a.eer")
