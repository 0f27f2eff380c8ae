from pathlib import Path

import numpy as np
import pytest

from napari_deepem.batch.convert import ConvertSettings, convert_files, flipped, scaled
from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import FORMATS, read_coordinate_set, write_coordinates
from napari_deepem.io.images import write_image
from places import SHARED_DATA

CENTRES_YX = np.array([[10.0, 70.0], [33.0, 2.0]])
SHAPE = 40, 90


def save_micrograph(path: Path) -> None:
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    write_image(path, image, 1.5)


@pytest.fixture
def micrographs(tmp_path: Path) -> Path:
    """A folder of two micrographs, 40 rows by 90 columns, as a motion correction names them."""
    folder = tmp_path / "sum"
    for name in ("m1_DW", "m2_DW"):
        save_micrograph(folder / f"{name}.mrc")
    return folder


@pytest.fixture
def picks(tmp_path: Path) -> Path:
    """A folder with a file for each of two micrographs, named as the movies."""
    folder = tmp_path / "read"
    write_coordinates(folder / "m1.csv", Picks(CENTRES_YX, np.array([0.9, 0.25]), 20))
    write_coordinates(folder / "m2.csv", Picks(CENTRES_YX[:1], np.array([0.5]), 20))
    return folder


@pytest.mark.parametrize("format", [each.name for each in FORMATS])
def test_every_format_keeps_the_positions(
    picks: Path, micrographs: Path, tmp_path: Path, format: str
) -> None:
    settings = ConvertSettings(box_size_px=20, micrographs=str(micrographs))
    out = tmp_path / "out"
    converted = convert_files([picks], out, format, settings)
    assert all(path.exists() for path in converted.paths)
    assert converted.n_picks == 3
    back = read_coordinate_set(out, ["m1_DW", "m2_DW"])
    np.testing.assert_allclose(back["m1_DW"].centres_yx, CENTRES_YX)
    np.testing.assert_allclose(back["m2_DW"].centres_yx, CENTRES_YX[:1])


def test_picks_of_a_binned_micrograph_are_scaled_as_a_fourier_crop_lays_pixels() -> None:
    picks = Picks(np.array([[0.0, 3.0]]), None, 21, {"size": np.array([20.0])})
    original = scaled(picks, 8)
    np.testing.assert_array_equal(original.centres_yx, [[0.0, 24.0]])
    assert original.box_size_px == 168
    np.testing.assert_array_equal(original.features["size"], [160.0])


def test_flipping_twice_gives_the_same_picks() -> None:
    picks = Picks(CENTRES_YX, None, 20, {"angle": np.array([30.0, np.nan])})
    once = flipped(picks, 40)
    np.testing.assert_array_equal(once.centres_yx, [[29.0, 70.0], [6.0, 2.0]])
    np.testing.assert_array_equal(once.features["angle"], [-30.0, np.nan])
    np.testing.assert_array_equal(flipped(once, 40).centres_yx, CENTRES_YX)


def test_rows_are_flipped_by_the_height_of_the_micrograph(
    picks: Path, micrographs: Path, tmp_path: Path
) -> None:
    settings = ConvertSettings(flip_y=True, micrographs=str(micrographs))
    convert_files([picks], tmp_path / "out", "csv", settings)
    back = read_coordinate_set(tmp_path / "out", ["m1_DW"])["m1_DW"]
    np.testing.assert_array_equal(back.centres_yx, [[29.0, 70.0], [6.0, 2.0]])
    with pytest.raises(InputError, match="m1: --flip-y needs the height"):
        convert_files([picks], tmp_path / "other", "csv", ConvertSettings(flip_y=True))


def test_height_may_be_known_to_the_coordinate_file(picks: Path, micrographs: Path) -> None:
    """As cryoSPARC's files have it."""
    path = micrographs.parent / "picks.cs"
    convert_files([picks], path, "cs", ConvertSettings(micrographs=str(micrographs)))
    out = micrographs.parent / "out"
    converted = convert_files([path], out, "csv", ConvertSettings(flip_y=True))
    assert [each.shape for each in converted.micrographs] == [SHAPE, SHAPE]
    first = converted.micrographs[0]
    np.testing.assert_allclose(first.picks.centres_yx, [[29.0, 70.0], [6.0, 2.0]], atol=1e-5)
    assert first.path == str(micrographs / "m1_DW.mrc")


def test_inputs_are_merged_and_the_same_micrograph_twice_is_refused(
    picks: Path, tmp_path: Path
) -> None:
    other = tmp_path / "m3.star"
    write_coordinates(other, Picks(CENTRES_YX))
    out = tmp_path / "out"
    converted = convert_files([picks, other], out, "star", ConvertSettings())
    assert [each.name for each in converted.micrographs] == ["m1", "m2", "m3"]
    twin = tmp_path / "m1_DW.box"
    write_coordinates(twin, Picks(CENTRES_YX, None, 20))
    with pytest.raises(InputError, match=f"{picks} and {twin} both have the micrograph m1_DW"):
        convert_files([picks, twin], tmp_path / "new", "star", ConvertSettings())


def test_single_files_are_matched_to_micrographs_under_other_names(
    tmp_path: Path, micrographs: Path
) -> None:
    inputs = [tmp_path / f"{name}.star" for name in ("m1", "m2_autopick", "m9")]
    for path in inputs:
        write_coordinates(path, Picks(CENTRES_YX))
    settings = ConvertSettings(micrographs=str(micrographs))
    converted = convert_files(inputs, tmp_path / "out", "star", settings)
    assert [each.name for each in converted.micrographs] == ["m1_DW", "m2_DW"]
    assert "left out, not among the micrographs: m9" in converted.remarks


def test_nothing_is_written_if_one_input_is_bad(picks: Path, tmp_path: Path) -> None:
    (tmp_path / "m9.csv").write_text("x,y\n1,one\n")
    with pytest.raises(InputError, match=r"m9.csv, line 2: expected a number, found 'one'"):
        convert_files([picks, tmp_path / "m9.csv"], tmp_path / "out", "star", ConvertSettings())
    with pytest.raises(InputError, match="m1: box files need the box size"):
        convert_files([picks], tmp_path / "out", "box", ConvertSettings())
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_replaced_only_if_that_is_allowed(picks: Path, tmp_path: Path) -> None:
    hand_made = tmp_path / "out" / "m2.star"
    hand_made.parent.mkdir()
    hand_made.write_text("clicked for an hour")
    with pytest.raises(InputError, match=r"m2\.star would be replaced"):
        convert_files([picks], hand_made.parent, "star", ConvertSettings())
    assert [path.name for path in hand_made.parent.iterdir()] == ["m2.star"]
    convert_files([picks], hand_made.parent, "star", ConvertSettings(overwrite=True))
    assert len(read_coordinate_set(hand_made, ["m2"])["m2"]) == 1


def test_file_of_one_micrograph_may_be_named(picks: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.star"
    converted = convert_files([picks / "m1.csv"], out, "star", ConvertSettings())
    assert converted.paths == [out]
    with pytest.raises(InputError, match="a file for each of 2 micrographs; name a folder"):
        convert_files([picks], tmp_path / "two.star", "star", ConvertSettings())
    with pytest.raises(InputError, match=r"a file of the format csv ends in \.csv"):
        convert_files([picks], tmp_path / "two.star", "csv", ConvertSettings())


def test_what_is_lost_or_not_there_is_said(picks: Path, micrographs: Path, tmp_path: Path) -> None:
    save_micrograph(micrographs / "m7.mrc")
    write_coordinates(picks / "m4.csv", Picks(CENTRES_YX))
    settings = ConvertSettings(box_size_px=20, scale=2, micrographs=str(micrographs))
    converted = convert_files([picks], tmp_path / "out", "box", settings)
    assert converted.remarks == [
        "left out, not among the micrographs: m4",
        "scores are left out: box files hold none",
        "3 of 3 picks lie outside of their micrographs: check --scale",
        "no picks on 1 of 3 micrographs: m7",
    ]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no real data beside the checkout")
def test_real_file_keeps_the_path_that_it_names(tmp_path: Path) -> None:
    path = SHARED_DATA / "formats" / "relion31.star"
    (micrograph,) = convert_files([path], tmp_path, "csv", ConvertSettings()).micrographs
    assert micrograph.path is not None
    assert micrograph.path.endswith(f"/{micrograph.name}.mrc")
