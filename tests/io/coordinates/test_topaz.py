"""Topaz' tables: one file for all micrographs, in whole pixels."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    coordinate_names,
    read_coordinate_set,
    read_coordinates,
    write_coordinate_set,
)

TOPAZ = shutil.which("topaz")
SCORED = Picks(np.array([[20.4, 10.5], [60, 50]]), np.array([-1.5, 0.25]), 8)
UNSCORED = Picks(np.array([[4.0, 3.0]]), None, 8)


def test_layout_is_topaz_own(tmp_path: Path) -> None:
    both = [MicrographPicks("a.1", SCORED), MicrographPicks("b c", SCORED.at([1]))]
    assert write_coordinate_set(tmp_path, both, "topaz") == [tmp_path / "topaz.txt"]
    assert (tmp_path / "topaz.txt").read_bytes() == (
        b"image_name\tx_coord\ty_coord\tscore\n"
        b"a.1\t11\t20\t-1.5\na.1\t50\t60\t0.25\nb c\t50\t60\t0.25\n"
    )


def test_micrographs_without_scores_stay_without_beside_others(tmp_path: Path) -> None:
    both = [MicrographPicks("a", SCORED), MicrographPicks("b", UNSCORED)]
    write_coordinate_set(tmp_path / "x.txt", both, "topaz")
    read = read_coordinate_set(tmp_path / "x.txt", ["a", "b"])
    assert read["a"].scores is not None
    assert read["a"].scores.tolist() == [-1.5, 0.25]
    assert read["b"].scores is None
    write_coordinate_set(tmp_path / "x.txt", both[1:], "topaz")
    assert (tmp_path / "x.txt").read_text() == "image_name\tx_coord\ty_coord\nb\t3\t4\n"


def test_other_columns_orders_and_suffixes_of_images_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(
        "source\tscore\ty_coord\tX_coord\timage_name\tdiameter\r\n"
        'tem\t0.5\t2\t1.5\t"d/\xb5 1.mrc"\t12\r\n\r\n',
        encoding="utf-8",
    )
    picks = read_coordinate_set(path, ["\xb5 1"])["\xb5 1"]
    assert picks.centres_yx.tolist() == [[2, 1.5]]
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_name\tx_coord\n", "line 1: expected a header like image_name x_coord y_coord"),
        ("x_coord\ty_coord\n1\t2\n", "line 1: expected a header like image_name x_coord y_coord"),
        ("image_name\tx_coord\ty_coord\tx_coord\n", "line 1: has the column x_coord twice"),
        ("image_name\tx_coord\ty_coord\na\t1\n", "line 2: expected 3 columns .*, found 2"),
        ("image_name\tx_coord\ty_coord\n\t1\t2\n", "line 2: expected the name of a micrograph"),
        ("image_name\tx_coord\ty_coord\na\tnan\t2\n", "line 2: expected a number, found 'nan'"),
        ('image_name\tx_coord\ty_coord\n"a\t1\t2\n', "line 2: .*; check its quotes"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_coordinates(tmp_path / "p.txt")


def test_other_texts_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "notes.txt").write_text("image_name is in the first column\n")
    (tmp_path / "picture.txt").write_bytes(bytes(range(256)))
    assert coordinate_names(tmp_path) == ["a"]


@pytest.mark.skipif(TOPAZ is None, reason="topaz is not installed")
def test_topaz_converts_our_table_to_the_same_boxes(tmp_path: Path) -> None:
    picked = [MicrographPicks("a.1", SCORED), MicrographPicks("b", SCORED.at([1]))]
    (table,) = write_coordinate_set(tmp_path, picked, "topaz")
    (tmp_path / "boxes").mkdir()
    convert = [str(TOPAZ), "convert", str(table)]
    subprocess.run(
        [*convert, "--to", "box", "--boxsize", "8", "-o", str(tmp_path / "boxes")], check=True
    )
    subprocess.run([*convert, "-o", str(tmp_path / "all.star")], check=True)
    for places in (tmp_path / "boxes", tmp_path / "all.star"):
        read = read_coordinate_set(places, ["a.1", "b"])
        assert read["a.1"].centres_yx.tolist() == [[20, 11], [60, 50]]
        assert read["b"].centres_yx.tolist() == [[60, 50]]
    assert read["a.1"].scores is not None
    assert read["a.1"].scores.tolist() == [-1.5, 0.25]
