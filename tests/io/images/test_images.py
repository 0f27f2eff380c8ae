from __future__ import annotations

import bz2
import gzip
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import (
    find_micrographs,
    list_micrographs,
    micrograph_name,
    read_micrograph,
    read_pixel_size,
    write_image,
)

RAMP = np.arange(35, dtype=np.float32).reshape(5, 7)  # not square, so that swapped axes show
COMPRESS = {".mrc": bytes, ".mrc.gz": gzip.compress, ".mrc.bz2": bz2.compress}
# Byte offsets in an MRC2014 header
NX, NY, NZ, MODE, MX, ISPG, NSYMBT, MAP, STAMP = 0, 4, 8, 12, 28, 88, 92, 208, 212


def mrc_bytes(tmp_path: Path, data: np.ndarray = RAMP) -> bytearray:
    with mrcfile.new(tmp_path / "made.mrc", overwrite=True) as mrc:
        mrc.set_data(data)
    return bytearray((tmp_path / "made.mrc").read_bytes())


def patched(tmp_path: Path, changes: dict[int, int]) -> Path:
    content = mrc_bytes(tmp_path)
    for offset, value in changes.items():
        content[offset : offset + 4] = value.to_bytes(4, "little", signed=True)
    path = tmp_path / "patched.mrc"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_every_mode_keeps_its_type_and_its_rows(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = tmp_path / f"a.b{suffix}"
    path.write_bytes(COMPRESS[suffix](mrc_bytes(tmp_path, RAMP.astype(dtype))))
    micrograph = read_micrograph(path)
    assert micrograph.image.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(micrograph.image, RAMP)
    assert (micrograph.name, micrograph.shape, micrograph.pixel_size) == ("a.b", (5, 7), None)
    assert micrograph.source == path


def test_big_endian_becomes_native(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc_bytes(tmp_path, RAMP.astype(">i2")))
    assert read_micrograph(path).image.dtype.isnative
    np.testing.assert_array_equal(read_micrograph(path).image, RAMP)


def test_a_volume_of_one_slice_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc_bytes(tmp_path, RAMP[np.newaxis].astype(np.float32)))
    np.testing.assert_array_equal(read_micrograph(path).image, RAMP)


@pytest.mark.parametrize("pixel_size", [1.0, 2.2, None])
def test_written_mrc_reads_back(tmp_path: Path, pixel_size: float | None) -> None:
    write_image(tmp_path / "out" / "a.mrc", RAMP, pixel_size)
    micrograph = read_micrograph(tmp_path / "out" / "a.mrc")
    np.testing.assert_array_equal(micrograph.image, RAMP)
    assert micrograph.image.dtype == np.float32
    assert micrograph.pixel_size == (None if pixel_size is None else pytest.approx(pixel_size))
    assert read_pixel_size(tmp_path / "out" / "a.mrc") == micrograph.pixel_size
    assert mrcfile.validate(tmp_path / "out" / "a.mrc")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.mrc"]


@pytest.mark.parametrize(
    "changes",
    [
        {MAP: 0},
        {STAMP: 0},
        {MAP: 0, STAMP: 0},
        {ISPG: 401},
        {ISPG: 401, MX + 8: 0},
        {MX: 0},
        {MX: -5},
    ],
    ids=["no map id", "no stamp", "neither", "volume stack", "mz 0", "mx 0", "mx negative"],
)
def test_odd_headers_are_read_without_a_warning(tmp_path: Path, changes: dict[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        micrograph = read_micrograph(patched(tmp_path, changes))
    np.testing.assert_array_equal(micrograph.image, RAMP)
    assert micrograph.pixel_size is None


def test_a_wrong_machine_stamp_is_seen_through(tmp_path: Path) -> None:
    content = mrc_bytes(tmp_path, RAMP.astype(">f4"))
    content[STAMP : STAMP + 2] = b"DD"
    (tmp_path / "a.mrc").write_bytes(content)
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.mrc").image, RAMP)


def test_a_wrong_gzip_checksum_is_noticed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(mrc_bytes(tmp_path)))
    content[-5] ^= 1
    (tmp_path / "a.mrc.gz").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_micrograph(tmp_path / "a.mrc.gz")


def test_bytes_after_the_image_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc_bytes(tmp_path) + b"more")
    np.testing.assert_array_equal(read_micrograph(path).image, RAMP)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kept", [1, 500, 1023, 1024, 1028, 1024 + 35 * 4 - 1])
def test_a_short_file_is_never_read(tmp_path: Path, suffix: str, kept: int) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(COMPRESS[suffix](mrc_bytes(tmp_path)[:kept]))
    with pytest.raises(InputError, match=r"a\.mrc.*: (cut short|not an MRC)"):
        read_micrograph(path)


@pytest.mark.parametrize("suffix", [".mrc.gz", ".mrc.bz2"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_short_compressed_stream_is_never_read(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    whole = COMPRESS[suffix](mrc_bytes(tmp_path, noise))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"a\.mrc.*: compressed file is damaged or cut short"):
        read_micrograph(path)


@pytest.mark.parametrize("suffix", [".mrc.gz", ".mrc.bz2"])
def test_a_damaged_compressed_stream_is_never_read(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    content = bytearray(COMPRESS[suffix](mrc_bytes(tmp_path, noise)))
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mrc"):
        read_micrograph(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({NX: 0}, "0 x 5 x 1 pixels"),
        ({NY: -5}, "not an MRC"),
        ({NX: 2**30}, "not an MRC"),
        ({NX: 90_000, NY: 90_000}, "cut short"),
        ({NSYMBT: -1}, "not an MRC"),
        ({NSYMBT: 2**30}, "cut short"),
        ({MODE: 4}, r"mode 4 \(complex numbers\).*mode 2"),
        ({MODE: 3}, "mode 3"),
        ({MODE: 77}, "not an MRC"),
        ({NZ: 40}, "cut short"),
        ({NX: 90_000, NY: 90_000, NSYMBT: 2**30}, "cut short"),
    ],
)
def test_headers_that_cannot_be_used_are_explained(
    tmp_path: Path, changes: dict[int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_micrograph(patched(tmp_path, changes))
    assert "patched.mrc" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"micrograph,x,y\n" * 200,
        b"short",
        bytes(5000),
        b"\x1f\x8b" + b"junk" * 500,
        b"BZjunk" * 500,
    ],
    ids=["text", "short", "zeros", "gzip magic", "bzip2 magic"],
)
def test_other_files_are_not_micrographs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mrc").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mrc: "):
        read_micrograph(tmp_path / "a.mrc")


def test_missing_empty_and_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.mrc").touch()
    for path, message in [
        ("none.mrc", "no such file"),
        ("empty.mrc", "empty file"),
        (".", "folder"),
    ]:
        with pytest.raises(InputError, match=message):
            read_micrograph(tmp_path / path)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_nan_and_infinite_pixels_are_counted(tmp_path: Path, dtype: str) -> None:
    data = RAMP.astype(dtype)
    data[0, :2] = np.nan
    data[4, 6] = np.inf
    with pytest.warns(RuntimeWarning):
        (tmp_path / "a.mrc").write_bytes(mrc_bytes(tmp_path, data))
    with pytest.raises(InputError, match="3 of 35 pixels are NaN or infinite"):
        read_micrograph(tmp_path / "a.mrc")


def test_a_constant_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(mrc_bytes(tmp_path, np.full((4, 4), 7, np.int16)))
    with pytest.raises(InputError, match="every pixel is 7"):
        read_micrograph(tmp_path / "a.mrc")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.mrc", "a"),
        ("dir/a.MRC.GZ", "a"),
        ("a.mrc.bz2", "a"),
        ("May08_04.32.27.mrc", "May08_04.32.27"),
        ("May08_04.32.27", "May08_04.32.27"),
        ("C:\\data\\a.mrcs", "a"),
        ("a.tiff", "a"),
    ],
)
def test_a_name_is_the_file_name_without_image_suffixes(path: str, name: str) -> None:
    assert micrograph_name(path) == name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mrc", "a.mrc", "c.mrc.gz", "D.MRC", "a.csv", ".hidden.mrc", "odd[1].mrc"):
        (tmp_path / name).touch()
    (tmp_path / "sub.mrc").mkdir()
    return tmp_path


def test_folders_globs_and_files_are_found_once_in_order(folder: Path) -> None:
    assert [p.name for p in find_micrographs([folder])] == [
        "D.MRC",
        "a.mrc",
        "b.mrc",
        "c.mrc.gz",
        "odd[1].mrc",
    ]
    assert [p.name for p in find_micrographs([f"{folder}/[ab].*"])] == ["a.mrc", "b.mrc"]
    assert [p.name for p in find_micrographs([folder / "b.mrc", str(folder / "*.mrc")])] == [
        "b.mrc",
        "a.mrc",
        "odd[1].mrc",
    ]
    assert [p.name for p in find_micrographs([folder / "odd[1].mrc"])] == ["odd[1].mrc"]


def test_arguments_that_stand_for_nothing_are_named(folder: Path) -> None:
    (folder / "bare").mkdir()
    for argument in ("none.mrc", "none*.mrc", "bare", "*.csv"):
        with pytest.raises(InputError, match=argument.replace("*", r"\*")):
            find_micrographs([folder / "a.mrc", folder / argument])
    with pytest.raises(InputError, match="at least one"):
        find_micrographs([])


def test_two_micrographs_of_one_name_are_refused(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "a.mrc.gz").touch()
    with pytest.raises(InputError, match=r"a\.mrc and .*a\.mrc\.gz have the same name"):
        find_micrographs([folder, folder / "other"])


def test_real_micrographs_are_read(shared_data: Path) -> None:
    fei = read_micrograph(shared_data / "fei" / "fei-extended.mrc")
    assert (fei.shape, fei.image.dtype) == ((3838, 3710), np.uint16)
    assert fei.pixel_size == pytest.approx(0.8537755)
    apoferritin = read_micrograph(shared_data / "apoferritin" / "May08_03.05.02.mrc")
    assert (apoferritin.name, apoferritin.shape) == ("May08_03.05.02", (1200, 1240))
    assert apoferritin.pixel_size is None
    bgal = read_micrograph(next((shared_data / "bgal").glob("*.mrc")))
    assert bgal.pixel_size == pytest.approx(7.08)
    with pytest.raises(InputError, match="a volume of 65 slices"):
        read_micrograph(shared_data / "maps" / "ribosome_70s_65.mrc")


def test_micrographs_are_listed_in_natural_order_without_being_opened(tmp_path: Path) -> None:
    for name in ("m10.mrc", "m9.MRC", "M1.mrc.gz", ".hidden.mrc", "notes.txt"):
        (tmp_path / name).write_bytes(b"not read")
    (tmp_path / "folder.mrc").mkdir()
    (tmp_path / "m2.mrc").symlink_to(tmp_path / "nowhere.mrc")
    assert list(list_micrographs(tmp_path)) == ["M1", "m2", "m9", "m10"]


def test_files_of_one_stem_have_names_of_their_own(tmp_path: Path) -> None:
    for name in ("a.mrc", "a.mrc.gz", "b.mrc"):
        (tmp_path / name).write_bytes(b"")
    assert {name: path.name for name, path in list_micrographs(tmp_path).items()} == {
        "a": "a.mrc",
        "a.mrc.gz": "a.mrc.gz",
        "b": "b.mrc",
    }


@pytest.mark.parametrize(("name", "message"), [("", "no micrographs there"), ("x", "opened")])
def test_folder_without_micrographs_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list_micrographs(tmp_path / name)


def test_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        read_micrograph("m" * 300 + ".mrc")
