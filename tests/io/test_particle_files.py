from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.micrographs_star import MicrographEntry, optics_group
from napari_deepem.io.particle_files import particle_columns, particle_files

IMAGES = np.random.default_rng(0).normal(30_000, 5, (5, 12, 12)).astype(np.float32)
SCORED = Picks(
    np.array([[10.0, 20.0], [30, 40]]),
    np.array([0.9, 0.123456789]),
    features={"angle": np.array([90.0, np.nan])},
)
PLAIN = Picks(np.array([[1.0, 2.0], [3, 4], [5, 6]]))
ENTRIES = (
    MicrographEntry("Motion/a b.mrc", 1, {"_rlnDefocusU": "9000", "_rlnPhaseShift": "90"}),
    MicrographEntry("Motion/c.mrc", 2, {"_rlnDefocusU": "8000.5"}),
)


def write(
    path: Path,
    pixel_sizes: tuple[float, float] = (1.5, 1.5),
    stop: BaseException | None = None,
) -> None:
    groups = [optics_group(number, each) for number, each in enumerate(pixel_sizes, start=1)]
    columns = particle_columns([SCORED, PLAIN], ENTRIES)
    with particle_files(path, groups, columns, size_px=12, scale=2.0) as files:
        files.add(IMAGES[:2], ENTRIES[0], SCORED)
        if stop is not None:
            raise stop
        files.add(IMAGES[2:], ENTRIES[1], PLAIN)
        assert files.n_particles == 5


def test_stack_is_valid_and_holds_the_images(tmp_path: Path) -> None:
    write(tmp_path / "p.mrcs")
    assert mrcfile.validate(tmp_path / "p.mrcs")
    with mrcfile.open(tmp_path / "p.mrcs") as stack:
        np.testing.assert_array_equal(stack.data, IMAGES)
        assert stack.is_image_stack()
        assert stack.voxel_size.tolist() == (3, 3, 3)
        assert (stack.header.ispg, stack.header.mode, stack.header.mz) == (0, 2, 1)
        assert (stack.header.dmin, stack.header.dmax) == (IMAGES.min(), IMAGES.max())
        assert stack.header.rms == pytest.approx(IMAGES.std(dtype=np.float64), rel=1e-6)


def test_star_says_of_each_image_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("Extract/p.mrcs"))
    tables = starfile.read("Extract/p.star")
    particles = tables["particles"]
    assert [*particles["rlnImageName"]] == [f"00000{n}@Extract/p.mrcs" for n in (1, 2, 3, 4, 5)]
    assert [*particles["rlnMicrographName"]] == [*["Motion/a b.mrc"] * 2, *["Motion/c.mrc"] * 3]
    assert [*particles["rlnCoordinateX"]] == [20, 40, 2, 4, 6]
    assert [*particles["rlnCoordinateY"]] == [10, 30, 1, 3, 5]
    assert [*particles["rlnAutopickFigureOfMerit"]] == [0.9, 0.123456789, -999, -999, -999]
    assert [*particles["rlnAnglePsi"]] == [90, 0, 0, 0, 0]
    assert [*particles["rlnOpticsGroup"]] == [1, 1, 2, 2, 2]
    assert [*particles["rlnDefocusU"]] == [9000, 9000, 8000.5, 8000.5, 8000.5]
    assert "rlnPhaseShift" not in particles, "not known of every micrograph"
    assert [*tables["optics"]["rlnImagePixelSize"]] == [3, 3]
    assert [*tables["optics"]["rlnImageSize"]] == [12, 12]
    assert [*tables["optics"]["rlnImageDimensionality"]] == [2, 2]


def test_stack_of_several_pixel_sizes_has_none_in_its_header(tmp_path: Path) -> None:
    write(tmp_path / "p.mrcs", (1.5, 2.0))
    assert mrcfile.validate(tmp_path / "p.mrcs")
    with mrcfile.open(tmp_path / "p.mrcs") as stack:
        assert stack.voxel_size.tolist() == (0, 0, 0)
    assert [*starfile.read(tmp_path / "p.star")["optics"]["rlnImagePixelSize"]] == [3, 4]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InputError])
def test_nothing_is_half_written_or_lost(tmp_path: Path, stop: type[BaseException]) -> None:
    write(tmp_path / "p.mrcs")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(stop):
        write(tmp_path / "p.mrcs", stop=stop("stopped"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
