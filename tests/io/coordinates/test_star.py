from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    read_coordinate_set,
    read_coordinates,
    star_coordinates,
    write_coordinates,
)

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
        ("junk\n", "line 1: expected data_, loop_ or a label in a STAR file, found 'junk'"),
        ("data_\n", "without coordinates; expected a loop with"),
        ("data_\nloop_\n_rlnCoordinateX #1\n1\n", "expected a loop with _rlnCoordinateX and"),
        (XY + "1 2\n\n3 foo\n", "line 8: expected a number for _rlnCoordinateY, found 'foo'"),
        (XY + "1 2\nnan 3\n", "line 7: expected a number for _rlnCoordinateX, found 'nan'"),
        (XY + "1 inf\n", "line 6: expected a number"),
        (XY + "1 2\n3\n", "line 7: rows and columns don't agree: 2 labels, 1 values"),
        (XY + "1 2\n3 4 5\n", "line 7: rows and columns don't agree: 2 labels, 3 values"),
        (XY.replace("Y #2", "X #2\n_rlnCoordinateY #3") + "1 2 3\n", "_rlnCoordinateX twice"),
        (XY + "_rlnMicrographName #3\n1 2 a.mrc\n3 4\n", "line 8: rows and columns don't agree"),
        (XY + "_rlnAutopickFigureOfMerit #3\n1 2 high\n", "FigureOfMerit, found 'high'"),
        (XY + "_rlnMicrographName #3\n1 2 ''\n", "line 7: expected a name"),
    ],
)
def test_bad_files_are_explained_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "m.star" in str(caught.value)
    assert "\n" not in str(caught.value)


NAMED = "\ndata_particles\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"


def test_all_tables_with_coordinates_are_read_whatever_their_blocks_are_called(
    tmp_path: Path,
) -> None:
    """A.2: the second of two blocks was dropped, or the first."""
    optics = "\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n1 'a b'\n"
    micrographs = "\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\na.mrc\nb.mrc\n"
    for second in ("data_particles", "data_", "data_more"):
        (tmp_path / "all.star").write_text(
            optics
            + micrographs
            + NAMED
            + "M/a.mrc 1 2\n"
            + NAMED.replace("data_particles", second)
            + "M/b.mrc 3 4\nM/a.mrc 5 6\n"
            + optics
        )
        by_name = read_coordinate_set(tmp_path / "all.star", ["a", "b"])
        assert by_name["a"].centres_yx.tolist() == [[2, 1], [6, 5]]
        assert by_name["b"].centres_yx.tolist() == [[4, 3]]


def test_two_loops_of_one_block_are_both_read(tmp_path: Path) -> None:
    """A.2"""
    loop = NAMED.partition("data_particles")[2]
    text = NAMED + "a.mrc 1 2\n" + loop + "a.mrc 3 4\n\ndata_pair\n_rlnMicrographName a.mrc\n"
    text += "_rlnCoordinateX 5 # one particle\n_rlnCoordinateY 6\n_rlnNote 'not \n"
    assert read(tmp_path, text).centres_yx.tolist() == [[2, 1], [4, 3], [6, 5]]


def test_rows_of_a_table_without_scores_have_none_beside_those_with(tmp_path: Path) -> None:
    """A.2"""
    scored = NAMED + "_rlnAutopickFigureOfMerit\na.mrc 1 2 0.5\n"
    picks = read(tmp_path, scored + NAMED + "a.mrc 3 4\n")
    assert picks.scores is not None
    assert picks.scores.tolist() == [0.5, -999]  # RELION's own word for none
    assert read(tmp_path, NAMED + "a.mrc 3 4\n").scores is None


@pytest.mark.parametrize(("first", "line"), [(XY, 5), (NAMED.replace("_rlnMicro", "_Micro"), 7)])
def test_tables_of_which_one_names_no_micrographs_are_refused(
    tmp_path: Path, first: str, line: int
) -> None:
    """A.2: they may be of any micrograph."""
    row = "1 2\n" if first is XY else "a 1 2\n"
    for second in (XY + "3 4\n", NAMED + "b.mrc 3 4\n"):
        with pytest.raises(InputError, match=f"line {line}: one of 2 tables .*, but without"):
            read(tmp_path, first + row + second)
    assert read(tmp_path, first + row + XY + NAMED).centres_yx.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("M/a#1.mrc 1 2", "a#1"),
        ("_a.mrc 1 2", "_a"),
        ("data_b.mrc 1 2", "data_b"),
        ("loop_.mrc 1 2 # note", "loop_"),
        ("'a b.mrc' 1 2", "a b"),
        ('"it\'s # one.mrc" 1\t2', "it's # one"),
        ("it's.mrc 1 2", "it's"),
        ("M/\u00b5\u00a0m.mrc 1 2", "\u00b5\u00a0m"),
    ],
)
def test_names_of_every_kind_are_read(tmp_path: Path, row: str, name: str) -> None:
    """A.3: a comment, a label, a block and a quote begin where a word does."""
    for end in ("\n", "\r\n", "\r"):
        text = NAMED.replace("\n", end) + end + row + end + "# note" + end + end + row
        (tmp_path / "all.star").write_bytes(text.encode())
        (picks,) = read_coordinate_set(tmp_path / "all.star", [name]).values()
        assert picks.centres_yx.tolist() == [[2, 1], [2, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data_\n_rlnCoordinateX abc\n_rlnCoordinateY 2\n", "line 3: expected .*X, found 'abc'"),
        ("data_\n_rlnCoordinateX\n_rlnCoordinateY 2\n", "line 2: expected a value after"),
        (NAMED + "_a.mrc abc 2\n", "line 8: expected a number for _rlnCoordinateX, found 'abc'"),
        ("# coding: hex\n" + XY + "1 x\n", "line 7: expected a number"),
        ("# coding: hex\n", "a STAR file without coordinates"),
        (NAMED + "a 1 2\n\n" + NAMED + "# note\nb 1 2\nb 3 x\n", "line 19: .* found 'x'"),
        ("data_\nloop_\n1 2\n", "line 3: expected data_, loop_ or a label"),
        ("data_\n1 2\n", "line 2: expected data_, loop_ or a label"),
        (XY + "'1 2\n", "line 6: a quote is not closed"),
        (XY + "data_1\n1 2\n", "line 7: expected data_, loop_ or a label"),
        ("data_\nloop_\n" + "_a\n" * 1001, "line 1003: more than 1000 columns"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_by_its_own_number(
    tmp_path: Path, text: str, message: str
) -> None:
    """A.3"""
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_a_repaired_file_is_read_anew(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(tmp_path, XY + "1 2\n3 4 5\n")
    assert read(tmp_path, XY + "1 2\n3 4\n").centres_yx.tolist() == [[2, 1], [4, 3]]


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    (tmp_path / "all.star").write_text(XY + "_rlnMicrographName #3\n1 2 0042\n3 4 0043.mrc\n")
    assert sorted(read_coordinate_set(tmp_path / "all.star", ["0042", "0043"])) == ["0042", "0043"]


def test_a_table_for_each_row_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 000 of them took over 40 s."""
    monkeypatch.setattr(star_coordinates, "MOST_TABLES", 2)
    table = "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\nm 1 2\n"
    path = tmp_path / "m.star"
    path.write_text(table * 2)
    assert len(read_coordinates(path)) == 2
    path.write_text(table * 3)
    with pytest.raises(InputError, match="more than 2 tables"):
        read_coordinates(path)
