from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_deepem.batch.simulate import (
    RECORD,
    MicrographSimulated,
    Particle,
    load_particle,
    simulate_files,
)
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.simulation import Optics, Projector, SimulationSettings, simulate_set
from napari_deepem.io.coordinates import read_coordinate_set, read_coordinates
from napari_deepem.io.images import find_micrographs, read_micrograph

SETTINGS = SimulationSettings(
    optics=Optics(3.0), count=2, shape=(150, 200), particles=4, box_size_px=40
)
FILES = [f"simulated_{k:03d}.{suffix}" for k in (1, 2) for suffix in ("csv", "mrc", "star")]


def ball() -> np.ndarray:
    squared = sum(np.square(axis - 12.0) for axis in np.ogrid[:24, :24, :24])
    return np.exp(-squared / 30).astype(np.float32)


@pytest.fixture(scope="module")
def particle() -> Particle:
    return Particle(Projector(ball()), 3.0, 40, {"map": "ball.mrc"})


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps") / "ball.mrc"
    mrcfile.write(path, ball(), voxel_size=3.0)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_set_is_written_with_its_truth(particle: Particle, tmp_path: Path) -> None:
    news: list[MicrographSimulated] = []
    finish(simulate_files(particle, SETTINGS, tmp_path / "new"), news.append)
    assert names_in(tmp_path / "new") == [*FILES, RECORD]
    assert [(each.name, each.particles) for each in news] == [
        ("simulated_001", 4),
        ("simulated_002", 4),
    ]
    names = [each.name for each in news]
    found = read_coordinate_set(tmp_path / "new", names)
    expected = simulate_set(particle.projector, SETTINGS)
    for path, simulated in zip(find_micrographs([tmp_path / "new"]), expected, strict=True):
        micrograph = read_micrograph(path)
        np.testing.assert_array_equal(micrograph.image, simulated.micrograph.image)
        assert micrograph.pixel_size == pytest.approx(3.0)
        exact = read_coordinates(path.with_suffix(".csv")).centres_yx
        np.testing.assert_array_equal(exact, simulated.truth_yx)
        whole = found[micrograph.name].centres_yx  # of the STAR file
        np.testing.assert_array_equal(whole, np.floor(exact + 0.5))


def test_the_record_says_how_it_was_made(particle: Particle, tmp_path: Path) -> None:
    finish(simulate_files(particle, SETTINGS, tmp_path, "napari-deepem simulate --seed 0"))
    record = json.loads((tmp_path / RECORD).read_text())
    assert record["command"] == "napari-deepem simulate --seed 0"
    assert record["map"] == "ball.mrc"
    settings = {**record["settings"], "optics": Optics(**record["settings"]["optics"])}
    settings["shape"] = tuple(settings["shape"])
    settings["defocus_range_angstrom"] = tuple(settings["defocus_range_angstrom"])
    assert SimulationSettings(**settings) == SETTINGS
    assert record["files"] == FILES
    first = record["micrographs"]["simulated_001"]
    assert first["particles"] == 4
    assert 10_000 <= first["defocus_angstrom"] <= 25_000


def test_an_older_set_is_replaced_as_a_whole(particle: Particle, tmp_path: Path) -> None:
    (tmp_path / "simulated_007.csv").write_text("mine, and in nobody's way")
    finish(simulate_files(particle, SETTINGS, tmp_path))
    job = simulate_files(particle, replace(SETTINGS, seed=1), tmp_path)
    next(job)
    job.close()  # stopped after the first: nothing of the older set may be mixed with it
    assert names_in(tmp_path) == [*FILES[:3], "simulated_007.csv", RECORD]
    finish(simulate_files(particle, replace(SETTINGS, count=1), tmp_path))
    assert names_in(tmp_path) == [*FILES[:3], "simulated_007.csv", RECORD]


def test_older_set_stays_ours_until_all_of_it_is_gone(
    particle: Particle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Item 4: a run that is killed while it clears leaves nothing that the next one refuses."""
    finish(simulate_files(particle, SETTINGS, tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", interrupt)
        with pytest.raises(KeyboardInterrupt):
            finish(simulate_files(particle, replace(SETTINGS, count=1), tmp_path))
    finish(simulate_files(particle, replace(SETTINGS, count=1), tmp_path))
    assert names_in(tmp_path) == [*FILES[:3], RECORD]


UNLINK = Path.unlink


def interrupt(path: Path, **options: bool) -> None:
    if path.name in FILES:
        raise KeyboardInterrupt
    UNLINK(path, **options)


@pytest.mark.parametrize(
    ("file", "content"),
    [(FILES[0], "mine"), (FILES[4], "mine"), (RECORD, "mine"), (RECORD, '[{"my": "runs"}]')],
)
def test_files_of_others_are_never_replaced(
    particle: Particle, tmp_path: Path, file: str, content: str
) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=r"would be replaced: choose another folder"):
        finish(simulate_files(particle, SETTINGS, tmp_path))
    assert names_in(tmp_path) == [file]
    assert (tmp_path / file).read_text() == content


def test_a_record_gives_no_rights_to_other_files(particle: Particle, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("mine")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / RECORD).write_text(json.dumps({"files": ["../labels.csv"]}))
    finish(simulate_files(particle, SETTINGS, tmp_path / "set"))
    assert labels.read_text() == "mine"


def test_a_set_that_cannot_be_made_leaves_an_older_one(particle: Particle, tmp_path: Path) -> None:
    finish(simulate_files(particle, SETTINGS, tmp_path))
    before = (tmp_path / FILES[1]).read_bytes()
    with pytest.raises(InputError, match="does not fit"):
        finish(simulate_files(particle, replace(SETTINGS, box_size_px=180), tmp_path))
    assert (tmp_path / FILES[1]).read_bytes() == before


def test_a_map_keeps_its_voxel_size_or_takes_another(map_file: Path) -> None:
    as_it_is = load_particle(map_file)
    assert as_it_is.pixel_size == pytest.approx(3.0)
    assert as_it_is.projector.size_px == 24
    assert as_it_is.source["voxel_size"] == pytest.approx(3.0)
    resampled = load_particle(map_file, voxel_size=6.0, pixel_size=4.0)
    assert resampled.pixel_size == 4.0
    assert resampled.projector.size_px == 36
    assert resampled.box_size_px == pytest.approx(1.5 * as_it_is.box_size_px, abs=2)


def test_a_map_of_unknown_voxel_size_needs_one(tmp_path: Path) -> None:
    mrcfile.write(tmp_path / "a.mrc", ball())
    with pytest.raises(InputError, match=r"a\.mrc: its header holds no voxel size; give --map-"):
        load_particle(tmp_path / "a.mrc")
    assert load_particle(tmp_path / "a.mrc", 5.0).pixel_size == 5.0


def test_sizes_that_make_no_sense_are_refused(map_file: Path) -> None:
    for arguments, message in (
        ((map_file, -1.0, None), "voxel size of -1 A"),
        ((map_file, None, 0.0), "pixel size of 0 A"),
        ((map_file, None, float("nan")), "pixel size of nan A"),
        ((map_file, None, 0.01), "at 0.01 A/px the map is 7200 px wide"),
        ((None, 3.0, None), "voxel size without a map"),
    ):
        with pytest.raises(InputError, match=message):
            load_particle(*arguments)


def test_without_a_map_the_embedded_particle_is_simulated() -> None:
    particle = load_particle(pixel_size=8.8)
    assert particle.pixel_size == 8.8
    assert particle.box_size_px == 60  # half of the sample's
    assert particle.source["particle"] == "embedded, after KLH"
