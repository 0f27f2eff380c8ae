"""crYOLO's boxes: corners, estimated sizes, and every confidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    open_source,
    read_coordinates,
    write_coordinate_set,
    write_coordinates,
)
from places import SHARED_DATA

HEAD = (
    "\ndata_global\n\n_cbox_format_version 1.0\n\ndata_cryolo\n\nloop_\n_CoordinateX #1\n"
    "_CoordinateY #2\n_CoordinateZ #3\n_Width #4\n_Height #5\n_Depth #6\n_EstWidth #7\n"
    "_EstHeight #8\n_Confidence #9\n_NumBoxes #10\n_Angle #11\n"
)
TAIL = "\ndata_cryolo_include\n\nloop_\n_slice_index #1\n\n"


def written(folder: Path, rows: str, tail: str = TAIL) -> Path:
    (folder / "m.cbox").write_text(HEAD + rows + tail)
    return folder / "m.cbox"


def test_layout_is_cryolos_own_with_picks_below_the_threshold(tmp_path: Path) -> None:
    picks = Picks(np.array([[20.5, 10.25]]), np.array([0.75]), 5)
    below = Picks(np.array([[60.0, 50.0]]), np.array([0.125]), 5)
    write_coordinate_set(tmp_path, [MicrographPicks("m", picks, below)], "cbox")
    assert (tmp_path / "m.cbox").read_text() == (
        HEAD + "7.75 18.0 <NA> 5.0 5.0 <NA> 5.0 5.0 0.75 <NA> <NA>\n"
        "47.5 57.5 <NA> 5.0 5.0 <NA> 5.0 5.0 0.125 <NA> <NA>\n" + TAIL
    )
    read = read_coordinates(tmp_path / "m.cbox")
    assert read.scores is not None
    assert read.scores.tolist() == [0.75, 0.125]
    assert starfile.read(tmp_path / "m.cbox")["cryolo"]["Confidence"].tolist() == [0.75, 0.125]


def test_box_size_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="m: cbox files need the box size"):
        write_coordinates(tmp_path / "m.cbox", Picks(np.array([[1.0, 2.0]])))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.just(np.nan) | st.floats(1, 900, width=32), min_size=1, max_size=5),
    box=st.integers(1, 400),
)
def test_estimated_sizes_come_back_and_are_the_boxs_where_none_is_known(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[float], box: int
) -> None:
    path = tmp_path_factory.mktemp("sizes") / "m.cbox"
    features = {"size": np.array(sizes)}
    write_coordinates(path, Picks(np.zeros((len(sizes), 2)), None, box, features))
    known = np.where(np.isnan(sizes), box, sizes)
    read = read_coordinates(path).features.get("size", np.full(len(sizes), float(box)))
    np.testing.assert_array_equal(read, known)


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    row = "1 2 <NA> 10 20 <NA> <NA> <NA> <NA> <NA> <NA>\n"
    picks = read_coordinates(written(tmp_path, row))
    assert picks.centres_yx.tolist() == [[12, 6]]
    assert (picks.scores, dict(picks.features), picks.box_size_px) == (None, {}, 20)
    picks = read_coordinates(
        written(tmp_path, row + "1 2 <NA> 10 10 <NA> 8 12.5 0.5 3 <NA>\n"),
    )
    assert picks.scores is not None
    assert picks.scores.tolist() == [-999, 0.5]
    np.testing.assert_array_equal(picks.features["size"], [np.nan, 10.25])
    assert picks.box_size_px is None


@pytest.mark.parametrize(
    ("row", "tail", "message"),
    [
        ("1 2 12 10 10 1 <NA> <NA> 0.5 1 <NA>\n", TAIL, "line 20: boxes in the slices of a tomog"),
        ("1 2 0 10 10 1 <NA> <NA> 0.5 1 <NA>\n", TAIL + "0\n1\n", "line 28: boxes in the slices"),
        ("1 2 <NA> -1 10 1 <NA> <NA> 0.5 1 <NA>\n", TAIL, "line 20: a box can't be -1 x 10 px"),
        ("1 2 <NA> 10\n", TAIL, "line 20: rows and columns don't agree: 11 labels, 4 values"),
        ("1 <NA> <NA> 9 9 1 <NA> <NA> 1 1 1\n", TAIL, "line 20: expected a number for _Coordinate"),
        (
            "1 2 <NA> 9 9 1 <NA> <NA> inf 1 1\n",
            TAIL,
            "line 20: expected a number for _Confidence, found",
        ),
    ],
)
def test_what_is_no_box_of_a_micrograph_is_refused(
    tmp_path: Path, row: str, tail: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_coordinates(written(tmp_path, row, tail))


def test_slice_0_alone_is_a_micrograph(tmp_path: Path) -> None:
    path = written(tmp_path, "1 2 0.0 10 10 1 <NA> <NA> 0.5 1 <NA>\n", TAIL + "0.0\n")
    assert len(read_coordinates(path)) == 1


def test_a_star_file_without_boxes_is_refused_and_one_without_rows_is_not(tmp_path: Path) -> None:
    assert len(read_coordinates(written(tmp_path, ""))) == 0
    (tmp_path / "m.cbox").write_text("data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n")
    with pytest.raises(InputError, match=r"m\.cbox: a file without boxes; expected a loop with"):
        read_coordinates(tmp_path / "m.cbox")


def test_tables_of_older_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.cbox"
    path.write_text("1.5\t2\t10\t10\t0.25\t8\t12\n-3\t4\t10\t10\t0.5\t11\t11\n")
    picks = read_coordinates(path)
    assert picks.centres_yx.tolist() == [[7, 6.5], [9, 2]]
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.25, 0.5]
    assert picks.features["size"].tolist() == [10, 11]
    path.write_text("1 2 10 10 0.5\n1 2 10 10\n")
    with pytest.raises(InputError, match="line 2: expected x y width height confidence"):
        read_coordinates(path)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the real files are not beside the checkout")
def test_real_boxes_keep_their_confidences_and_say_what_is_dropped() -> None:
    folder = SHARED_DATA / "formats" / "boxmanager"
    source = open_source(folder / "particle_cbox_2d" / "TcdA1-0018_frames_sum.cbox")
    picks = source.picks_of("TcdA1-0018_frames_sum")
    assert picks.scores is not None
    assert 0.1 < picks.scores.min() < 0.2 < 0.9 < picks.scores.max() < 1
    assert picks.box_size_px == 220
    assert 215 <= picks.features["size"].min() <= picks.features["size"].max() <= 230
    assert source.remarks == [
        "crYOLO's boxes below its threshold are read too; their scores tell them"
    ]
    source = open_source(folder / "filament_cbox_2d" / "ActLifeact_03211.cbox")
    assert source.remarks == [
        "boxes of filaments are read one by one; what filament each is of is left out"
    ]
