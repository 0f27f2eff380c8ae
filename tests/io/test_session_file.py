import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.io.session_file import Replaced, SessionFile, Stored, is_free, look_into
from napari_deepem.io.session_places import SESSION_FILE

POINTS_YX = np.array([[1.0, 2.5], [1e6 + 1 / 3, 0.0]])
FOUND = Candidates(POINTS_YX, np.array([0.9, 0.1]), np.array([1.0, 2.0]), 24)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / SESSION_FILE


def reopened(path: Path) -> Stored:
    file = SessionFile(path)
    stored = file.read()
    file.close()
    return stored


def test_new_file_is_empty(path: Path) -> None:
    stored = reopened(path)
    assert (dict(stored.settings), dict(stored.points), stored.model) == ({}, {}, None)


def test_everything_comes_back_to_the_last_bit(path: Path) -> None:
    file = SessionFile(path)
    points = {"m 1": {"positive": POINTS_YX, "rejected": POINTS_YX[:1]}}
    file.write(Stored({"threshold": 1 / 3, "current": None}, points, {"m 1": FOUND}, b"weights"))
    file.write(Stored(files={"m 1": "m 1.mrc.gz"}, scored_files={"m 1": (2**40, 2**60 + 1)}))
    file.close()
    stored = reopened(path)
    assert stored.settings == {"threshold": 1 / 3, "current": None}
    assert stored.files == {"m 1": "m 1.mrc.gz"}
    assert stored.scored_files == {"m 1": (2**40, 2**60 + 1)}
    assert set(stored.points) == {"m 1"}
    for kind, centres_yx in points["m 1"].items():
        np.testing.assert_array_equal(stored.points["m 1"][kind], centres_yx)
    for name in ("centres_yx", "scores", "stds", "box_size_px"):
        np.testing.assert_array_equal(getattr(stored.candidates["m 1"], name), getattr(FOUND, name))
    assert stored.model == b"weights"


def test_only_what_changes_is_changed(path: Path) -> None:
    file = SessionFile(path)
    both = {name: {"positive": POINTS_YX} for name in "ab"}
    file.write(Stored({"seed": 1, "epochs": 2}, both, {"a": FOUND, "b": FOUND}, b"weights"))
    file.write(Stored({"seed": 3}, {"a": {"negative": POINTS_YX}}, {"a": None}))
    stored = file.read()
    assert stored.settings == {"seed": 3, "epochs": 2}
    assert {name: list(kinds) for name, kinds in stored.points.items()} == {
        "a": ["negative"],
        "b": ["positive"],
    }
    assert list(stored.candidates) == ["b"]
    assert stored.model == b"weights"
    file.write(Stored(model=b""))
    assert file.read().model is None


def test_file_that_is_open_elsewhere_is_refused_in_one_line(path: Path) -> None:
    file = SessionFile(path)
    with pytest.raises(InputError, match="open in another window") as caught:
        SessionFile(path)
    assert "\n" not in str(caught.value)
    file.write(Stored({"seed": 1}))
    file.close()
    assert reopened(path).settings == {"seed": 1}


def test_write_that_comes_too_late_changes_nothing(path: Path) -> None:
    file = SessionFile(path)
    file.write(Stored({"seed": 1}))
    file.close()
    file.write(Stored({"seed": 2}))
    file.close(Stored({"seed": 3}))
    assert reopened(path).settings == {"seed": 1}


def test_what_is_written_on_closing_is_the_last(path: Path) -> None:
    file = SessionFile(path)
    file.close(Stored({"seed": 2}))
    file.write(Stored({"seed": 1}))  # of a worker that was slower
    assert reopened(path).settings == {"seed": 2}


def newer(path: Path) -> None:
    SessionFile(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()


def of_another_program(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE theirs (x)")
    database.close()


def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (newer, "newer napari-deepem"),
        (of_another_program, "another program"),
        (damaged, "is damaged"),
    ],
)
def test_file_that_cannot_be_used_is_left_as_it_is(path: Path, make, message: str) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        SessionFile(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_damage_inside_is_said_when_it_is_read(path: Path) -> None:
    file = SessionFile(path)
    points = {f"m{number}": {"positive": POINTS_YX} for number in range(500)}
    file.write(Stored(points=points))
    file.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        reopened(path)
    assert path.read_bytes() == content


def test_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the rights"):
        SessionFile(tmp_path / "nowhere" / SESSION_FILE)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize("is_private", [False, True])
def test_file_that_is_removed_while_it_is_open_is_put_back_with_all_that_it_held(
    path: Path, closes: bool, is_private: bool
) -> None:
    file = SessionFile(path, is_private)
    file.write(Stored({"threshold": 0.3}, {"m1": {"positive": POINTS_YX}}))
    assert file.take_remark() == ""
    path.unlink()
    assert not is_free(path)
    (file.close if closes else file.write)(Stored({"threshold": 0.4}))
    assert "was removed while it was open, and is there again" in file.take_remark()
    assert file.take_remark() == ""
    stored = look_into(path)
    assert stored.settings == {"threshold": 0.4}
    np.testing.assert_array_equal(stored.points["m1"]["positive"], POINTS_YX)
    assert is_free(path) == closes  # it is locked as it was before
    file.write(Stored({"threshold": 0.5}))
    file.close()
    assert reopened(path).settings == {"threshold": 0.4 if closes else 0.5}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be removed there")
def test_file_whose_folder_is_gone_can_not_be_put_back(tmp_path: Path) -> None:
    (folder := tmp_path / "micrographs").mkdir()
    file = SessionFile(folder / SESSION_FILE)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(Replaced, match="was removed, and can't be put back"):
        file.write(Stored({"threshold": 0.3}))
    assert not folder.exists()
    folder.symlink_to(tmp_path / "elsewhere")  # the very same file is there again
    file.close(Stored({"threshold": 0.4}))
    assert look_into(folder / SESSION_FILE).settings == {"threshold": 0.4}
