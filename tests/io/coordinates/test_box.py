from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import open_source, read_coordinates, write_coordinates


def read(tmp_path: Path, text: str) -> Picks:
    (tmp_path / "m.box").write_text(text)
    return read_coordinates(tmp_path / "m.box")


@pytest.mark.parametrize(("size", "corner"), [(4, (98, 48)), (5, (98, 48)), (1, (100, 50))])
def test_the_corner_is_half_a_box_before_the_centre(
    tmp_path: Path, size: int, corner: tuple[int, int]
) -> None:
    write_coordinates(tmp_path / "m.box", Picks(np.array([[50.0, 100.0]]), None, size))
    assert (tmp_path / "m.box").read_bytes() == b"%d\t%d\t%d\t%d\n" % (*corner, size, size)


def test_halves_go_up_and_corners_may_be_negative(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m.box", Picks(np.array([[0.5, 1.5], [-0.5, 2.49]]), None, 10))
    assert (tmp_path / "m.box").read_text() == "-3\t-4\t10\t10\n-3\t-5\t10\t10\n"


def test_odd_lines_are_read(tmp_path: Path) -> None:
    picks = read(tmp_path, "\ufeff# x y w h\r\n\r\n 10 20\t8 8 -3\r\n10.5 20.25 8 8  # here\r\n")
    assert picks.centres_yx.tolist() == [[24, 14], [24.25, 14.5]]
    assert (picks.box_size_px, picks.scores) == (8, None)


def test_a_size_of_zero_means_centres(tmp_path: Path) -> None:
    picks = read(tmp_path, "10 20 0 0\n")
    assert (picks.centres_yx.tolist(), picks.box_size_px) == ([[20, 10]], None)


def test_boxes_of_several_sizes_have_no_common_one(tmp_path: Path) -> None:
    picks = read(tmp_path, "10 20 4 4\n10 20 5 6\n")
    assert (picks.centres_yx.tolist(), picks.box_size_px) == ([[22, 12], [23, 12]], None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3", "line 2: expected x y width height, found 3 columns"),
        ("1 2", "found 2 columns"),
        ("1 2 3 4 5 6", "found 6 columns"),
        ("1 two 3 4", "line 2: expected a number, found 'two'"),
        ("nan 2 3 4", "line 2: expected a number, found 'nan'"),
        ("1 inf 3 4", "line 2: expected a number, found 'inf'"),
        ("1 2 -3 4", "line 2: a box can't be -3 x 4 px"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, f"1 2 3 4\n{line}\n")


@pytest.mark.parametrize("size", [None, 0, -4])
def test_a_box_file_needs_the_box_size(tmp_path: Path, size: int | None) -> None:
    with pytest.raises(InputError, match="m: box files need the box size, which is not known"):
        write_coordinates(tmp_path / "m.box", Picks(np.array([[1.0, 2.0]]), None, size))
    assert list(tmp_path.iterdir()) == []


def test_ends_of_filaments_are_read_as_boxes_and_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "m.box").write_text("0 0 10 10 -1\n50 20 10 10 -2\n")
    source = open_source(tmp_path / "m.box")
    assert source.picks_of("m").centres_yx.tolist() == [[5, 5], [25, 55]]
    assert source.remarks == ["filaments are left out: the boxes at their two ends are read alone"]
    (tmp_path / "m.box").write_text("0 0 10 10 -3\n")
    assert open_source(tmp_path / "m.box").remarks == []
