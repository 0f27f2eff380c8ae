"""RELION's three kinds of STAR files of coordinates: one micrograph's, all with names, a list."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import PickFeature, Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    coordinate_names,
    open_source,
    read_coordinate_set,
    read_coordinates,
    write_coordinate_set,
)
from napari_deepem.io.coordinates.formats import FORMATS, format_of
from places import SHARED_DATA

XY = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
FILES = SHARED_DATA / "formats"
KINDS = ("star", "particles", "autopick")
BOTH = ["angle", "class"]


def picks_of(n: int = 2, **features: list[float]) -> Picks:
    centres_yx = np.array([[2.0, 10.0], [7.0, 8.0], [30.0, 5.0]])[:n]
    values: dict[PickFeature, np.ndarray] = {}
    for name, each in features.items():
        values[name] = np.array(each)  # type: ignore[index]
    return Picks(centres_yx, np.array([0.75, 0.5, 0.25])[:n], 64, values)


def written(folder: Path, kind: str, *picks: Picks, **options: str) -> dict[str, Picks]:
    micrographs = [MicrographPicks(f"m{n}", each, pixel_size=1.5) for n, each in enumerate(picks)]
    path = write_coordinate_set(folder, micrographs, kind, options)[0]
    path = folder if kind == "star" else path
    return read_coordinate_set(path, [each.name for each in micrographs])


@st.composite
def some_picks(draw: st.DrawFn) -> Picks:
    n = draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=np.float64)

    pixel = st.integers(-500, 20_000).map(float)
    centres_yx = np.stack([column(pixel), column(pixel)], axis=1)
    scores = column(st.floats(0, 1, width=32)) if draw(st.booleans()) else None
    # 6 decimals are written; where all are 0 or unknown, they are read as unknown
    angle = st.just(np.nan) | st.integers(-180_000_000, 180_000_000).map(lambda a: a / 1e6)
    features: dict[PickFeature, np.ndarray] = {
        "angle": column(angle),
        "class": column(st.just(np.nan) | st.integers(1, 300).map(float)),
    }
    return Picks(centres_yx, scores, None, features)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(picks=st.lists(some_picks(), min_size=1, max_size=3))
def test_round_trip_keeps_centres_scores_angles_and_classes(
    tmp_path_factory: pytest.TempPathFactory, kind: str, picks: list[Picks]
) -> None:
    read = written(tmp_path_factory.mktemp("trip"), kind, *picks)
    any_scores = any(each.scores is not None for each in picks)
    for each, back in zip(picks, read.values(), strict=True):
        np.testing.assert_array_equal(back.centres_yx, each.centres_yx)
        if each.scores is not None:
            assert back.scores is not None
            np.testing.assert_array_equal(back.scores.astype("f4"), each.scores.astype("f4"))
        elif kind == "star" or not any_scores:
            assert back.scores is None
        angles, classes = each.features["angle"], each.features["class"]
        unknown = np.full(len(each), np.nan)
        np.testing.assert_array_equal(back.features.get("class", unknown), classes)
        if np.any(np.nan_to_num(angles)):
            np.testing.assert_array_equal(back.features["angle"], angles)


def test_unknown_is_written_as_relion_does(tmp_path: Path) -> None:
    known = picks_of(angle=[-12.5, np.nan], **{"class": [3, np.nan]})
    unknown = picks_of(angle=[np.nan, np.nan])
    write_coordinate_set(
        tmp_path, [MicrographPicks("m", known), MicrographPicks("n", unknown)], "star"
    )
    table = starfile.read(tmp_path / "m.star")
    assert table.rlnAnglePsi.tolist() == [-12.5, -999]
    assert table.rlnClassNumber.tolist() == [3, 0]
    table = starfile.read(tmp_path / "n.star")
    assert table.rlnAnglePsi.tolist() == table.rlnClassNumber.tolist() == [0, 0]
    assert read_coordinates(tmp_path / "n.star").features == {}


def test_what_relions_manual_picker_writes_is_unknown(tmp_path: Path) -> None:
    text = XY + "_rlnClassNumber #3\n_rlnAutopickFigureOfMerit #4\n_rlnAnglePsi #5\n"
    (tmp_path / "m.star").write_text(text + "10 2 -999 -999 -999\n8 7 -999 -999 -999\n")
    picks = read_coordinates(tmp_path / "m.star")
    assert picks.centres_yx.tolist() == [[2, 10], [7, 8]]
    assert picks.scores is None
    assert picks.features == {}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1 2 1.5 0", "line 8: expected a whole number for _rlnClassNumber, found '1.5'"),
        ("1 2 1 x", "line 8: expected a number for _rlnAnglePsi, found 'x'"),
        ("1 x 1 y\ny 1 1 1", "line 8: expected a number for _rlnCoordinateY, found 'x'"),
        ("1 2 nan 0", "line 8: expected a number for _rlnClassNumber, found 'nan'"),
    ],
)
def test_classes_and_angles_are_numbers(tmp_path: Path, row: str, message: str) -> None:
    labels = XY + "_rlnClassNumber #3\n_rlnAnglePsi #4\n"
    (tmp_path / "m.star").write_text(f"{labels}{row}\n")
    with pytest.raises(InputError, match=message):
        read_coordinates(tmp_path / "m.star")


def test_every_star_file_is_recognised_as_one_kind(tmp_path: Path) -> None:
    for kind in KINDS:
        write_coordinate_set(tmp_path / kind, [MicrographPicks("m", picks_of())], kind)
    paths = {
        tmp_path / "star/m.star": "star",
        tmp_path / "particles/particles.star": "particles",
        tmp_path / "autopick/autopick.star": "autopick",
        tmp_path / "autopick/coords_suffix_autopick.star": "autopick",
        tmp_path / "autopick/m_autopick.star": "star",
    }
    of_star = [format for format in FORMATS if ".star" in format.suffixes]
    for path, name in paths.items():
        assert [each.name for each in of_star if each.recognises(path)] == [name]
        assert format_of(path).name == name
    (tmp_path / "micrographs.star").write_text("data_\n\nloop_\n_rlnMicrographName\na.mrc\n")
    assert not any(each.recognises(tmp_path / "micrographs.star") for each in of_star)


# one STAR with the names of its micrographs


def test_particles_have_an_optics_table_with_what_is_known(tmp_path: Path) -> None:
    micrographs = [
        MicrographPicks("a b", picks_of(1), path="M/a b.mrc", pixel_size=1.5),
        MicrographPicks("c", picks_of(), pixel_size=2.0),
        MicrographPicks("d", picks_of(0), pixel_size=1.5),
    ]
    (path,) = write_coordinate_set(tmp_path, micrographs, "particles")
    assert path == tmp_path / "particles.star"
    blocks = starfile.read(path)
    assert blocks["optics"].rlnOpticsGroup.tolist() == [1, 2]
    assert blocks["optics"].rlnMicrographPixelSize.tolist() == [1.5, 2.0]
    assert "rlnVoltage" not in blocks["optics"]
    assert blocks["particles"].rlnMicrographName.tolist() == ["M/a b.mrc", "c.mrc", "c.mrc"]
    assert blocks["particles"].rlnOpticsGroup.tolist() == [1, 2, 2]
    options = {"voltage": "300", "cs": "2.7"}
    micrographs[2] = MicrographPicks("d", picks_of(1))
    write_coordinate_set(tmp_path, micrographs, "particles", options)
    optics = starfile.read(path)["optics"]
    assert optics.rlnVoltage.tolist() == [300] * 3
    assert "rlnMicrographPixelSize" not in optics


def test_particles_keep_fractions_of_a_pixel(tmp_path: Path) -> None:
    picks = Picks(np.array([[2.25, 1.5]]))
    assert written(tmp_path, "particles", picks)["m0"].centres_yx.tolist() == [[2.25, 1.5]]


def test_particles_for_relion_3_0_are_one_table_without_quotes(tmp_path: Path) -> None:
    micrographs = [MicrographPicks("a", picks_of(1), path="M/a.mrc", pixel_size=1.5)]
    options = {"relion": "3.0"}
    (path,) = write_coordinate_set(tmp_path, micrographs, "particles", options)
    assert list(starfile.read(path, always_dict=True)) == [""]
    assert path.read_text().splitlines()[-2].split()[0] == "M/a.mrc"
    spaced = [MicrographPicks("a b", picks_of(1))]
    with pytest.raises(InputError, match=r"RELION 3.0 can't read \"a b.mrc\".*rename it"):
        write_coordinate_set(tmp_path, spaced, "particles", options)


def test_shifts_of_a_refinement_and_filaments_are_said_to_be_left_out(tmp_path: Path) -> None:
    labels = XY + "_rlnMicrographName\n_rlnOriginXAngst\n_rlnHelicalTubeID\n"
    (tmp_path / "p.star").write_text(labels + "1 2 a.mrc 0.00 0\n")
    assert open_source(tmp_path / "p.star").remarks == []
    (tmp_path / "p.star").write_text(labels + "1 2 a.mrc 0.00 1\n3 4 a.mrc -1.5 1\n")
    shifts, filaments = open_source(tmp_path / "p.star").remarks
    assert "shifts of a refinement" in shifts
    assert "filaments" in filaments


# a list of files


def project(folder: Path, names: Sequence[str] = ("Movies/a.mrc", "Movies/b.mrc")) -> Path:
    """A project of RELION with a picking job, whose folder it returns."""
    job = folder / "AutoPick/job007"
    (job / "Movies").mkdir(parents=True)
    for place in (folder, job):
        (place / "default_pipeline.star").touch()
    rows = []
    for number, name in enumerate(names):
        file = f"AutoPick/job007/{name.removesuffix('.mrc')}_autopick.star"
        (folder / file).write_text(f"{XY}{number + 1} 2\n" + "5 6\n" * number)
        rows.append(f"MotionCorr/job002/{name} {file}\n")
    (job / "autopick.star").write_text(
        "\n# version 30001\n\ndata_coordinate_files\n\nloop_ \n_rlnMicrographName #1 \n"
        "_rlnMicrographCoordinates #2 \n" + "".join(rows) + " \n"
    )
    return job


def test_files_of_a_list_are_found_from_the_project_and_after_they_were_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = project(tmp_path / "project")
    copied = tmp_path / "copied"
    shutil.copytree(job, copied)
    for path in (job, job / "autopick.star", copied):
        assert coordinate_names(path) == ["a", "b"]
        picks = read_coordinate_set(path, ["b"])["b"]
        assert picks.centres_yx.tolist() == [[2, 2], [6, 5]]
    (tmp_path / "project/default_pipeline.star").unlink()
    monkeypatch.chdir(tmp_path / "project")
    assert coordinate_names("AutoPick/job007/autopick.star") == ["a", "b"]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    job = project(tmp_path)
    (job / "Movies/b_autopick.star").unlink()
    message = r"autopick\.star, line 10: lists AutoPick/job007/Movies/b_autopick.star, which is not"
    with pytest.raises(InputError, match=message):
        open_source(job)
    (job / "Movies/a_autopick.star").unlink()
    with pytest.raises(InputError, match=r"line 9: .*; go to the folder of the RELION project"):
        open_source(job)


@pytest.mark.parametrize("twin", ["micrograph", "file"])
def test_what_is_listed_twice_is_refused(tmp_path: Path, twin: str) -> None:
    job = project(tmp_path)
    text = (job / "autopick.star").read_text()
    row = text.splitlines()[-2]
    other = row.replace("b.mrc", "c.mrc") if twin == "file" else row.replace("b_auto", "a_auto")
    (job / "autopick.star").write_text(text + other + "\n")
    with pytest.raises(InputError, match=r"lists .*b.* twice"):
        open_source(job)


def test_the_files_of_a_list_hold_no_more_rows_than_one_file_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = project(tmp_path)
    monkeypatch.setattr("napari_deepem.io.coordinates.autopick.MOST_LINES", 2)
    with pytest.raises(InputError, match="more than 2 rows"):
        open_source(job)


def test_a_list_of_boxes_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.box").write_text("10 20 8 8\n")
    (tmp_path / "autopick.star").write_text(
        "data_\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\nM/a.mrc a.box\n"
    )
    picks = read_coordinate_set(tmp_path / "autopick.star", ["a"])["a"]
    assert (picks.centres_yx.tolist(), picks.box_size_px) == ([[24, 14]], 8)


def test_a_job_of_relion_3_is_read_by_the_file_that_stands_for_it(tmp_path: Path) -> None:
    job = project(tmp_path)
    (job / "autopick.star").unlink()
    (tmp_path / "MotionCorr").mkdir()
    (tmp_path / "MotionCorr/micrographs.star").write_text(
        "data_optics\nloop_\n_rlnOpticsGroup\n1\n\ndata_micrographs\nloop_\n_rlnMicrographName\n"
        "MotionCorr/job002/Movies/a.mrc\nMotionCorr/job002/Movies/b.mrc\n"
        "MotionCorr/job002/Movies/without_picks.mrc\n"
    )
    (job / "coords_suffix_autopick.star").write_text("MotionCorr/micrographs.star\n")
    for path in (job, job / "coords_suffix_autopick.star"):
        assert coordinate_names(path) == ["a", "b"]
        assert len(read_coordinate_set(path, ["b"])["b"]) == 2
    for file in (job / "Movies").iterdir():
        file.unlink()
    with pytest.raises(InputError, match=r"no file such as .* for any of the 3 micrographs"):
        open_source(job)
    (tmp_path / "MotionCorr/micrographs.star").unlink()
    with pytest.raises(InputError, match=r"names 'MotionCorr/micrographs\.star' .* not there"):
        open_source(job)
    (job / "c_autopick.star").write_text(XY + "1 2\n")
    assert coordinate_names(job) == ["c"]


def test_a_list_is_written_for_relion_3_to_5_and_leaves_out_micrographs_without_picks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "default_pipeline.star").touch()
    (tmp_path / "M").mkdir()
    (tmp_path / "M/a b.mrc").touch()
    micrographs = [
        MicrographPicks("a b", picks_of(), path=str(tmp_path / "M/a b.mrc")),
        MicrographPicks("none", picks_of(0)),
        MicrographPicks("elsewhere", picks_of(1), path="Gone/elsewhere.mrc"),
    ]
    job = tmp_path / "External/job010"
    monkeypatch.chdir(tmp_path / "M")
    assert write_coordinate_set(job, micrographs, "autopick") == [job / "autopick.star"]
    (table,) = starfile.read(job / "autopick.star", always_dict=True).values()
    assert table.rlnMicrographName.tolist() == ["M/a b.mrc", "Gone/elsewhere.mrc"]
    assert table.rlnMicrographCoordinates.tolist() == [
        "External/job010/M/a b_autopick.star",
        "External/job010/Gone/elsewhere_autopick.star",
    ]
    assert len(read_coordinates(job / "none_autopick.star")) == 0
    old = (job / "coords_suffix_autopick.star").read_text()
    assert old == "External/job010/autopick.star\n"
    assert coordinate_names(job / "coords_suffix_autopick.star") == ["a b", "elsewhere"]


def test_without_a_project_names_start_from_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "M").mkdir()
    (tmp_path / "M/a.mrc").touch()
    monkeypatch.chdir(tmp_path)
    micrographs = [MicrographPicks("a", picks_of(1), path="M/a.mrc")]
    write_coordinate_set("out", micrographs, "autopick")
    table = starfile.read("out/autopick.star")
    assert table.loc[0].tolist() == ["M/a.mrc", "out/M/a_autopick.star"]
    assert coordinate_names("out") == ["a"]


def test_frames_of_a_stack_are_named_as_relion_does_and_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    micrographs = [
        MicrographPicks(f"{number}@s", picks_of(1), path=f"ms/{number}@s.mrcs")
        for number in ("000001", "000002")
    ]
    write_coordinate_set("out.star", micrographs, "particles")
    names = starfile.read("out.star")["particles"].rlnMicrographName.tolist()
    assert names == ["000001@ms/s.mrcs", "000002@ms/s.mrcs"]
    assert coordinate_names("out.star") == ["000001@s", "000002@s"]
    assert list(read_coordinate_set("out.star", ["000002@s"])) == ["000002@s"]


def test_files_of_a_list_replace_none_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    micrographs = [
        MicrographPicks("a", picks_of(1), path="M/a.mrc"),
        MicrographPicks("far", picks_of(1), path="/far/off/far.mrc"),
    ]
    write_coordinate_set("out", micrographs, "autopick")
    write_coordinate_set("out", micrographs, "autopick")  # its own
    assert Path("out/far_autopick.star").is_file()
    theirs = Path("out/M/a_autopick.star")
    theirs.write_text("mine\n")
    with pytest.raises(InputError, match=r"M/a_autopick\.star was not picked by this program"):
        write_coordinate_set("out", micrographs, "autopick")
    assert theirs.read_text() == "mine\n"


@pytest.mark.skipif(not FILES.is_dir(), reason="the real coordinate files are not beside it")
@pytest.mark.parametrize(
    ("file", "micrograph", "n", "first_yx", "features"),
    [
        ("relion_coord.star", "relion_coord", 440, [2905, 3523], []),
        ("sample_particles_relion30.star", "micrograph", 17, [3073.912046, 2158.111921], BOTH),
        ("relion31.star", None, 5, [983, 3277], BOTH),
    ],
)
def test_real_files_are_read(
    file: str, micrograph: str | None, n: int, first_yx: list[float], features: list[str]
) -> None:
    source = open_source(FILES / file)
    (name,) = source.names
    assert name == micrograph or name.startswith("18aug10a_MC2_FoilHole_10984848")
    picks = source.picks_of(name)
    assert len(picks) == n
    assert picks.centres_yx[0].tolist() == first_yx
    assert sorted(picks.features) == features


@pytest.mark.skipif(not FILES.is_dir(), reason="the real coordinate files are not beside it")
def test_real_particles_without_coordinates_are_refused_naming_what_is_missing() -> None:
    message = "without coordinates; expected a loop with _rlnCoordinateX and _rlnCoordinateY; it"
    with pytest.raises(InputError, match=message):
        open_source(FILES / "empiar_10076_7.star")
