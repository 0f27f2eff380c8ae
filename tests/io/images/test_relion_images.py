"""RELION as a judge: the images that it writes are read as it reads them, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from eer_files import write_eer
from napari_deepem.io.images import read_micrograph
from relion import needs_relion, run_relion

pytestmark = needs_relion

MOVIE = np.random.default_rng(0).poisson(20, (3, 45, 70))


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32"])
def test_tiff_equals_the_mrc_that_it_was_made_of_and_that_is_made_of_it(
    tmp_path: Path, dtype: str, compression: str
) -> None:
    with mrcfile.new(tmp_path / "movie.mrcs") as mrc:
        mrc.set_data(MOVIE.astype(dtype))
        mrc.voxel_size = 1.25
    options = "--o", "out/", "--compression", compression
    run_relion(tmp_path, "relion_convert_to_tiff", "--i", "movie.mrcs", *options)
    tiff = tmp_path / "out" / "movie.tif"
    for number in (1, 3):
        frame = read_micrograph(tiff.with_name(f"{number}@movie.tif"))
        np.testing.assert_array_equal(frame.image, MOVIE[number - 1])
        assert frame.image.dtype == np.dtype(dtype)
        assert frame.pixel_size == pytest.approx(1.25)
        run_relion(
            tmp_path, "relion_image_handler", "--i", f"{number}@out/movie.tif", "--o", "back.mrc"
        )
        np.testing.assert_array_equal(mrcfile.read(tmp_path / "back.mrc"), frame.image)
    np.testing.assert_array_equal(
        read_micrograph(tiff).image, read_micrograph(tmp_path / "movie.mrcs").image
    )


def test_eer_equals_the_tiff_that_is_made_of_it(tmp_path: Path) -> None:
    """RELION takes the camera's own size alone."""
    movie = np.zeros((4, 4096, 4096), dtype=bool)
    rng = np.random.default_rng(0)
    for frame in movie:
        frame.flat[rng.choice(frame.size, 300, replace=False)] = True
    write_eer(tmp_path / "a.eer", movie)
    electrons = read_micrograph(tmp_path / "a.eer").image
    np.testing.assert_array_equal(electrons, movie.sum(0))
    options = "--o", "out/", "--eer_grouping", "2"
    run_relion(tmp_path, "relion_convert_to_tiff", "--i", "a.eer", *options)
    mean = read_micrograph(tmp_path / "out" / "a.tif").image
    np.testing.assert_array_equal(2 * mean, electrons)
