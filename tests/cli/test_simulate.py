from __future__ import annotations

import json
import shlex
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cli_runs import run
from napari_deepem.io.coordinates import read_coordinates
from napari_deepem.io.images import read_micrograph

SMALL = ("--count", "2", "--size", "160", "192", "--particles", "5")


def simulate(*arguments: object) -> int:
    """Exit code of the command."""
    return run("simulate", *arguments)


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two balls, without a voxel size."""
    z, y, x = np.ogrid[:20, :20, :20]
    density = np.exp(-((z - 10) ** 2 + (y - 10) ** 2 + (x - 7) ** 2) / 12)
    density += np.exp(-((z - 12) ** 2 + (y - 9) ** 2 + (x - 13) ** 2) / 8)
    path = tmp_path_factory.mktemp("maps") / "two balls.mrc"
    mrcfile.write(path, density.astype(np.float32))
    return path


def test_a_map_is_simulated_as_asked_for(
    map_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--map", map_file, "--map-voxel-size", 4, "--pixel-size", 3, "--box", 30)
    assert simulate(*options, *SMALL, "--snr", 0.05, "--no-ctf", "--out", tmp_path) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "simulated_002: 5 particles" in shown.err
    wrote = f"wrote 2 micrographs with 10 particles to {tmp_path}: box 30 px, 3 A/px"
    assert wrote in shown.err
    micrograph = read_micrograph(tmp_path / "simulated_002.mrc")
    assert micrograph.shape == (160, 192)
    assert micrograph.pixel_size == pytest.approx(3.0)
    assert len(read_coordinates(tmp_path / "simulated_002.star")) == 5
    settings = json.loads((tmp_path / "simulation.json").read_text())["settings"]
    assert settings["snr"] == 0.05
    assert settings["defocus_range_angstrom"] is None


def test_the_recorded_line_makes_the_same_files_again(map_file: Path, tmp_path: Path) -> None:
    options = ("--map", map_file, "--map-voxel-size", 4, *SMALL, "--seed", 3, "--snr", 0.3)
    more = ("--defocus", 1.5, 2, "--voltage", 200, "--cs", 2, "--amplitude-contrast", 0.07)
    scenery = ("--ice-gradient", 0.1, "--contamination", 2, "--overlaps", 0.5, "--carbon", 0.5)
    noise = ("--b-factor", 80, "--noise", "detector")
    assert simulate(*options, *more, *scenery, *noise, "--out", tmp_path / "first") == 0
    line = json.loads((tmp_path / "first" / "simulation.json").read_text())["command"]
    program, command, *words = shlex.split(line)
    assert (program, command) == ("napari-deepem", "simulate")
    assert simulate(*words, "--out", tmp_path / "second") == 0
    for path in (tmp_path / "first").glob("*[!n]"):  # images hold the time in their labels
        again = tmp_path / "second" / path.name
        if path.suffix == ".mrc":
            np.testing.assert_array_equal(mrcfile.read(again), mrcfile.read(path))
        else:
            assert again.read_bytes() == path.read_bytes()


def test_too_many_particles_are_told_of(
    map_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--map", map_file, "--map-voxel-size", 4, "--count", 2, "--size", 128, 128)
    assert simulate(*options, "--particles", 80, "--out", tmp_path) == 0
    assert "2 of them had no place for 80 particles" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "two balls.mrc: its header holds no voxel size; give --map-voxel-size"),
        (("--map-voxel-size", 4, "--size", 100), "--size"),
        (("--map-voxel-size", 4, "--pixel-size", 1000), "give a smaller --pixel-size"),
        (("--map-voxel-size", 0.4, "--defocus", 9, 10, "--b-factor", 0), "fringes reach"),
        (("--map-voxel-size", 4, "--defocus", 3, 1), "does not rise"),
        (("--map-voxel-size", 4, "--box", 2000), "box of 2000 px does not fit"),
        (("--map-voxel-size", 4, "--noise", "pink"), "pink"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    map_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[object, ...],
    message: str,
) -> None:
    assert simulate("--map", map_file, *options, "--out", tmp_path / "new") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("napari-deepem: ")
    assert message in shown.err
    assert shown.err.count("\n") == 1, shown.err
    assert list(tmp_path.rglob("*.*")) == []
