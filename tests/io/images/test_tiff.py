"""TIFF: every way in which cameras and programs store it, right way up, and none that harms."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph, read_pixel_size, read_shape, tiff

# not square, and no chunk of it fits a whole number of times
IMAGE = np.random.default_rng(0).poisson(7, (45, 70)).astype(np.uint8)
MOVIE = np.random.default_rng(1).poisson(1, (3, 45, 70)).astype(np.uint8)


def write(path: Path, image: np.ndarray, **options: Any) -> Path:
    """As RELION, IMOD and SerialEM do: the rows of each page from the last one on."""
    tifffile.imwrite(path, image[..., ::-1, :], photometric="minisblack", **options)
    return path


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float16", "float32", "float64"]
)
def test_every_number_type_and_compression_keeps_its_pixels(
    tmp_path: Path, dtype: str, compression: str | None
) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype(dtype), compression=compression, rowsperstrip=8)
    image = read_micrograph(path).image
    assert image.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(image, IMAGE)
    assert read_shape(path) == IMAGE.shape


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"byteorder": ">"},
        {"byteorder": ">", "bigtiff": True, "compression": "lzw"},
        {"tile": (16, 32), "compression": "lzw"},
        {"predictor": True, "compression": "lzw"},
        {"predictor": True, "compression": "zlib", "byteorder": ">"},
        {"predictor": True, "compression": "lzw", "tile": (32, 16)},
    ],
    ids=lambda options: " ".join(map(str, options)),
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_every_layout_keeps_its_pixels(tmp_path: Path, dtype: str, options: dict[str, Any]) -> None:
    path = write(tmp_path / "a.tiff", IMAGE.astype(dtype), **options)
    np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.sampled_from(["lzw", None]))
@settings(max_examples=30)
def test_any_shape_in_any_strips_reads_back(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, rows: int, packing: str
) -> None:
    image = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    path = tmp_path_factory.getbasetemp() / "strips.tif"
    write(path, image, rowsperstrip=rows, compression=packing)
    np.testing.assert_array_equal(next(tiff.frames(path, None)), image)


def tiff_bytes(tags: dict[int, tuple[int, int]], content: bytes = bytes(64)) -> bytes:
    """A plain TIFF of one page: 8 bytes, its pixels, and its tags, each a (type, value)."""
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in tags.items()]
    content += bytes(len(content) % 2)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory


SMALL = {
    256: (4, 8), 257: (4, 8), 258: (3, 8), 259: (3, 1), 273: (4, 8), 277: (3, 1), 278: (4, 8),
    279: (4, 64),
}  # fmt: skip


def test_four_bits_are_read_from_the_upper_half_on(tmp_path: Path) -> None:
    """As the specification of TIFF has it: unlike MRC."""
    content = bytes([0x12, 0x3F, 0x45, 0x60])
    tags = {**SMALL, 256: (4, 3), 257: (4, 2), 258: (3, 4), 278: (4, 2), 279: (4, 4)}
    (tmp_path / "a.tif").write_bytes(tiff_bytes(tags, content))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, [[4, 5, 6], [1, 2, 3]])


def test_halved_images_of_super_resolution_cameras_are_unpacked(tmp_path: Path) -> None:
    """8 bits of half the width, by which RELION and IMOD know them; the lower half is the left."""
    image = np.zeros((7676, 7420), dtype=np.uint8)
    image[3, 10], image[3, 11] = 5, 9
    packed = image[:, 0::2] | image[:, 1::2] << 4
    path = write(tmp_path / "a.tif", packed, compression="lzw", rowsperstrip=7676)
    assert read_shape(path) == (7676, 7420)
    micrograph = read_micrograph(path)
    assert np.argwhere(micrograph.image).tolist() == [[3, 10], [3, 11]]
    assert micrograph.image[3, 10:12].tolist() == [5, 9]


def test_movie_gives_the_mean_of_its_frames_or_one_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "movie.tif", MOVIE, compression="lzw")
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.image, MOVIE.sum(0, dtype=np.float32) / 3)
    assert micrograph.remark.startswith("movie.tif: the mean of its 3 frames")
    frame = read_micrograph(tmp_path / "000002@movie.tif")
    np.testing.assert_array_equal(frame.image, MOVIE[1])
    assert (frame.image.dtype, frame.name, frame.remark) == (np.uint8, "000002@movie", "")
    for number in (0, 4):
        with pytest.raises(InputError, match=f"no frame {number}; it has 1 to 3"):
            read_micrograph(tmp_path / f"{number}@movie.tif")


def test_small_version_of_a_page_is_no_frame(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(IMAGE[::-1], photometric="minisblack")
        file.write(IMAGE[::2, ::2], photometric="minisblack", subfiletype=1)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, IMAGE)


@pytest.mark.parametrize(
    ("resolution", "unit", "pixel_size"),
    [
        ((8e7, 8e7), "CENTIMETER", 1.25),
        ((2.54e8, 2.54e8), "INCH", 1.0),
        ((300, 300), "INCH", None),
        ((25_400, 25_400), "INCH", None),
        ((96, 96), "CENTIMETER", None),
        ((1, 1), "NONE", None),
        ((0, 0), "CENTIMETER", None),
    ],
)
def test_pixel_size_is_that_of_a_microscope_or_none(
    tmp_path: Path, resolution: tuple[float, float], unit: str, pixel_size: float | None
) -> None:
    path = write(tmp_path / "a.tif", IMAGE, resolution=resolution, resolutionunit=unit)
    assert read_pixel_size(path) == (None if pixel_size is None else pytest.approx(pixel_size))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({277: (3, 3)}, "in colour"),
        ({258: (3, 12)}, "12 bits.*32-bit float"),
        ({259: (3, 7)}, "compression 7 is not supported; save it as LZW"),
        ({317: (3, 2), 258: (3, 4)}, "predictor 2"),
        ({317: (3, 9)}, "predictor 9"),
        ({266: (3, 2)}, "not supported"),
        ({256: (4, 0)}, "directories are damaged"),
        ({257: (4, 1 << 30)}, "directories are damaged"),
        ({256: (4, 100_000), 257: (4, 100_000), 278: (4, 100_000)}, "header asks for 10 GB"),
        ({278: (4, 1)}, "directories are damaged"),
        ({278: (4, 0)}, "directories are damaged"),
        ({273: (4, 1 << 30)}, "cut short"),
        ({279: (4, 1 << 30)}, "cut short"),
        ({279: (4, 10)}, "cut short"),
        ({322: (4, 1 << 16), 323: (4, 1 << 16)}, "header asks for 4.29 GB"),
        ({322: (4, 1 << 30), 323: (4, 16)}, "directories are damaged"),
        ({259: (3, 5)}, "compressed file is damaged"),
        ({259: (3, 8)}, "compressed file is damaged"),
        ({254: (4, 1)}, "no image in it"),
        ({}, "every pixel is 0"),
    ],
    ids=str,
)
def test_files_that_cannot_be_used_are_explained(
    tmp_path: Path, changes: dict[int, tuple[int, int]], message: str
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_bytes({**SMALL, **changes}))
    with pytest.raises(InputError, match=message) as caught:
        read_micrograph(path)
    assert "a.tif" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"II*\0\xff\0\0\0", b"II+\0\x08\0", b"junk" * 9]
)
def test_what_is_no_tiff_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif: (empty|not a TIFF|cut short)"):
        read_micrograph(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.98])
def test_short_file_is_never_read(tmp_path: Path, compression: str | None, share: float) -> None:
    path = write(tmp_path / "a.tif", MOVIE, compression=compression)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"a\.tif: "):
        read_micrograph(path)


def test_pages_that_are_not_alike_are_no_movie(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(IMAGE, photometric="minisblack")
        file.write(IMAGE[:20], photometric="minisblack")
    with pytest.raises(InputError, match="pages are not alike"):
        read_micrograph(tmp_path / "a.tif")


def directories_in_a_circle() -> bytes:
    content = tiff_bytes(SMALL)
    return content[:-4] + struct.pack("<I", 8 + 64)


def many_pages_of_the_same_bytes() -> bytes:
    """Each takes 200 MB when it is decompressed."""
    strip = imagecodecs.lzw_encode(bytes(14_000 * 14_000))
    tags = {**SMALL, 256: (4, 14_000), 257: (4, 14_000), 259: (3, 5), 278: (4, 14_000)}
    page = tiff_bytes({**tags, 279: (4, len(strip))}, strip)
    directory = page[struct.unpack("<I", page[4:8])[0] :]
    content = bytearray(page)
    for _ in range(1000):
        content[-4:] = struct.pack("<I", len(content))
        content += directory
    return bytes(content)


READ_ALL = """
import resource, sys
from pathlib import Path
import imagecodecs, psutil
from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_micrograph(path)
    except InputError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has other units")
def test_no_file_takes_more_memory_than_it_answers_for(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(directories_in_a_circle())
    (tmp_path / "b.tif").write_bytes(many_pages_of_the_same_bytes())
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    circle, pages, growth_kb = done.stdout.splitlines()
    assert "a.tif: its TIFF directories are damaged" in circle
    assert "header asks for 196 GB" in pages
    assert int(growth_kb) < 30_000
