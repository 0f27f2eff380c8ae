from __future__ import annotations

import gzip
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.volumes import read_volume

RAMP = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)  # z, y, x


def written(
    path: Path,
    density: np.ndarray = RAMP,
    voxel_size: float | tuple[float, float, float] | None = 3.5,
    axes: tuple[int, int, int] = (1, 2, 3),  # of columns, rows and sections: 1 is x
) -> Path:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(density)
        mrc.set_volume()
        if voxel_size is not None:
            mrc.voxel_size = voxel_size
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = axes
    return path


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_a_map_is_read_with_its_voxel_size(tmp_path: Path, dtype: str) -> None:
    volume = read_volume(written(tmp_path / "a.mrc", RAMP.astype(dtype)))
    np.testing.assert_array_equal(volume.density, RAMP)
    assert volume.density.dtype == np.float32
    assert volume.voxel_size == pytest.approx(3.5)


def test_a_compressed_map_is_read(tmp_path: Path) -> None:
    packed = tmp_path / "emd_1234.map.gz"
    packed.write_bytes(gzip.compress(written(tmp_path / "a.mrc").read_bytes()))
    np.testing.assert_array_equal(read_volume(packed).density, RAMP)


def test_a_header_may_hold_no_voxel_size(tmp_path: Path) -> None:
    assert read_volume(written(tmp_path / "a.mrc", voxel_size=None)).voxel_size is None


@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1), (0, 0, 0)])
def test_axes_are_put_in_order(tmp_path: Path, axes: tuple[int, int, int]) -> None:
    """The file's slowest axis is `maps`, its fastest `mapc`."""
    of_file = [3 - axis for axis in reversed(axes)]  # of z, y, x, slowest first
    stored = RAMP if 0 in axes else np.ascontiguousarray(RAMP.transpose(of_file))
    volume = read_volume(written(tmp_path / "a.mrc", stored, axes=axes))
    np.testing.assert_array_equal(volume.density, RAMP)


@pytest.mark.filterwarnings("ignore:Data array contains NaN")
def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    hollow = RAMP.copy()
    hollow[1, 1, 1:3] = np.nan
    path = tmp_path / "a.mrc"
    for density, voxel_size, message in (
        (RAMP[:1], 3.5, "5 x 4 x 1 voxels are no density map"),
        (hollow, 3.5, "2 of 60 voxels are NaN"),
        (np.zeros_like(RAMP), 3.5, "every voxel is 0"),
        (RAMP, (3.5, 3.5, 3.0), r"no cubes \(3.5, 3.5, 3 A\)"),
    ):
        written(path, density, voxel_size)
        with pytest.raises(InputError, match=message) as caught:
            read_volume(path)
        assert "a.mrc" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_header_that_asks_for_too_much_is_refused_unread(tmp_path: Path) -> None:
    content = bytearray(written(tmp_path / "a.mrc").read_bytes())
    content[8:12] = (2_000).to_bytes(4, "little")  # NZ
    (tmp_path / "a.mrc").write_bytes(content)
    with pytest.raises(InputError, match="5 x 4 x 2000 voxels are too many"):
        read_volume(tmp_path / "a.mrc")


def test_other_files_are_no_maps(tmp_path: Path) -> None:
    (tmp_path / "a.map").write_text("x,y\n" * 500)
    for name, message in (("a.map", "not an MRC"), ("b.map", "no such file"), (".", "folder")):
        with pytest.raises(InputError, match=message):
            read_volume(tmp_path / name)


def test_real_maps_are_read(shared_data: Path) -> None:
    ribosome = read_volume(shared_data / "maps" / "ribosome_70s_65.mrc")
    assert (ribosome.density.shape, ribosome.voxel_size) == ((65, 65, 65), None)
    galactosidase = read_volume(shared_data / "maps" / "beta_galactosidase_100.mrc")
    assert galactosidase.density.shape == (100, 100, 100)
    assert galactosidase.voxel_size == pytest.approx(3.54)
