"""PNG and JPEG pictures: as other viewers show them, and told from data."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph, read_pixel_size, read_shape

RAMP = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_picture_is_grey_with_its_first_row_at_the_top(tmp_path: Path, mode: str) -> None:
    Image.fromarray(RAMP).convert(mode).save(tmp_path / "a.png", dpi=(300, 300))
    micrograph = read_micrograph(tmp_path / "a.png")
    np.testing.assert_array_equal(micrograph.image, RAMP)
    assert (micrograph.image.dtype, micrograph.pixel_size) == (np.uint8, None)
    assert "a.png is a picture for a look, no data" in micrograph.remark
    assert read_shape(tmp_path / "a.png") == (5, 7)
    assert read_pixel_size(tmp_path / "a.png") is None


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    image = RAMP.astype(np.uint16) * 200
    Image.fromarray(image).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.png").image, image)
    assert read_micrograph(tmp_path / "a.png").image.dtype == np.uint16


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_jpeg_is_read_as_it_is_shown(tmp_path: Path, suffix: str) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8) * 2
    Image.fromarray(smooth).save(tmp_path / f"a{suffix}", quality=95)
    image = read_micrograph(tmp_path / f"a{suffix}").image.astype(int)
    assert np.abs(image - smooth).max() <= 4  # grey values of 255


def png_of(width: int, height: int) -> bytes:
    """A PNG that says that it is so large, and holds nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"junk" * 100, "not a PNG or JPEG"),
        (b"II*\0" + bytes(100), "not a PNG or JPEG"),
        (b"", "empty file"),
        (png_of(12_000, 12_000), "header asks for 576 MB"),
        (png_of(60_000, 60_000), "too large for a picture"),
        (png_of(100, 100), "damaged or cut short"),
        (png_of(100, 100)[:40], "damaged"),
    ],
)
def test_pictures_that_cannot_be_used_are_explained(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=f"a.png: .*{message}"):
        read_micrograph(tmp_path / "a.png")
