"""What is kept of a folder, beside its micrographs or at home, and how the two are joined."""

import errno
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.io import session_places
from napari_deepem.io.processes import this_host
from napari_deepem.io.session_file import SessionFile, Stored
from napari_deepem.io.session_places import SESSION_FILE, home_of
from napari_deepem.session import kept
from napari_deepem.session.kept import Kept, joined, open_kept, over

ONE, OTHER = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
CANDIDATES = Candidates(ONE, np.array([0.9]), np.array([1.0]), 24)


def positives(stored: Stored) -> dict[str, list[list[float]]]:
    return {name: kinds["positive"].tolist() for name, kinds in stored.points.items()}


@pytest.fixture
def first(tmp_path: Path):
    """The session of a folder, open in a first window, with a label on m1 and m2 and a model."""
    opened = open_kept(tmp_path)
    points = {name: {"positive": ONE} for name in ("m1", "m2")}
    opened.file.write(Stored({"seed": 1}, points, {"m1": CANDIDATES}, b"model"))
    yield opened
    opened.file.close()


def test_second_window_sees_what_the_first_one_has(first: Kept, tmp_path: Path) -> None:
    """C.4"""
    second = open_kept(tmp_path)
    assert positives(second.stored) == {"m1": [[1, 2]], "m2": [[1, 2]]}
    assert (second.stored.model, list(second.stored.candidates)) == (b"model", ["m1"])
    assert (second.file.path.parent, second.lent) == (home_of(tmp_path), True)
    assert "open in another window" in second.remark
    assert f"kept in {home_of(tmp_path)}" in second.remark
    second.file.close()


def test_third_window_keeps_nothing_and_says_so(first: Kept, tmp_path: Path) -> None:
    """C.4"""
    second, third = open_kept(tmp_path), open_kept(tmp_path)
    assert third.file is None
    assert positives(third.stored) == {"m1": [[1, 2]], "m2": [[1, 2]]}
    assert third.remark.endswith("until then nothing is saved")
    second.file.close()


def test_work_of_a_second_window_lies_over_the_first_until_both_are_one(
    first: Kept, tmp_path: Path
) -> None:
    """C.4: nothing of either is lost."""
    second = open_kept(tmp_path)
    second.file.close(Stored({"seed": 2}, {"m1": {"positive": OTHER}, "m2": {"positive": ()}}))
    first.file.write(Stored(points={"m3": {"positive": ONE}}))
    again = open_kept(tmp_path)
    assert {name: kinds["positive"].tolist() for name, kinds in again.stored.points.items()} == {
        "m1": [[3, 4]],
        "m2": [],
        "m3": [[1, 2]],
    }
    assert again.stored.settings["seed"] == 2
    again.file.close()
    first.file.close()
    alone = open_kept(tmp_path)
    assert positives(alone.stored) == {"m1": [[1, 2], [3, 4]], "m2": [[1, 2]], "m3": [[1, 2]]}
    assert positives(alone.file.read()) == positives(alone.stored)
    assert (alone.remark, alone.stored.settings["seed"], alone.stored.model) == ("", 1, b"model")
    assert not (home_of(tmp_path) / SESSION_FILE).exists()
    alone.file.close()


def test_window_that_stays_open_takes_its_work_back_to_the_folder(
    first: Kept, tmp_path: Path
) -> None:
    """C.4"""
    second = open_kept(tmp_path)
    second.file.write(Stored(points={"m1": {"positive": OTHER}}))
    still = open_kept(tmp_path, second.file)
    assert still.file is second.file
    first.file.close()
    now = open_kept(tmp_path, second.file)
    assert (now.file.path, now.remark, now.lent) == (tmp_path / SESSION_FILE, "", False)
    assert positives(now.stored)["m1"] == [[1, 2], [3, 4]]
    now.file.close()


def test_model_from_home_is_taken_where_there_is_none_and_never_lost() -> None:
    home = Stored(
        {"a": 1}, candidates={"m1": CANDIDATES}, model=b"home", scored_files={"m1": (1, 2)}
    )
    assert joined(Stored({"b": 2}), home).model == b"home"
    changes = joined(Stored({"a": 2}, model=b"beside"), home)
    assert (changes.model, dict(changes.candidates), changes.settings["a"]) == (None, {}, 2)
    assert over(Stored(model=b"beside"), home).model == b"home"


def test_home_with_another_model_is_renamed_not_removed(first: Kept, tmp_path: Path) -> None:
    second = open_kept(tmp_path)
    second.file.close(Stored(model=b"other"))
    first.file.close()
    open_kept(tmp_path).file.close()
    (left,) = home_of(tmp_path).glob(f"{SESSION_FILE}.*")
    file = SessionFile(left)
    assert file.read().model == b"other"
    file.close()


def damage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def make_newer(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()


def bring_a_trigger(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TRIGGER t AFTER INSERT ON settings BEGIN DELETE FROM points; END")
    database.close()


@pytest.mark.parametrize("spoil", [damage, make_newer, bring_a_trigger])
def test_file_that_cannot_be_used_is_left_and_work_goes_on_at_home(
    first: Kept, tmp_path: Path, spoil
) -> None:
    """B.3"""
    first.file.close()
    spoil(tmp_path / SESSION_FILE)
    before = (tmp_path / SESSION_FILE).read_bytes()
    opened = open_kept(tmp_path)
    assert opened.file.path.parent == home_of(tmp_path)
    opened.file.close(Stored(points={"m1": {"positive": OTHER}}))
    assert (tmp_path / SESSION_FILE).read_bytes() == before
    (tmp_path / SESSION_FILE).rename(tmp_path / "old.session")
    anew = open_kept(tmp_path)
    assert (positives(anew.stored), anew.remark) == ({"m1": [[3, 4]]}, "")
    anew.file.close()


def test_session_of_somebody_else_is_shown_and_ours_is_kept_at_home(
    first: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C.3: in a folder that all may write into, a file that only its owner may."""
    first.file.close()
    claim = kept.SessionFile

    def refuse(path: Path, is_private: bool) -> SessionFile:
        if path.parent == tmp_path:
            raise InputError(f"{path} cannot be written (Permission denied): check the rights")
        return claim(path, is_private)

    monkeypatch.setattr(kept, "SessionFile", refuse)
    opened = open_kept(tmp_path)
    assert positives(opened.stored) == {"m1": [[1, 2]], "m2": [[1, 2]]}
    assert opened.file.path.parent == home_of(tmp_path)
    opened.file.close()


def test_session_kept_at_home_moves_into_a_folder_that_can_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writable = session_places.writable_folder

    def refuse(path: Path) -> Path:
        if path == tmp_path:
            raise InputError("no permission")
        return writable(path)

    with monkeypatch.context() as patch:
        patch.setattr(session_places, "writable_folder", refuse)
        opened = open_kept(tmp_path)
        opened.file.close(Stored({"seed": 4}, {"m1": {"positive": ONE}}, model=b"model"))
    again = open_kept(tmp_path)
    assert again.file.path == tmp_path / SESSION_FILE
    assert (again.stored.settings["seed"], again.stored.model) == (4, b"model")
    assert positives(again.stored) == {"m1": [[1, 2]]}
    again.file.close()


def test_folder_of_any_name_has_a_home_of_its_own(tmp_path: Path) -> None:
    """A.5"""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/ice_\xb5"))
    assert home_of(folder) != home_of(folder.with_name("ice"))


@pytest.fixture
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)


@pytest.mark.usefixtures("_no_locks")
def test_work_goes_on_at_home_where_no_disk_has_locks(tmp_path: Path) -> None:
    """C.3: by a file that stands for the lock, which a second window meets."""
    opened = open_kept(tmp_path)
    assert "cannot be locked on this disk" in opened.remark
    assert opened.file.path.parent == home_of(tmp_path)
    second = open_kept(tmp_path)
    assert second.file is None
    assert second.remark.endswith("until then nothing is saved")
    opened.file.close(Stored(points={"m1": {"positive": ONE}}))
    again = open_kept(tmp_path)
    assert positives(again.stored) == {"m1": [[1, 2]]}
    again.file.close()
    assert [file.name for file in home_of(tmp_path).iterdir()] == [SESSION_FILE]


@pytest.mark.usefixtures("_no_locks")
@pytest.mark.parametrize(
    ("process", "host", "is_in_use"),
    [
        (2**22 + 1, "", False),
        (1, "", True),
        (2**22 + 1, ".4026532281", True),  # of a container, which counts its own
        (10**30, "", True),
    ],
)
def test_lock_of_a_program_that_has_died_is_taken_over(
    tmp_path: Path, process: int, host: str, is_in_use: bool
) -> None:
    """C.3"""
    open_kept(tmp_path).file.close()
    lock = home_of(tmp_path) / f"{SESSION_FILE}.lock"
    lock.write_text(f"{process} {this_host()}{host}")
    opened = open_kept(tmp_path)
    assert (opened.file is None) == is_in_use
    if opened.file is not None:
        opened.file.close()
