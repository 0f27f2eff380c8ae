from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import starfile

from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import open_source
from napari_deepem.io.micrographs_star import MicrographEntry, optics_group
from napari_deepem.io.particle_star import MicrographParticles, write_particle_star

SCORED = MicrographParticles(
    MicrographEntry("Motion/a b.mrc", 1, {"_rlnDefocusU": "9000", "_rlnPhaseShift": "90"}),
    Picks(
        np.array([[10.0, 20.0], [30, 40]]),
        np.array([0.9, 0.123456789]),
        features={"angle": np.array([90.0, np.nan])},
    ),
)
PLAIN = MicrographParticles(
    MicrographEntry("Motion/c.mrc", 2, {"_rlnDefocusU": "8000.5"}),
    Picks(np.array([[1.0, 2.0], [3, 4], [5, 6]])),
)


@pytest.fixture
def star(tmp_path: Path) -> Path:
    path = tmp_path / "particles.star"
    groups = [optics_group(1, 1.5, voltage_kv=300), optics_group(2, 2)]
    write_particle_star(
        path, Path("Extract/p.mrcs"), [SCORED, PLAIN], groups, size_px=12, scale=2.0
    )
    return path


def test_star_says_of_each_image_whose_it_is(star: Path) -> None:
    particles = starfile.read(star)["particles"]
    assert [*particles["rlnImageName"]] == [f"00000{n}@Extract/p.mrcs" for n in (1, 2, 3, 4, 5)]
    assert [*particles["rlnMicrographName"]] == [*["Motion/a b.mrc"] * 2, *["Motion/c.mrc"] * 3]
    assert [*particles["rlnCoordinateX"]] == [20, 40, 2, 4, 6]
    assert [*particles["rlnCoordinateY"]] == [10, 30, 1, 3, 5]
    assert [*particles["rlnOpticsGroup"]] == [1, 1, 2, 2, 2]


def test_what_is_known_of_some_picks_or_all_micrographs_has_a_column(star: Path) -> None:
    particles = starfile.read(star)["particles"]
    assert [*particles["rlnAutopickFigureOfMerit"]] == [0.9, 0.123456789, -999, -999, -999]
    assert [*particles["rlnAnglePsi"]] == [90, 0, 0, 0, 0]
    assert [*particles["rlnDefocusU"]] == [9000, 9000, 8000.5, 8000.5, 8000.5]
    assert not {"rlnClassNumber", "rlnPhaseShift"} & {*particles}


def test_optics_groups_have_the_size_of_the_images(star: Path) -> None:
    optics = starfile.read(star)["optics"]
    assert [*optics["rlnMicrographPixelSize"]] == [1.5, 2]
    assert [*optics["rlnImagePixelSize"]] == [3, 4]
    assert [*optics["rlnImageSize"]] == [12, 12]
    assert [*optics["rlnImageDimensionality"]] == [2, 2]
    assert "rlnVoltage" not in optics, "not known of every group"


def test_positions_and_scores_are_read_back_from_it(star: Path) -> None:
    source = open_source(star)
    assert source.names == ["a b", "c"]
    for each, name in ((SCORED, "a b"), (PLAIN, "c")):
        np.testing.assert_array_equal(source.picks_of(name).centres_yx, each.picks.centres_yx)
    np.testing.assert_array_equal(source.picks_of("a b").scores, SCORED.picks.scores)
