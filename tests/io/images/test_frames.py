"""Stacks of frames in MRC files, numbers of 4 bits, and how one frame is asked for."""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from weakref import ref

import mrcfile
import numpy as np
import pytest
from mrcfile.dtypes import HEADER_DTYPE

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import find_micrographs, read_micrograph, read_shape
from napari_deepem.io.images.frames import mean_of, split_frame
from napari_deepem.io.volumes import read_volume

MOVIE = np.random.default_rng(0).normal(5, 2, (4, 6, 9)).astype(np.float32)
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".mrcs": bytes,
    ".mrcs.gz": gzip.compress,
    ".mrcs.bz2": bz2.compress,
}


def write(path: Path, movie: np.ndarray, *, is_volume: bool = False) -> Path:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(movie)
        mrc.set_volume() if is_volume else mrc.set_image_stack()
        mrc.voxel_size = 1.5
    return path


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32", ">f4"])
def test_stack_gives_the_mean_of_its_frames_or_one_of_them(
    tmp_path: Path, suffix: str, dtype: str
) -> None:
    movie = MOVIE.astype(dtype)
    content = write(tmp_path / "made", movie).read_bytes()
    path = tmp_path / f"m{suffix}"
    path.write_bytes(COMPRESS[suffix](content))
    micrograph = read_micrograph(path)
    np.testing.assert_allclose(micrograph.image, movie.mean(0, dtype=np.float64), rtol=1e-6)
    assert (micrograph.name, micrograph.pixel_size) == ("m", 1.5)
    assert micrograph.remark == (
        f"m{suffix}: the mean of its 4 frames, which are not aligned; "
        f"for one of them give 1@m{suffix}"
    )
    for number in range(4):
        frame = read_micrograph(tmp_path / f"{number + 1:06}@m{suffix}")
        assert frame.image.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(frame.image, movie[number])
    assert read_shape(path) == (6, 9)


def test_stack_of_one_frame_is_an_image_as_it_is(tmp_path: Path) -> None:
    micrograph = read_micrograph(write(tmp_path / "m.mrcs", MOVIE[:1].astype(np.int16)))
    assert (micrograph.image.dtype, micrograph.remark) == (np.int16, "")


def test_volume_is_told_from_a_movie(tmp_path: Path) -> None:
    """By the standard of 2014; who calls it .mrcs is believed."""
    path = write(tmp_path / "m.mrc", MOVIE, is_volume=True)
    with pytest.raises(InputError, match=r"a volume of 4 slices by its header.*call it \.mrcs"):
        read_micrograph(path)
    path.rename(tmp_path / "m.mrcs")
    np.testing.assert_allclose(read_micrograph(tmp_path / "m.mrcs").image, MOVIE.mean(0), rtol=1e-6)
    np.testing.assert_allclose(read_micrograph(write(path, MOVIE)).image, MOVIE.mean(0), rtol=1e-6)


@pytest.mark.parametrize("cut", [1, 6 * 9 * 4, 3 * 6 * 9 * 4 + 1])
def test_short_stack_is_never_read(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "m.mrcs", MOVIE)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"m\.mrcs: cut short"):
        read_micrograph(path)


def test_frames_are_asked_for_as_relion_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`000003@folder/movie.mrcs`, and the same beside its file."""
    (tmp_path / "movies").mkdir()
    write(tmp_path / "movies" / "m.mrcs", MOVIE)
    monkeypatch.chdir(tmp_path)
    for argument in ("000003@movies/m.mrcs", "movies/000003@m.mrcs"):
        (path,) = find_micrographs([argument])
        assert path == Path("movies/000003@m.mrcs")
        np.testing.assert_array_equal(read_micrograph(path).image, MOVIE[2])
    frames = find_micrographs(["1@movies/m.mrcs", "2@movies/m.mrcs"])
    assert [read_micrograph(path).name for path in frames] == ["1@m", "2@m"]
    with pytest.raises(InputError, match=r"movies/n\.mrcs: no such file"):
        read_micrograph(find_micrographs(["1@movies/n.mrcs"])[0])


def test_file_that_is_called_like_a_frame_is_meant_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "3@m.mrcs", MOVIE[:1])
    assert split_frame(path) == (path, None)
    assert find_micrographs([path]) == [path]
    assert split_frame(Path("a@b.mrcs")) == (Path("a@b.mrcs"), None)


def four_bits(movie: np.ndarray) -> bytes:
    """An MRC file of mode 101, in which rows are filled up to whole bytes."""
    frames, height, width = movie.shape
    header = np.zeros((), HEADER_DTYPE)
    header["nx"], header["ny"], header["nz"], header["mode"] = width, height, frames, 101
    header["map"], header["machst"] = b"MAP ", (0x44, 0x44, 0, 0)
    even = np.pad(movie, ((0, 0), (0, 0), (0, width % 2)))
    return header.tobytes() + (even[..., 0::2] | even[..., 1::2] << 4).tobytes()


@pytest.mark.parametrize("width", [8, 9])
def test_four_bits_are_unpacked_row_by_row(tmp_path: Path, width: int) -> None:
    movie = np.random.default_rng(0).integers(0, 16, (2, 5, width), dtype=np.uint8)
    path = tmp_path / "m.mrcs"
    path.write_bytes(four_bits(movie))
    assert read_shape(path) == (5, width)
    np.testing.assert_array_equal(read_micrograph(path).image, movie.mean(0))
    frame = read_micrograph(tmp_path / "2@m.mrcs").image
    np.testing.assert_array_equal(frame, movie[1])
    assert frame.dtype == np.uint8
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="cut short"):
        read_micrograph(path)


def test_four_bits_are_no_volume(tmp_path: Path) -> None:
    (tmp_path / "v.mrc").write_bytes(four_bits(np.ones((4, 4, 4), dtype=np.uint8)))
    with pytest.raises(InputError, match=r"mode 101 \(packed 4-bit\)"):
        read_volume(tmp_path / "v.mrc")


def test_no_frame_is_kept_when_the_next_one_comes() -> None:
    """But the first one, which is let go for the sum of two."""
    kept: list[int] = []
    frames: list[ref[np.ndarray]] = []

    def movie() -> Iterator[np.ndarray]:
        for number in range(5):
            kept.append(sum(frame() is not None for frame in frames))
            image = np.full((2, 2), number)
            frames.append(ref(image))
            yield image
            del image

    assert mean_of(movie()).tolist() == [[2, 2], [2, 2]]
    assert kept == [0, 1, 0, 0, 0]


@pytest.mark.skipif(not hasattr(os, "truncate"), reason="this system makes no sparse files")
def test_stack_far_larger_than_the_memory_is_no_hindrance_to_its_header(tmp_path: Path) -> None:
    content = bytearray(four_bits(np.zeros((1, 4, 4), dtype=np.uint8))[:1024])
    content[:16] = np.array([20_000, 20_000, 5000, 2], "<i4").tobytes()
    path = tmp_path / "m.mrcs"
    path.write_bytes(content)
    os.truncate(path, 1024 + 20_000 * 20_000 * 4 * 5000)
    assert read_shape(path) == (20_000, 20_000)
