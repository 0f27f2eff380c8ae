"""Particles cut out of micrographs in files."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import starfile

from napari_deepem.batch.extract import MicrographExtracted, ParticleOutput, extract_files
from napari_deepem.batch.micrograph_optics import OpticsOptions
from napari_deepem.batch.particle_plan import ParticlePlan
from napari_deepem.core.errors import InputError
from napari_deepem.core.jobs import finish
from napari_deepem.core.preprocessing.particle_images import ParticleImaging
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image

PICKS = {
    "a": Picks(np.array([[30.0, 40.0], [20.4, 49.6], [3, 30], [30, 58]]), np.array([4.0, 3, 2, 1])),
    "b": Picks(np.array([[25.0, 25.0]]), np.array([5.0])),
    "c": Picks(np.empty((0, 2)), np.empty(0)),
}
CTF = """
data_optics

loop_
_rlnOpticsGroupName
_rlnOpticsGroup
_rlnMicrographPixelSize
_rlnVoltage
first 1 1.5 300
second 2 1.5 200

data_micrographs

loop_
_rlnMicrographName
_rlnOpticsGroup
_rlnDefocusU
Motion/b.mrc 2 9000
Motion/z.mrc 1 8000
"""


@pytest.fixture
def images(tmp_path: Path) -> dict[str, np.ndarray]:
    """Three micrographs and the picks on them, as files in two folders."""
    rng = np.random.default_rng(0)
    images = {name: rng.normal(size=(50, 60)).astype(np.float32) for name in PICKS}
    for name, image in images.items():
        write_image(tmp_path / "micrographs" / f"{name}.mrc", image, 1.5)
        write_coordinates(tmp_path / "picks" / f"{name}.star", PICKS[name])
    return images


def extract(folder: Path, **changes: Any) -> tuple[int, ParticlePlan, list[MicrographExtracted]]:
    """How many particles are written to particles.mrcs, what was planned, and the progress."""
    news: list[Any] = []
    arguments = {
        "sources": [folder / "picks"],
        "micrographs": [folder / "micrographs" / f"{name}.mrc" for name in PICKS],
        "output": ParticleOutput(folder / "particles.mrcs"),
        "imaging": ParticleImaging(8, 8),
        "optics": OpticsOptions(),
    }
    n_particles = finish(extract_files(**arguments | changes), news.append)
    return n_particles, news[0], news[1:]


def particles_in(folder: Path) -> list[tuple[str, float, float]]:
    table = starfile.read(folder / "particles.star")["particles"]
    columns = (table[f"rln{name}"] for name in ("MicrographName", "CoordinateY", "CoordinateX"))
    return [(Path(name).stem, y, x) for name, y, x in zip(*columns, strict=True)]


@pytest.mark.usefixtures("images")
def test_boxes_lie_around_the_nearest_pixels_and_those_over_the_edge_are_counted(
    tmp_path: Path, images: dict[str, np.ndarray]
) -> None:
    n_particles, plan, progress = extract(tmp_path)
    assert (n_particles, plan.n_over_edge) == (3, 2)
    assert [(each.name, each.n_particles) for each in progress] == [("a", 2), ("b", 1)]
    particles = particles_in(tmp_path)
    assert particles == [("a", 30, 40), ("a", 20, 50), ("b", 25, 25)]
    for image, (name, y, x) in zip(
        mrcfile.read(tmp_path / "particles.mrcs"), particles, strict=True
    ):
        y, x = int(y), int(x)
        np.testing.assert_array_equal(image, images[name][y - 4 : y + 4, x - 4 : x + 4])


def test_no_number_of_16_bits_wraps(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    recorded = (images["b"] * 1000 + 40_000).astype(np.uint16)
    with mrcfile.new(tmp_path / "micrographs" / "b.mrc", recorded, overwrite=True) as mrc:
        mrc.voxel_size = 1.5
        assert mrc.header.mode == 6
    extract(tmp_path)
    last = mrcfile.read(tmp_path / "particles.mrcs")[-1]
    np.testing.assert_array_equal(last, recorded[21:29, 21:29])


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("n_bytes", [10, 2000], ids=["header", "pixels"])
def test_micrograph_that_cannot_be_read_is_reported_and_the_others_go_on(
    tmp_path: Path, n_bytes: int
) -> None:
    path = tmp_path / "micrographs" / "a.mrc"
    path.write_bytes(path.read_bytes()[:n_bytes])
    n_particles, plan, _ = extract(tmp_path)
    assert n_particles == 1
    assert list(plan.problems) == ["a"]
    assert str(path) in plan.problems["a"]
    assert particles_in(tmp_path) == [("b", 25, 25)]


def test_box_on_a_flat_background_is_left_out_and_counted(
    tmp_path: Path, images: dict[str, np.ndarray]
) -> None:
    image = images["a"].copy()
    image[24:36, 34:46] = 0
    write_image(tmp_path / "micrographs" / "a.mrc", image, 1.5)
    n_particles, plan, _ = extract(tmp_path, imaging=ParticleImaging(8, 8, 3.0))
    assert (n_particles, plan.n_flat) == (2, 1)
    assert particles_in(tmp_path) == [("a", 20, 50), ("b", 25, 25)]


def test_each_pixel_size_has_an_optics_group(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    write_image(tmp_path / "micrographs" / "b.mrc", images["b"], 1.2)
    extract(tmp_path, imaging=ParticleImaging(8, 4))
    tables = starfile.read(tmp_path / "particles.star")
    assert [*tables["particles"]["rlnOpticsGroup"]] == [1, 1, 2]
    assert [*tables["optics"]["rlnImagePixelSize"]] == [3, 2.4]
    assert mrcfile.open(tmp_path / "particles.mrcs").voxel_size.x == 0


def test_pixel_size_must_be_known(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    write_image(tmp_path / "micrographs" / "b.mrc", images["b"], None)
    with pytest.raises(InputError, match=r"b\.mrc: .* give --pixel-size"):
        extract(tmp_path)
    extract(tmp_path, optics=OpticsOptions(pixel_size=1.25))
    assert mrcfile.open(tmp_path / "particles.mrcs").voxel_size.x == 1.25


@pytest.mark.usefixtures("images")
def test_star_file_of_micrographs_says_names_optics_and_ctf(tmp_path: Path) -> None:
    (tmp_path / "ctf.star").write_text(CTF)
    n_particles, plan, _ = extract(tmp_path, optics=tmp_path / "ctf.star")
    assert n_particles == 1
    assert plan.remarks == [f"left out, not in {tmp_path / 'ctf.star'}: a, c"]
    tables = starfile.read(tmp_path / "particles.star")
    assert [*tables["optics"]["rlnVoltage"]] == [300, 200]
    (particle,) = tables["particles"].to_dict("records")
    names = ("rlnMicrographName", "rlnOpticsGroup", "rlnDefocusU")
    assert [particle[name] for name in names] == ["Motion/b.mrc", 2, 9000]


def test_another_pixel_size_in_the_header_is_told_of_once(
    tmp_path: Path, images: dict[str, np.ndarray]
) -> None:
    (tmp_path / "ctf.star").write_text(CTF.replace("z.mrc", "a.mrc"))
    for name in ("a", "b"):
        write_image(tmp_path / "micrographs" / f"{name}.mrc", images[name], 3)
    _, plan, _ = extract(tmp_path, optics=tmp_path / "ctf.star")
    (remark,) = [each for each in plan.remarks if "A/px" in each]
    assert remark.startswith(f"{tmp_path / 'micrographs' / 'a.mrc'} says 3 A/px, ")
    assert mrcfile.open(tmp_path / "particles.mrcs").voxel_size.x == 1.5


@pytest.mark.usefixtures("images")
def test_star_file_without_any_of_the_micrographs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ctf.star").write_text(CTF.replace("b.mrc", "y.mrc"))
    with pytest.raises(InputError, match="has none of the micrographs with picks, such as a"):
        extract(tmp_path, optics=tmp_path / "ctf.star")


@pytest.mark.usefixtures("images")
def test_picks_may_come_from_several_files_but_not_twice(tmp_path: Path) -> None:
    picks = tmp_path / "picks"
    assert extract(tmp_path, sources=[picks / "a.star", picks / "b.star"])[0] == 3
    write_coordinates(tmp_path / "more" / "b.star", PICKS["b"])
    with pytest.raises(InputError, match=r"picks and .*more.* both have the micrograph b"):
        extract(
            tmp_path, sources=[picks, tmp_path / "more"], output=ParticleOutput(tmp_path / "p.mrcs")
        )


@pytest.mark.usefixtures("images")
def test_picks_of_other_micrographs_are_told_of(tmp_path: Path) -> None:
    write_coordinates(tmp_path / "picks" / "y.star", PICKS["b"])
    assert extract(tmp_path)[1].remarks == ["left out, no micrograph: picks of y"]
    with pytest.raises(InputError, match=r"no coordinates for any of .* such as a; it has"):
        extract(
            tmp_path,
            sources=[tmp_path / "picks" / "y.star", tmp_path / "picks" / "b.star"],
            micrographs=[tmp_path / "micrographs" / "a.mrc"],
            output=ParticleOutput(tmp_path / "p.mrcs"),
        )


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("box_px", "names", "message"),
    [(52, "abc", "no particle is left: 5 picks over the edge"), (8, "c", "there are no picks")],
)
def test_nothing_is_written_where_no_particle_is_left(
    tmp_path: Path, box_px: int, names: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        extract(
            tmp_path,
            imaging=ParticleImaging(box_px, box_px),
            sources=[tmp_path / "picks" / f"{name}.star" for name in names],
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["micrographs", "picks"]


@pytest.mark.usefixtures("images")
def test_nothing_is_left_of_an_extraction_that_is_stopped(tmp_path: Path) -> None:
    job = extract_files(
        [tmp_path / "picks"],
        [tmp_path / "micrographs" / "a.mrc"],
        ParticleOutput(tmp_path / "new" / "particles.mrcs"),
        ParticleImaging(8, 8),
        OpticsOptions(),
    )
    assert isinstance(next(job), ParticlePlan)
    assert isinstance(next(job), MicrographExtracted)
    assert list((tmp_path / "new").iterdir())
    job.close()
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("images")
def test_disk_without_room_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")(3 * 64 * 4 - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"particles\.mrcs: needs .* are free"):
        extract(tmp_path)
    assert not (tmp_path / "particles.mrcs").exists()


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("particles.mrc", r"RELION knows a stack by \.mrcs"),
        ("picks/particles.mrcs", "particles.star would be taken the next time"),
        ("all.mrcs", r"all\.star would be replaced by the particles"),
        ("old.mrcs", r"old\.mrcs would be replaced: .* --overwrite"),
    ],
)
def test_output_that_would_do_harm_is_refused(tmp_path: Path, name: str, message: str) -> None:
    write_coordinates(tmp_path / "all.star", PICKS["a"])
    (tmp_path / "old.mrcs").touch()
    with pytest.raises(InputError, match=message):
        extract(
            tmp_path,
            sources=[tmp_path / "picks", tmp_path / "all.star"],
            output=ParticleOutput(tmp_path / name),
        )


@pytest.mark.usefixtures("images")
def test_files_are_replaced_where_that_is_asked_for(tmp_path: Path) -> None:
    extract(tmp_path)
    output = ParticleOutput(tmp_path / "particles.mrcs", overwrite=True)
    assert extract(tmp_path, output=output, sources=[tmp_path / "picks" / "b.star"])[0] == 1
    assert mrcfile.open(tmp_path / "particles.mrcs").header.nz == 1
    assert particles_in(tmp_path) == [("b", 25, 25)]
