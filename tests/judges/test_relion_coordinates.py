"""RELION takes our coordinate files to mean the very pixels that we mean, and we take its own."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from pandas import DataFrame

from blobs import BOX_PX, blob_micrograph
from napari_deepem.core.types import Float32Array, Picks
from napari_deepem.io.coordinates import (
    MicrographPicks,
    read_coordinate_set,
    write_coordinate_set,
    write_coordinates,
)
from napari_deepem.io.images import write_image
from relion import needs_relion, run_relion
from relion_extraction import extract_particles, write_micrographs

pytestmark = needs_relion

EXTRACTED_PX = 16
# Not square, and of different shapes. The value of a pixel is its number: a particle that is cut
# out elsewhere, or turned over, differs in every pixel.
IMAGES = {
    "wide": np.arange(96 * 160, dtype=np.float32).reshape(96, 160),
    "high_0002": np.arange(120 * 40, dtype=np.float32).reshape(120, 40)[:, ::-1],
}
# All that fit just into the four corners, and one in none of them.
PIXELS = {
    "wide": [(8, 8), (8, 152), (88, 8), (88, 152), (30, 100)],
    "high_0002": [(8, 8), (8, 32), (112, 8), (112, 32), (70, 13)],
}


def picks_of(name: str, box_size_px: int) -> Picks:
    """Picks up to half a pixel from the pixels of their particles, to every side."""
    moves = np.array([[0, 0], [-0.5, 0.4], [0.4, -0.5], [0.49, 0.49], [0, 0.2]])
    return Picks(PIXELS[name] + moves, np.array([0.9, 0.8, 0.75, 0.5, 0.25]), box_size_px)


def particles_of(name: str) -> Float32Array:
    """(5, 16, 16) pixels of the micrograph around the particles."""
    half = EXTRACTED_PX // 2
    return np.stack(
        [IMAGES[name][y - half : y + half, x - half : x + half] for y, x in PIXELS[name]]
    )


def write_each(folder: Path, ending: str, box_size_px: int) -> None:
    """Write one file a micrograph, of a name with that ending."""
    for name in IMAGES:
        write_coordinates(folder / f"{name}{ending}", picks_of(name, box_size_px))


@pytest.mark.parametrize("box_size_px", [16, 17, 24, 31])
@pytest.mark.parametrize("ending", [".star", "_manualpick.star", ".box"])
def test_relion_cuts_out_the_pixels_around_each_of_our_picks(
    tmp_path: Path, ending: str, box_size_px: int
) -> None:
    micrographs = write_micrographs(tmp_path, IMAGES, 1.5)
    write_each(tmp_path / "picks", ending, box_size_px)
    table, stacks = extract_particles(micrographs, tmp_path / "picks", ending, EXTRACTED_PX)
    assert set(stacks) == set(IMAGES)
    for name, stack in stacks.items():
        np.testing.assert_array_equal(stack, particles_of(name), err_msg=name)
    again = read_coordinate_set(table, IMAGES)
    for name, picks in again.items():
        np.testing.assert_array_equal(picks.centres_yx, PIXELS[name])
        if ending.endswith(".star"):
            np.testing.assert_array_equal(picks.scores, picks_of(name, box_size_px).scores)


@pytest.mark.parametrize("inner", ["", "Movies/"])
def test_relion_cuts_the_same_out_of_the_files_that_our_list_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    """Micrographs that lie in a folder, too: RELION 3.1 looks for files in one of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / inner).mkdir(exist_ok=True)
    images = {f"{inner}{name}": image for name, image in IMAGES.items()}
    micrographs = write_micrographs(tmp_path, {**images, f"{inner}empty": IMAGES["wide"]}, 1.5)
    picked = [
        MicrographPicks(name, picks_of(name, 16), path=f"{inner}{name}.mrc") for name in IMAGES
    ] + [MicrographPicks("empty", Picks(np.empty((0, 2))), path=f"{inner}empty.mrc")]
    (job := tmp_path / "AutoPick" / "job003").mkdir(parents=True)
    write_coordinate_set(job, picked, "autopick")

    # RELION 4 and 5 take the list; 3.1 the folder and what its own list's name ends in.
    paired = starfile.read(job / "autopick.star", always_dict=True)["coordinate_files"]
    listed = starfile.read(micrographs)["micrographs"].rlnMicrographName.tolist()
    assert paired.rlnMicrographName.tolist() == listed[: len(IMAGES)]
    ending = (job / "coords_suffix_autopick.star").name.removeprefix("coords_suffix")
    assert [tmp_path / file for file in paired.rlnMicrographCoordinates] == [
        job / f"{inner}{name}{ending}" for name in IMAGES
    ]
    _, stacks = extract_particles(micrographs, job, ending, EXTRACTED_PX)
    for name in IMAGES:
        np.testing.assert_array_equal(stacks[name], particles_of(name), err_msg=name)


def test_relion_reads_our_one_file_of_all_micrographs(tmp_path: Path) -> None:
    picked = [MicrographPicks(name, picks_of(name, 16), pixel_size=1.5) for name in IMAGES]
    write_coordinate_set(tmp_path, picked, "particles", {"voltage": "300", "cs": "2.7"})
    run_relion(
        tmp_path, "relion_star_handler", "--i", "particles.star", "--o", "theirs.star",
        "--operate", "rlnCoordinateX", "--add_to", 100,
    )  # fmt: skip
    moved = read_coordinate_set(tmp_path / "theirs.star", IMAGES)
    for name, picks in moved.items():
        expected = picks_of(name, 16)
        to_the_right = np.array([0, 100])  # RELION writes six decimals
        np.testing.assert_allclose(picks.centres_yx - to_the_right, expected.centres_yx, atol=1e-6)
        np.testing.assert_array_equal(picks.scores, expected.scores)


def test_relion_reads_every_column_of_our_star_file(tmp_path: Path) -> None:
    optics = write_micrographs(tmp_path, IMAGES, 1.5).read_text().partition("data_micrographs")[0]
    picks = Picks(np.array([[3, 10], [-2, 1e5], [7, 8]]), np.array([0.5, 1e-7, -3.25]))
    write_coordinates(tmp_path / "picks.star", picks)
    text = (tmp_path / "picks.star").read_text()
    # relion_star_handler 3.1.3 reads nothing of a file without optics groups, of RELION's own too.
    (tmp_path / "ours.star").write_text(optics + text.replace("data_", "data_micrographs"))
    run_relion(
        tmp_path, "relion_star_handler", "--i", "ours.star", "--o", "theirs.star",
        "--select", "rlnAutopickFigureOfMerit", "--minval", 0,
    )  # fmt: skip
    table = starfile.read(tmp_path / "theirs.star")["micrographs"]
    assert table.to_dict("list") == {
        "rlnCoordinateX": [10, 100_000],
        "rlnCoordinateY": [3, -2],
        "rlnClassNumber": [0, 0],
        "rlnAutopickFigureOfMerit": [0.5, 1e-7],
        "rlnAnglePsi": [0, 0],
    }


def test_what_relion_picks_is_read_where_the_particles_are(tmp_path: Path) -> None:
    micrograph, centres_yx = blob_micrograph(1, shape=(160, 240), count=12)
    write_image(tmp_path / "blobs.mrc", -micrograph.image, 2.0)
    run_relion(
        tmp_path, "relion_autopick", "--LoG", "--i", "blobs.mrc", "--angpix", 2, "--odir", "Auto/",
        "--LoG_diam_min", 20, "--LoG_diam_max", 40,
    )  # fmt: skip
    picks = read_coordinate_set(tmp_path / "Auto", ["blobs"])["blobs"]
    best_yx = picks.centres_yx[np.argsort(-picks.scores)[: len(centres_yx)]]
    distances_px = np.hypot(*(centres_yx[:, None] - best_yx).T)
    assert distances_px.min(axis=0).max() < BOX_PX / 4
    assert distances_px.min(axis=1).max() < BOX_PX / 4


def test_what_relion_converts_from_its_version_3_0_is_read_alike(tmp_path: Path) -> None:
    mrcfile.write(tmp_path / "a.mrcs", np.zeros((3, 16, 16), dtype=np.float32))
    rows = [("up/a.mrc", 30.5, 20.25, 0.5), ("b.mrc", 9, 7, -0.125), ("up/a.mrc", 1, 150, 0.75)]
    columns = ["rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"]
    particles = DataFrame(rows, columns=columns).assign(
        rlnImageName=[f"{number:06d}@a.mrcs" for number in (1, 2, 3)],
        rlnVoltage=300.0, rlnSphericalAberration=2.7, rlnAmplitudeContrast=0.1,
        rlnDetectorPixelSize=5.0, rlnMagnification=25000.0, rlnOriginX=1.5, rlnOriginY=-2.0,
    )  # fmt: skip
    starfile.write(particles, tmp_path / "old.star")
    run_relion(tmp_path, "relion_convert_star", "--i", "old.star", "--o", "new.star")
    assert set(starfile.read(tmp_path / "new.star")) == {"optics", "particles"}
    for name in ("old.star", "new.star"):
        picks = read_coordinate_set(tmp_path / name, ["a", "b"])
        np.testing.assert_array_equal(picks["a"].centres_yx, [[20.25, 30.5], [150, 1]])
        np.testing.assert_array_equal(picks["a"].scores, [0.5, 0.75])
        np.testing.assert_array_equal(picks["b"].centres_yx, [[7, 9]])
        np.testing.assert_array_equal(picks["b"].scores, [-0.125])
