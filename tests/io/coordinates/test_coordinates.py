"""Every format at once: what is written is read back, in pixels of the original file."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import (
    FORMATS,
    SUFFIXES,
    Format,
    MicrographPicks,
    coordinate_names,
    names_left_out,
    open_source,
    open_sources,
    read_coordinate_set,
    read_coordinates,
    write_coordinate_set,
    write_coordinates,
)
from places import SHARED_DATA

needs_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the real coordinate files are not beside the checkout"
)
TWO_MICROGRAPHS = (
    "data_optics\n\nloop_\n_rlnOpticsGroup #1\n1\n\n"
    "data_particles\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnMicrographName #3\n"
    "_rlnAutopickFigureOfMerit #4\n"
    "10.5 20 MotionCorr/a.1.mrc 0.5\n30 40 MotionCorr/b.mrc 0.25\n50 60 MotionCorr/a.1.mrc 0.75\n"
)


SHAPE = (7420, 7676)
# files with a coordinate of x in line 5, 2, 1 ... and 2 for y
LAYOUTS = {
    ".star": "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n{} 2\n",
    ".csv": "x,y\n{},2\n",
    ".box": "{} 2 0 0\n",
    ".cbox": "data_cryolo\nloop_\n_CoordinateX\n_CoordinateY\n_Width\n_Height\n{} 2 0 0\n",
    ".txt": "image_name\tx_coord\ty_coord\nm\t{}\t2\n",
}
TEXT_SUFFIXES = tuple(LAYOUTS)
# pixels by which a centre may move where a format keeps fractions, or all of them are whole
TOLERANCES = dict.fromkeys([format.name for format in FORMATS], 0.0)
TOLERANCES |= {"cbox": 20_000 * 2**-52, "cs": 20_000 * 2**-24}  # steps of double, and single
TOLERANCES |= {"particles": 6e-7}  # six decimals, as RELION writes
all_formats = pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)


def write_one(folder: Path, format: Format, picks: Picks, name: str = "m") -> Path:
    """The path that picks were written to, with all that a format may want to know."""
    picked = MicrographPicks(name, picks, shape=SHAPE, pixel_size=1.5)
    return write_coordinate_set(folder, [picked], format.name)[0]


def picks_at(*yx: tuple[float, float], scores: list[float] | None = None, box: int = 8) -> Picks:
    return Picks(
        np.array(yx, dtype=np.float64).reshape(-1, 2),
        None if scores is None else np.array(scores, dtype=np.float64),
        box,
    )


@st.composite
def some_picks(draw: st.DrawFn) -> Picks:
    """Positions beyond the edges too: half a box may hang over any of them."""
    pixel = st.floats(-500, 20_000, allow_nan=False, width=64)
    centres = draw(st.lists(st.tuples(pixel, pixel), max_size=12))
    whole = draw(st.booleans())
    scored = draw(st.booleans())
    score = st.floats(0, 1, width=32)
    scores = draw(st.lists(score, min_size=len(centres), max_size=len(centres)))
    array = np.array(centres, dtype=np.float64).reshape(-1, 2)
    return Picks(
        np.round(array) if whole else array,
        np.array(scores, dtype=np.float64) if scored else None,
        draw(st.integers(1, 1024)),
    )


@all_formats
@settings(max_examples=60, deadline=None)
@given(picks=some_picks())
def test_round_trip_preserves_centres(
    tmp_path_factory: pytest.TempPathFactory, format: Format, picks: Picks
) -> None:
    path = write_one(tmp_path_factory.mktemp("trip"), format, picks)
    read = read_coordinate_set(path, ["m"])["m"]
    whole = np.array_equal(picks.centres_yx, np.round(picks.centres_yx))
    tolerance = 0.5 if not whole and "fraction" not in format.keeps else TOLERANCES[format.name]
    assert read.centres_yx.shape == picks.centres_yx.shape
    assert read.centres_yx.dtype == np.float64
    np.testing.assert_allclose(read.centres_yx, picks.centres_yx, rtol=0, atol=tolerance)
    if len(picks) and picks.scores is not None and "score" in format.keeps:
        assert read.scores is not None
        np.testing.assert_array_equal(read.scores.astype("f4"), picks.scores.astype("f4"))
    elif len(picks):
        assert read.scores is None
    if "box" in format.keeps and len(picks):
        assert read.box_size_px == picks.box_size_px


@all_formats
def test_no_picks_make_a_file_that_reads_as_none(tmp_path: Path, format: Format) -> None:
    for scores in (None, []):
        path = write_one(tmp_path, format, picks_at(scores=scores))
        assert read_coordinates(path).centres_yx.shape == (0, 2)
        assert read_coordinate_set(path, ["m"])["m"].centres_yx.shape == (0, 2)


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_row_and_column_do_not_swap(tmp_path: Path, suffix: str) -> None:
    write_coordinates(tmp_path / f"m{suffix}", picks_at((3, 700)))
    line = {".csv": 1, ".box": 0, ".star": 9, ".txt": 1, ".cbox": 19}[suffix]
    text = (tmp_path / f"m{suffix}").read_text().removesuffix("\n").replace(",", " ")
    words = text.split("\n")[line].split()[{".txt": 1}.get(suffix, 0) :]
    corner = 4 if "box" in suffix else 0
    assert (float(words[0]), float(words[1])) == (700 - corner, 3 - corner)


@all_formats
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_positions_that_are_not_numbers_are_not_written(
    tmp_path: Path, format: Format, wrong: float
) -> None:
    with pytest.raises(InputError, match="not numbers"):
        write_one(tmp_path, format, picks_at((1, wrong)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_scores_that_have_no_end_are_not_written(tmp_path: Path, format: Format) -> None:
    with pytest.raises(InputError, match="not numbers"):
        write_one(tmp_path, format, picks_at((1, 2), scores=[np.inf]))
    assert list(tmp_path.iterdir()) == []


def test_of_a_set_with_one_that_cannot_be_written_nothing_is(tmp_path: Path) -> None:
    set_of_two = [
        MicrographPicks("good", picks_at((1, 2))),
        MicrographPicks("bad", picks_at((np.nan, 2))),
    ]
    with pytest.raises(InputError, match="bad can't be written"):
        write_coordinate_set(tmp_path, set_of_two, "star")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_files_that_hold_no_text_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    for junk in (bytes(range(256)) * 9, b"\0" * 100, b"1 2 3 4\n\xff\xfe"):
        path.write_bytes(junk)
        with pytest.raises(InputError, match=rf"m\{suffix}: not a text file"):
            read_coordinates(path)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read_coordinates(path)
    path.mkdir()
    with pytest.raises(InputError, match="a folder"):
        read_coordinates(path)


def test_unknown_suffixes_list_the_known(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").touch()
    with pytest.raises(InputError, match=r"\.star, \.csv, \.box"):
        read_coordinates(tmp_path / "a.xyz")
    with pytest.raises(InputError, match=r"\.star, \.csv, \.box"):
        write_coordinates(tmp_path / "b.xyz", picks_at())


def test_a_folder_is_matched_by_name_and_prefers_scores(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "May08_04.32.box", picks_at((1, 1)))
    write_coordinates(tmp_path / "b.box", picks_at((2, 2)))
    write_coordinates(tmp_path / "b.csv", picks_at((3, 3)))
    write_coordinates(tmp_path / "c.csv", picks_at((4, 4)))
    write_coordinates(tmp_path / "c_autopick.star", picks_at((5, 5)))
    write_coordinates(tmp_path / "c_manualpick.star", picks_at((6, 6)))
    (tmp_path / "D.BOX").write_text("1 1 0 0\n")
    write_coordinates(tmp_path / "e_autopick.star", picks_at((7, 7)))
    write_coordinates(tmp_path / ".f.box", picks_at((8, 8)))
    names = ["May08_04.32", "b", "c", "D", "e", "e_autopick", "f", "absent"]
    found = read_coordinate_set(tmp_path, names)
    assert {name: picks.centres_yx[0, 0] for name, picks in found.items()} == {
        "May08_04.32": 1,
        "b": 3,
        "c": 6,
        "D": 1,
        "e": 7,
        "e_autopick": 7,
    }
    assert coordinate_names(tmp_path) == ["D", "May08_04.32", "b", "c", "e"]


def test_other_tables_in_a_folder_name_no_micrographs(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "a.star", picks_at((1, 1)))
    (tmp_path / "micrographs.star").write_text(
        "\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\na.mrc 1\n\n"
    )
    (tmp_path / "results.csv").write_text("ap,f1\n0.9,0.8\n")
    assert coordinate_names(tmp_path) == ["a"]
    with pytest.raises(InputError, match="a STAR file without coordinates"):
        read_coordinates(tmp_path / "micrographs.star")


@pytest.mark.parametrize("name", ["topaz", "particles", "cs"])
def test_file_of_all_beside_those_of_single_ones_is_no_micrograph(
    tmp_path: Path, name: str
) -> None:
    picked = [MicrographPicks(each, picks_at((1, 2)), shape=SHAPE) for each in ("a", "b")]
    (file,) = write_coordinate_set(tmp_path, picked, name)
    write_coordinate_set(tmp_path, picked, "box")
    source = open_source(tmp_path)
    assert source.names == ["a", "b"]
    assert source.remarks == [
        f"{file} is passed over: it names other micrographs; give it by itself"
    ]


def test_file_of_one_micrograph_that_names_it_too_is_not_passed_over(tmp_path: Path) -> None:
    write_coordinate_set(tmp_path, [MicrographPicks("a", picks_at((1, 2)))], "box")
    write_coordinate_set(tmp_path / "b.star", [MicrographPicks("b", picks_at((3, 4)))], "particles")
    source = open_source(tmp_path)
    assert source.names == ["a", "b"]
    assert source.remarks == []


def test_folder_of_files_of_all_stands_for_the_first_of_the_formats(tmp_path: Path) -> None:
    picked = [MicrographPicks(each, picks_at((1, 2)), shape=SHAPE) for each in ("a", "b")]
    for name in ("topaz", "cs", "particles"):
        write_coordinate_set(tmp_path, picked, name)
    (tmp_path / "report.json").write_text("{}")
    assert open_source(tmp_path).path == tmp_path / "particles.star"
    (tmp_path / "particles.star").unlink()
    assert coordinate_names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("name", ["topaz", "particles", "autopick"])
def test_file_of_all_without_rows_is_no_micrograph(tmp_path: Path, name: str) -> None:
    nothing = [MicrographPicks(each, picks_at()) for each in ("a", "b")]
    file = write_coordinate_set(tmp_path, nothing, name)[0]
    with pytest.raises(InputError, match="holds no picks, and so names no micrograph"):
        coordinate_names(file)


@pytest.mark.parametrize("text", ["x;y\n1;2\n", "x\ty\n1\t2\n", "col,row\n1,2\n"])
def test_folder_whose_tables_are_of_another_kind_says_how_to_see_why(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"none of its files holds coordinates; give a\.csv by"):
        coordinate_names(tmp_path)


def test_number_that_is_too_large_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n2e7,1\n")
    with pytest.raises(InputError, match=r"a number of at most 10,000,000, found '2e7'"):
        read_coordinates(tmp_path / "a.csv")


def test_one_star_is_divided_by_micrograph(tmp_path: Path) -> None:
    path = tmp_path / "particles.star"
    path.write_text(TWO_MICROGRAPHS)
    found = read_coordinate_set(path, ["b", "a.1", "absent"])
    assert sorted(found) == ["a.1", "b"]
    assert found["a.1"].centres_yx.tolist() == [[20, 10.5], [60, 50]]
    assert found["a.1"].scores is not None
    assert found["a.1"].scores.tolist() == [0.5, 0.75]
    assert coordinate_names(path) == ["a.1", "b"]
    with pytest.raises(InputError, match="holds 2 micrographs where one is expected"):
        read_coordinates(path)


def test_one_csv_is_divided_by_micrograph(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text('Micrograph,X,Y,score\n"d/a.mrc",1,2,0.5\nb,3,4,0.25\n')
    found = read_coordinate_set(path, ["a", "b"])
    assert found["a"].centres_yx.tolist() == [[2, 1]]
    assert found["b"].centres_yx.tolist() == [[4, 3]]
    assert coordinate_names(path) == ["a", "b"]


def test_a_file_of_a_folder_may_name_several_micrographs(tmp_path: Path) -> None:
    (tmp_path / "a.1.star").write_text(TWO_MICROGRAPHS)
    (tmp_path / "z.star").write_text(TWO_MICROGRAPHS)
    assert len(read_coordinate_set(tmp_path, ["a.1"])["a.1"]) == 2
    with pytest.raises(InputError, match=r"z\.star: holds other micrographs, such as a\.1"):
        read_coordinate_set(tmp_path, ["z"])


def test_micrographs_that_differ_by_folder_only_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("micrograph,x,y\nday1/a.mrc,1,2\nday2/a.mrc,3,4\n")
    with pytest.raises(InputError, match="two micrographs called a"):
        read_coordinate_set(path, ["a"])


def test_a_single_file_serves_its_own_name_or_the_only_one(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "a_autopick.star", picks_at((1, 2)))
    path = tmp_path / "a_autopick.star"
    assert list(read_coordinate_set(path, ["a", "b"])) == ["a"]
    assert list(read_coordinate_set(path, ["other"])) == ["other"]
    assert coordinate_names(path) == ["a"]


def test_no_match_shows_what_was_asked_and_what_is_there(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "a.box", picks_at((1, 2)))
    for path in (tmp_path, tmp_path / "a.box"):
        with pytest.raises(InputError, match=r"2 micrographs, such as x; it has a"):
            read_coordinate_set(path, ["x", "y"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=r"no coordinate files there \(\.star, \.csv, \.box"):
        read_coordinate_set(tmp_path / "bare", ["x"])
    with pytest.raises(InputError, match="no coordinate files"):
        coordinate_names(tmp_path / "bare")
    with pytest.raises(InputError, match="no such file or folder"):
        read_coordinate_set(tmp_path / "missing", ["x"])
    with pytest.raises(InputError, match="no such file or folder"):
        coordinate_names(tmp_path / "missing")


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
@pytest.mark.parametrize(
    "cell",
    [
        "9" * 400,
        *[
            "True",
            "nan",
            "-inf",
            "1e400",
            "1e8",
            "1_000",
            "0x10",
            "٣",
            "1d3",
            "1,5",
            "--1",
            "1e",
            ".",
            "+",
            "−1",
        ],
    ],
)
def test_what_is_no_coordinate_is_refused(tmp_path: Path, suffix: str, cell: str) -> None:
    """A.3"""
    text = LAYOUTS[suffix].format(f'"{cell}"' if suffix == ".csv" else cell)
    (tmp_path / f"m{suffix}").write_text(text, encoding="utf-8")
    line = LAYOUTS[suffix].count("\n")
    with pytest.raises(InputError, match=rf"line {line}: expected a number.*, found ") as caught:
        read_coordinates(tmp_path / f"m{suffix}")
    assert len(str(caught.value)) < 200 + len(str(tmp_path))


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
@pytest.mark.parametrize("cell", ["1", "+1.", "1.0e0", "10E-1", "0001", "1.000000"])
def test_numbers_are_read_as_programs_write_them(tmp_path: Path, suffix: str, cell: str) -> None:
    """A.3"""
    (tmp_path / f"m{suffix}").write_text(LAYOUTS[suffix].format(cell))
    assert read_coordinates(tmp_path / f"m{suffix}").centres_yx.tolist() == [[2, 1]]


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_other_encodings_are_refused_with_what_to_do(
    tmp_path: Path, suffix: str, encoding: str
) -> None:
    """A.4"""
    text = LAYOUTS[suffix].format("1") + "# \u00b5\n"
    (tmp_path / f"m{suffix}").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=r"not a text file in UTF-8.*; save it as plain text"):
        read_coordinates(tmp_path / f"m{suffix}")
    (tmp_path / f"m{suffix}").write_text("\ufeff" + LAYOUTS[suffix].format("1"), "utf-8")
    assert read_coordinates(tmp_path / f"m{suffix}").centres_yx.tolist() == [[2, 1]]


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_files_larger_than_coordinates_are_refused_before_they_take_memory(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A.4: size, lines and the length of a line are bounded."""
    path = tmp_path / f"m{suffix}"
    with path.open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(InputError, match="1000 MB, more than the 268 MB that are read"):
        read_coordinates(path)
    path.write_text("1 " * 200_000)
    with pytest.raises(InputError, match="line 1: longer than a row of coordinates can be"):
        read_coordinates(path)
    text = LAYOUTS[suffix].format("1") + "\n" * 20
    path.write_text(text)
    most = text.count("\n")
    monkeypatch.setattr("napari_deepem.io.coordinates.parsing.MOST_LINES", most)
    assert len(read_coordinates(path)) == 1
    monkeypatch.setattr("napari_deepem.io.coordinates.parsing.MOST_LINES", most - 1)
    with pytest.raises(InputError, match=f"more than {most - 1} lines; divide it"):
        read_coordinates(path)


@pytest.mark.parametrize("layout", [".star", ".csv"])
def test_a_table_without_rows_names_no_micrograph_and_goes_by_its_file(
    tmp_path: Path, layout: str
) -> None:
    """A.4"""
    path = tmp_path / f"m1{layout}"
    path.write_text(
        "micrograph,x,y\n"
        if layout == ".csv"
        else "data_\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n"
    )
    assert coordinate_names(path) == coordinate_names(tmp_path) == ["m1"]
    assert len(read_coordinates(path)) == len(read_coordinate_set(path, ["m1", "m2"])["m1"]) == 0


def test_more_micrographs_than_any_series_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_deepem.io.coordinates.rows.MOST_MICROGRAPHS", 2)
    path = tmp_path / "all.csv"
    path.write_text("micrograph,x,y\na,1,2\nb,3,4\na,5,6\n")
    assert coordinate_names(path) == ["a", "b"]
    path.write_text("micrograph,x,y\na,1,2\nb,3,4\nc,5,6\n")
    with pytest.raises(InputError, match="names more than 2 micrographs; divide it"):
        coordinate_names(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names there")
@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, suffix: str) -> None:
    """A.8: a pipe kept the program waiting for ever."""
    path = tmp_path / f"x{suffix}"

    def refused(message: str) -> None:
        for read in (
            lambda: read_coordinates(path),
            lambda: read_coordinate_set(path, ["x"]),
            lambda: read_coordinate_set(tmp_path, ["x"]),
        ):
            with pytest.raises(InputError, match=message):
                read()
        path.unlink()

    os.mkfifo(path)
    refused("a pipe or a device, not a file")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(os.path.relpath(path))  # a path that is too long can't be bound
        refused("a pipe or a device, not a file")
    path.symlink_to("/dev/zero")
    refused("a pipe or a device, not a file")
    path.symlink_to(tmp_path / "gone")
    refused("no such file or folder")
    path.symlink_to(path)
    refused("cannot be read")


def test_folders_are_passed_over_whatever_they_are_called(tmp_path: Path) -> None:
    """A.8"""
    (tmp_path / "x.star").mkdir()
    (tmp_path / "y.box").symlink_to(tmp_path)
    write_coordinates(tmp_path / "x.csv", picks_at((1, 2)))
    assert coordinate_names(tmp_path) == ["x"]
    assert list(read_coordinate_set(tmp_path, ["x", "y"])) == ["x"]


def test_two_files_that_differ_in_the_case_of_their_suffix_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.box").write_text("1 2 0 0\n")
    (tmp_path / "x.BOX").write_text("3 4 0 0\n")
    if len(list(tmp_path.iterdir())) == 2:  # else it is one file to this system
        with pytest.raises(InputError, match="have the same name: remove one of them"):
            read_coordinate_set(tmp_path, ["x"])


@needs_data
@pytest.mark.parametrize("kind", ["apoferritin", "bgal"])
def test_real_labels_match_their_micrographs(kind: str) -> None:
    names = coordinate_names(SHARED_DATA / kind)
    assert names == sorted(path.stem for path in (SHARED_DATA / kind).glob("*.mrc"))
    found = read_coordinate_set(SHARED_DATA / kind, names)
    assert sorted(found) == names
    assert min(len(picks) for picks in found.values()) > 100


@needs_data
def test_real_files_are_read_and_corrupt_ones_refused() -> None:
    expected = {
        "2d_0_center.box": 2,
        "2d_center.box": 3,
        "2d_center_float.box": 3,
        "2d_empty.box": 0,
        "2d_left.box": 3,
        "eman_sample.box": 440,
        "relion31.star": 5,
        "relion_coord.star": 440,
        "sample_particles_relion30.star": 17,
        "2d_particles.cbox": 3,
        "ActLifeact_02885.cbox": 223,
        "ActLifeact_03047.cbox": 56,
        "ActLifeact_03070.cbox": 71,
        "ActLifeact_03211.cbox": 16,
        "ActLifeact_04203.cbox": 737,
        "TcdA1-0018_frames_sum.cbox": 120,
        "TcdA1-0019_frames_sum.cbox": 129,
        "empty.cbox": 0,
        "topaz_EMPIAR-10025_particles.txt": 1500,
    }
    refused = {"2d_corrupt_has_string.box", "2d_corrupt_unqual_columns.box", "empiar_10076_7.star"}
    refused.add("cryosparc_P12_J24_001_particles.cs")
    folder = SHARED_DATA / "formats"
    for path in (path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        if path.name in refused:
            with pytest.raises(InputError, match=path.name):
                open_source(path)
        else:
            assert sum(map(len, open_source(path).picks.values())) == expected[path.name]


@needs_data
def test_real_corners_and_centres_agree() -> None:
    folder = SHARED_DATA / "formats" / "boxmanager"
    centres = read_coordinates(folder / "2d_center.box").centres_yx
    np.testing.assert_array_equal(read_coordinates(folder / "2d_left.box").centres_yx, centres)


def test_several_paths_are_one_source(tmp_path: Path) -> None:
    for number, place in enumerate(("a/m1_DW.star", "a/m2_autopick.star", "m3.box")):
        write_coordinates(tmp_path / place, picks_at((number, 2)))
    merged = open_sources([tmp_path / "a", tmp_path / "m3.box"])
    assert merged.names == ["m1_DW", "m2", "m3"]
    matched = merged.match(["m1", "m2_autopick", "m3", "m4"])
    assert matched == {"m1": "m1_DW", "m2_autopick": "m2_autopick", "m3": "m3"}
    assert [merged.picks_of(name).centres_yx[0, 0] for name in matched.values()] == [0, 1, 2]
    assert names_left_out(merged, ["m1", "m2"]) == ["m3"]
    write_coordinates(tmp_path / "m1.box", picks_at((1, 2)))
    with pytest.raises(InputError, match=r"a and .*m1\.box both have the micrograph m1"):
        open_sources([tmp_path / "a", tmp_path / "m1.box"])
