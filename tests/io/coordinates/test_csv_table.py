from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import read_coordinates, write_coordinates


def read(tmp_path: Path, text: str) -> Picks:
    (tmp_path / "m.csv").write_text(text)
    return read_coordinates(tmp_path / "m.csv")


def test_decimals_and_scores_are_written_in_full(tmp_path: Path) -> None:
    picks = Picks(np.array([[2.25, 1 / 3]]), np.array([0.1]), 10)
    write_coordinates(tmp_path / "m.csv", picks)
    assert (tmp_path / "m.csv").read_bytes() == b"x,y,score\n0.3333333333333333,2.25,0.1\n"
    write_coordinates(tmp_path / "m.csv", Picks(picks.centres_yx))
    assert (tmp_path / "m.csv").read_bytes() == b"x,y\n0.3333333333333333,2.25\n"


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1.5,2\n",
        "\ufeffX, Y\r\n1.5, 2\r\n\r\n",
        '"y","x"\n2,1.5\n',
        ",x,y\n0,1.5,2",
        "\n\nx,y\n1.5,2",
    ],
    ids=["plain", "spreadsheet", "quoted and swapped", "with an index", "after blank lines"],
)
def test_headers_that_occur_are_read(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).centres_yx.tolist() == [[2, 1.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3,4\n", "line 1: expected a header like x,y,score, found '1,2'"),
        ("x,z\n1,2\n", "line 1: expected a header"),
        ("x;y\n1;2\n", "line 1: expected a header"),
        ("x,y\n1,2\n3\n", r"line 3: expected 2 columns \(x,y\), found 1"),
        ("x,y\n1,2,3\n", "line 2: expected 2 columns"),
        ("x,y\n1,\n", "line 2: expected a number, found ''"),
        ("x,y\n1,2\n1,b\n", "line 3: expected a number, found 'b'"),
        ("x,y,micrograph\n1,2,a\n1,2,\n", "line 3: expected the name of a micrograph"),
        ("x,y\nnan,2\n", "line 2: expected a number, found 'nan'"),
        ('x,y\n"1,2\n3,4\n', "line 2: .*; check its quotes"),
        ("x,y,X\n1,2,3\n", "line 1: has the column x twice"),
        ("\n\nx,y\n1,b\n", "line 4: expected a number, found 'b'"),
        ("x,y," + "a" * 90_000 + "\n1,2\n", "line 2: expected 3 columns"),
        ("x,y," + "a" * 140_000 + "\n1,2,3\n", "line 1: longer than a row"),
        ("x,y,score\n1,2,good\n", "line 2: expected a number, found 'good'"),
    ],
)
def test_bad_tables_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_angles_classes_and_sizes_are_kept_where_they_are_known(tmp_path: Path) -> None:
    features = {"angle": np.array([-90.5, np.nan]), "size": np.array([np.nan, 212.25])}
    picks = Picks(np.array([[2.0, 1.0], [4.0, 3.0]]), np.array([0.5, 0.25]), None, features)
    write_coordinates(tmp_path / "m.csv", picks)
    assert (tmp_path / "m.csv").read_text() == (
        "x,y,score,angle,size\n1.0,2.0,0.5,-90.5,\n3.0,4.0,0.25,,212.25\n"
    )
    kept = read_coordinates(tmp_path / "m.csv").features
    assert sorted(kept) == ["angle", "size"]
    for name, values in features.items():
        np.testing.assert_array_equal(kept[name], values)
    assert read(tmp_path, "class,y,x\n3,2,1\ngood,2,1\n").features["class"][0] == 3
    assert dict(read(tmp_path, "class,y,x\ngood,2,1\n,2,1\n").features) == {}
