"""MRC files whose header doesn't say all, or not the truth."""

from __future__ import annotations

import bz2
import gzip
import math
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from mrcfile.dtypes import HEADER_DTYPE

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph, read_pixel_size, read_shape
from napari_deepem.io.volumes import read_volume

IMOD_STAMP = 1146047817
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".mrc": bytes,
    ".mrc.gz": gzip.compress,
    ".mrc.bz2": bz2.compress,
}
BYTES = np.arange(256, dtype=np.uint8).reshape(8, 32)


def header_of(
    shape: tuple[int, ...],
    mode: int,
    *,
    order: str = "<",
    limits: tuple[float, float] = (0.0, 0.0),
    imod: tuple[int, int] = (0, 0),  # its stamp and flags
    nsymbt: int = 0,
) -> bytes:
    """1024 bytes."""
    header = np.zeros((), HEADER_DTYPE.newbyteorder(order))
    header["nx"], header["ny"], header["nz"] = (*reversed(shape), 1)[:3]
    header["mode"], header["nsymbt"], header["map"] = mode, nsymbt, b"MAP "
    header["dmin"], header["dmax"] = limits
    header["machst"] = (0x44, 0x44, 0, 0) if order == "<" else (0x11, 0x11, 0, 0)
    content = bytearray(header.tobytes())
    content[152:160] = struct.pack(f"{order}2i", *imod)
    return bytes(content)


@pytest.mark.parametrize(
    ("limits", "imod", "unsigned"),
    [
        ((0, 255), (IMOD_STAMP, 0), True),
        ((0, 0), (IMOD_STAMP, 0), True),
        ((-128, 127), (IMOD_STAMP, 0), True),
        ((0, 255), (0, 0), True),
        ((12, 128), (0, 1), True),
        ((0, 255), (IMOD_STAMP, 1), True),
        ((-128, 127), (IMOD_STAMP, 1), False),
        ((0, 0), (IMOD_STAMP, 5), False),
        ((-128, 127), (0, 0), False),
        ((0, 127), (0, 0), False),
        ((0, 0), (0, 0), False),
        ((0, -1), (0, 0), False),
        ((-3, 255), (0, 0), False),
        ((math.nan, 255), (0, 0), False),
        ((0, math.nan), (0, 0), False),
        ((0, math.inf), (0, 0), False),
        ((300, 200), (0, 0), False),
    ],
)
def test_bytes_are_unsigned_where_the_header_says_so(
    tmp_path: Path, limits: tuple[float, float], imod: tuple[int, int], unsigned: bool
) -> None:
    """A.1: by IMOD's stamp and flag, or by a range that signed bytes can't have."""
    expected = BYTES if unsigned else BYTES.view(np.int8)
    for order in "<>":
        content = header_of(BYTES.shape, 0, order=order, limits=limits, imod=imod)
        for suffix, compress in COMPRESS.items():
            path = tmp_path / f"a{suffix}"
            path.write_bytes(compress(content + BYTES.tobytes()))
            image = read_micrograph(path).image
            assert image.dtype == expected.dtype
            np.testing.assert_array_equal(image, expected)


def test_bytes_of_a_map_are_unsigned_where_the_header_says_so(tmp_path: Path) -> None:
    """A.1"""
    for limits, expected in (((0, 255), BYTES), ((-128, 127), BYTES.view(np.int8))):
        content = header_of((2, 4, 32), 0, limits=limits) + BYTES.tobytes()
        (tmp_path / "a.map").write_bytes(content)
        density = read_volume(tmp_path / "a.map").density
        np.testing.assert_array_equal(density, expected.reshape(2, 4, 32))


@pytest.mark.parametrize("length", [math.nan, math.inf, -300.0, 0.0, 1e-43, 3e38])
def test_pixel_size_that_no_microscope_has_counts_as_none(tmp_path: Path, length: float) -> None:
    content = bytearray(header_of((2, 3), 1) + bytes(10) + b"\1\2")
    content[28:40] = struct.pack("<3i", 3, 2, 1)
    for lengths, expected in (((length, 2.0, 1.0), None), ((4.5, 3.0, 1.0), 1.5)):
        content[40:52] = struct.pack("<3f", *lengths)
        (tmp_path / "a.mrc").write_bytes(content)
        assert read_pixel_size(tmp_path / "a.mrc") == expected
        assert read_micrograph(tmp_path / "a.mrc").pixel_size == expected


@pytest.mark.parametrize(
    "content",
    [b"BZh9" + bytes(2000), b"\x1f\x8b\x08\xff" + bytes(5000), b"BZh", b"\x1f\x8b\x08"],
)
def test_what_only_begins_like_a_compressed_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mrc").write_bytes(content)
    with pytest.raises(InputError, match="compressed file is damaged or cut short"):
        read_shape(tmp_path / "a.mrc")


def test_pixels_begin_behind_an_extended_header(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    content = header_of(image.shape, 1, nsymbt=5000) + bytes(5000) + image.tobytes()
    for suffix, compress in COMPRESS.items():
        (tmp_path / f"a{suffix}").write_bytes(compress(content))
        np.testing.assert_array_equal(read_micrograph(tmp_path / f"a{suffix}").image, image)


def test_what_follows_the_pixels_is_left_alone(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    content = header_of(image.shape, 1) + image.tobytes() + bytes(1 << 20)
    for suffix, compress in COMPRESS.items():
        (tmp_path / f"a{suffix}").write_bytes(compress(content))
        np.testing.assert_array_equal(read_micrograph(tmp_path / f"a{suffix}").image, image)


def test_several_members_make_one_file(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.int16).reshape(3, 4)
    content = header_of(image.shape, 1) + image.tobytes()
    for compress in (gzip.compress, bz2.compress):
        parts = [content[:1000], b"", content[1000:1030], content[1030:]]
        (tmp_path / "a.mrc").write_bytes(b"".join(map(compress, parts)))  # whatever its suffix
        np.testing.assert_array_equal(read_micrograph(tmp_path / "a.mrc").image, image)


BOMBS = {  # how each begins, and what is said of it; 300 MB of zeros follow
    "extended header": (header_of((10, 10), 2, nsymbt=2**31 - 1), "header asks for 2.15 GB"),
    "image": (header_of((30_000, 40_000), 2), "header asks for 4.8 GB"),
    "map": (header_of((800, 800, 800), 2), "header asks for 2.05 GB"),
    "small image": (header_of((100, 100), 2), "every pixel is 0.0"),
}
READ_ALL = """
import resource, sys
from pathlib import Path
from napari_deepem.core.errors import InputError
from napari_deepem.io.images import read_micrograph
from napari_deepem.io.volumes import read_volume
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        (read_volume if path.name.startswith("map") else read_micrograph)(path)
    except InputError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has other units")
def test_no_file_takes_more_memory_than_it_answers_for(tmp_path: Path) -> None:
    """A.9: bombs are refused in one line, before anything is unpacked."""
    for compress in (gzip.compress, bz2.compress):
        zeros = compress(bytes(1 << 20)) * 300  # each member goes on where the last one ended
        for name, (start, _) in BOMBS.items():
            (tmp_path / f"{name}.{compress.__module__}").write_bytes(compress(start) + zeros)
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    *lines, growth_kb = done.stdout.splitlines()
    expected = [message for _, message in BOMBS.values() for _ in range(2)]
    assert len(lines) == len(expected)
    assert all(message in line for message, line in zip(expected, lines, strict=True))
    assert int(growth_kb) < 30_000


@pytest.mark.parametrize("suffix", [".mrc.gz", ".mrc.bz2"])
def test_pixels_that_are_not_all_there_are_missed(tmp_path: Path, suffix: str) -> None:
    """A.9: a header may ask for what a small file could hold, and it does not."""
    content = header_of((10_000, 6000), 2) + bytes(1000)
    (tmp_path / f"a{suffix}").write_bytes(COMPRESS[suffix](content))
    with pytest.raises(InputError, match=r"a\.mrc.*: cut short"):
        read_micrograph(tmp_path / f"a{suffix}")


def test_plain_file_larger_than_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A.9: the file is as long as its header says."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=20e9))
    with (tmp_path / "a.mrc").open("wb") as file:
        file.write(header_of((60_000, 60_000), 2))
        file.truncate(1024 + 4 * 60_000**2)  # of which the disk keeps the header alone
    with pytest.raises(InputError, match=r"needs 28\.8 GB of memory, of which 20 GB are free"):
        read_micrograph(tmp_path / "a.mrc")
    assert read_shape(tmp_path / "a.mrc") == (60_000, 60_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A.6, A.9: opening a pipe would wait for ever, and a device never ends."""
    os.mkfifo(tmp_path / "pipe.mrc")
    (tmp_path / "device.mrc").symlink_to("/dev/zero")
    (tmp_path / "folder.mrc").mkdir()
    (tmp_path / "gone.mrc").symlink_to("raw/nowhere.mrc")
    (tmp_path / "circle.mrc").symlink_to("circle.mrc")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.mrc"))
    for name, message in {
        "pipe": "a pipe or a device",
        "device": "a pipe or a device",
        "socket": "a pipe or a device",
        "folder": "a folder, not a file",
        "gone": "a link to raw/nowhere.mrc, which can't be reached",
        "circle": "a link to circle.mrc, which can't be reached",
    }.items():
        for read in (read_micrograph, read_shape, read_pixel_size, read_volume):
            with pytest.raises(InputError, match=f"{name}.mrc: {message}"):
                read(tmp_path / f"{name}.mrc")
