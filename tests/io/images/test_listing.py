"""Which files arguments stand for: links, patterns, and names with the signs of patterns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.images import files_of_several_names, find_micrographs, list_micrographs


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path, *patterns: str) -> list[str]:
    paths = find_micrographs([folder / pattern for pattern in patterns])
    return [path.relative_to(folder).as_posix() for path in paths]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with a micrograph, and every kind of link."""
    folder = tmp_path / "linked"
    make(folder, "a.mrc")
    (folder / "raw").mkdir()
    for name, target in {
        "b.mrc": "a.mrc",
        "c.mrc": "raw/c.mrc",  # which is not there
        "d.mrc": "raw",
        "e.mrc": "f.mrc",
        "f.mrc": "e.mrc",
        "notes.txt": "a.mrc",
    }.items():
        (folder / name).symlink_to(target)
    os.link(folder / "a.mrc", folder / "g.mrc")
    return folder


@pytest.mark.parametrize("argument", ["", "*.mrc", "../*/?.mrc", "../**/*.mrc", "../**"])
def test_links_count_as_micrographs_wherever_they_lead(linked: Path, argument: str) -> None:
    """A.6: what can't be read is said by who reads it, so nothing is left out in silence."""
    names = [f"{letter}.mrc" for letter in "abcdefg"]
    assert [path.name for path in find_micrographs([linked / argument])] == names
    assert [path.name for path in list_micrographs(linked).values()] == names


def test_link_that_leads_nowhere_may_be_named(linked: Path) -> None:
    """A.6"""
    assert found(linked, "c.mrc", "e.mrc") == ["c.mrc", "e.mrc"]


def test_file_of_several_names_is_told(linked: Path) -> None:
    """A.6"""
    groups = files_of_several_names(find_micrographs([linked]))
    assert [[path.name for path in group] for group in groups] == [["a.mrc", "b.mrc", "g.mrc"]]


def test_file_is_one_micrograph_by_any_way_to_its_name(linked: Path, tmp_path: Path) -> None:
    """A.6"""
    (tmp_path / "way").symlink_to(linked)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.mrc").symlink_to(linked / "a.mrc")
    arguments = ("linked/a.mrc", "way/a.mrc", "linked/../linked/a.mrc", "other", "linked/[a]*")
    assert found(tmp_path, *arguments) == ["linked/a.mrc"]


def test_links_of_one_name_to_two_files_are_refused(linked: Path, tmp_path: Path) -> None:
    """A.6"""
    make(tmp_path, "raw.mrc")
    (tmp_path / "a.mrc").symlink_to("raw.mrc")
    with pytest.raises(InputError, match="have the same name"):
        find_micrographs([linked, tmp_path / "a.mrc"])


def test_folders_that_are_linked_in_circles_end(tmp_path: Path) -> None:
    """A.6: two of them make 2**40 ways."""
    make(tmp_path, "grid/a.mrc", ".hidden/b.mrc")
    for name in ("one", "two"):
        (tmp_path / "grid" / name).symlink_to(tmp_path)
    assert found(tmp_path, "**/*.mrc") == ["grid/a.mrc"]
    assert found(tmp_path, "*/one/*/a.mrc") == ["grid/one/grid/a.mrc"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("grid[1]/*.mrc", ["grid[1]/a.mrc", "grid[1]/m[2]_1.mrc"]),
        ("grid[1]/m[2]*", ["grid[1]/m[2]_1.mrc"]),
        ("grid[1]", ["grid[1]/a.mrc", "grid[1]/m[2]_1.mrc"]),
        ("grid[12]/*.mrc", ["grid1/b.mrc", "grid2/c.mrc"]),
        ("grid[[]1]/*.mrc", ["grid[1]/a.mrc", "grid[1]/m[2]_1.mrc"]),
        ("grid[!1]/*", ["grid2/c.mrc"]),
        ("odd/x*.mrc", ["odd/x*.mrc"]),
        ("odd/x?.mrc", ["odd/x*.mrc", "odd/xy.mrc"]),
        ("odd/[x]y.mrc", ["odd/xy.mrc"]),
        ("odd/**.mrc", ["odd/x*.mrc", "odd/xy.mrc"]),
        ("**/[x*]*", ["odd/x*.mrc", "odd/xy.mrc"]),
    ],
)
def test_signs_of_patterns_may_be_in_names(
    tmp_path: Path, pattern: str, expected: list[str]
) -> None:
    """A.8: what is called so is preferred, part by part."""
    make(tmp_path, "grid[1]/a.mrc", "grid[1]/m[2]_1.mrc", "grid1/b.mrc", "grid2/c.mrc")
    make(tmp_path, "odd/x*.mrc", "odd/xy.mrc", "odd/notes.txt")
    assert found(tmp_path, pattern) == expected


def test_patterns_that_stand_for_nothing_are_named(tmp_path: Path) -> None:
    """A.8"""
    make(tmp_path, "grid[1]/a.mrc")
    for pattern in ("grid[1]/b*.mrc", "grid[2]/*.mrc", "*/*/a.mrc", "a.mrc/**/*.mrc"):
        with pytest.raises(InputError, match="no micrographs there"):
            find_micrographs([tmp_path / pattern])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("a.mrc a.png a.jpg b.mrc grid.png", "a.mrc b.mrc"),
        ("a.mrc a.tif a.eer a_fractions.tiff", "a.mrc a_fractions.tiff"),
        ("a.tif a.eer b.eer", "a.tif b.eer"),
        ("a.mrc a_PS.mrc b_PS.mrc", "a.mrc b_PS.mrc"),
        ("a.mrc b.mrcs particles.mrcs", "a.mrc"),
        ("a.mrcs b.mrcs b.png", "a.mrcs b.mrcs"),
        ("a.png b.JPEG", "a.png b.JPEG"),
        ("a.tif _PS.tif", "_PS.tif a.tif"),
    ],
)
def test_data_are_meant_before_what_lies_beside_them(
    tmp_path: Path, files: str, expected: str
) -> None:
    """As motion correction, EPU and cryoSPARC leave a folder."""
    make(tmp_path, *files.split())
    assert found(tmp_path, "") == expected.split()
    assert found(tmp_path, "*") == expected.split()
    assert [path.name for path in list_micrographs(tmp_path).values()] == expected.split()


def test_what_is_named_is_meant(tmp_path: Path) -> None:
    make(tmp_path, "a.mrc", "b.png", "c.mrcs")
    assert found(tmp_path, "b.png", "*.mrcs") == ["b.png", "c.mrcs"]
