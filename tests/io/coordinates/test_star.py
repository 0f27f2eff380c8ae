from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinate_set, read_coordinates, write_coordinates

XY = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"


def read(tmp_path: Path, text: str) -> Picks:
    (tmp_path / "m.star").write_text(text)
    return read_coordinates(tmp_path / "m.star")


def test_the_file_has_the_columns_of_relions_autopicker(tmp_path: Path) -> None:
    write_coordinates(
        tmp_path / "m.star", Picks(np.array([[2.4, 10.5], [7, 8]]), np.array([0.75, 1e-8]), 10)
    )
    assert (tmp_path / "m.star").read_text() == (
        "\ndata_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnClassNumber #3\n"
        "_rlnAutopickFigureOfMerit #4\n_rlnAnglePsi #5\n"
        "   11.000000     2.000000            0         0.75     0.000000\n"
        "    8.000000     7.000000            0        1e-08     0.000000\n\n"
    )
    assert list(starfile.read(tmp_path / "m.star", always_dict=True)) == [""]


def test_missing_scores_are_written_as_relion_does_and_read_as_none(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "m.star", Picks(np.array([[2.0, 1.0]])))
    assert " -999 " in (tmp_path / "m.star").read_text()
    assert read_coordinates(tmp_path / "m.star").scores is None


@pytest.mark.parametrize(
    ("text", "centres"),
    [
        (XY + "1.5 2\n", [[2, 1.5]]),
        (XY + "1 2 \n\n# note\n3 4\n\n", [[2, 1], [4, 3]]),
        (XY, []),
        ("", []),
        (" \n", []),
        ("data_\n_rlnCoordinateX 1\n_rlnCoordinateY 2\n", [[2, 1]]),
        ("data_a\n\nloop_\n_rlnVoltage #1\n300\n\n" + XY + "1 2\n", [[2, 1]]),
        ("data_\nloop_\n_rlnCoordinateY\n_rlnAnglePsi\n_rlnCoordinateX\n2 9 1\n", [[2, 1]]),
    ],
)
def test_layouts_that_occur_are_read(tmp_path: Path, text: str, centres: list[list[float]]) -> None:
    assert read(tmp_path, text).centres_yx.tolist() == centres


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("junk\n", "without coordinates"),
        ("data_\n", "no loop after it"),
        ("data_\nloop_\n_rlnCoordinateX #1\n1\n", "expected a loop with _rlnCoordinateX and"),
        (XY + "1 2\n\n3 foo\n", "line 8: expected a number for _rlnCoordinateY, found 'foo'"),
        (XY + "1 2\nnan 3\n", "line 7: expected a number for _rlnCoordinateX, found 'nan'"),
        (XY + "1 inf\n", "line 6: expected a number"),
        (XY + "1 2\n3\n", "line 7: expected a number for _rlnCoordinateY"),
        (XY + "1 2\n3 4 5\n", "rows and columns .* don't agree"),
        (XY.replace("Y #2", "X #2\n_rlnCoordinateY #3") + "1 2 3\n", "_rlnCoordinateX twice"),
        (XY + "_rlnMicrographName #3\n1 2 a.mrc\n3 4\n", "line 8: expected a name"),
        (XY + "_rlnAutopickFigureOfMerit #3\n1 2 high\n", "FigureOfMerit, found 'high'"),
        (
            "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
            "a.mrc 1 2\ndata_b.mrc 3 4\n",
            "data_",
        ),
    ],
)
def test_bad_files_are_explained_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "m.star" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_repaired_file_is_read_anew(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(tmp_path, XY + "1 2\n3 4 5\n")
    assert read(tmp_path, XY + "1 2\n3 4\n").centres_yx.tolist() == [[2, 1], [4, 3]]


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    (tmp_path / "all.star").write_text(XY + "_rlnMicrographName #3\n1 2 0042\n3 4 0043.mrc\n")
    assert sorted(read_coordinate_set(tmp_path / "all.star", ["0042", "0043"])) == ["0042", "0043"]
