"""Session files that others have made, damaged or laid a trap in (B.3, B.1, C.3)."""

import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.io import database_claims
from napari_deepem.io.session_file import SessionFile, Stored, look_into
from napari_deepem.io.session_places import SESSION_FILE

POINTS_YX = np.array([[1.0, 2.5], [3.0, 4.0]])
CANDIDATES = Candidates(POINTS_YX, np.array([0.9, 0.1]), np.array([1.0, 2.0]), 24)
ROUND = {
    "number": 1,
    "start": "new",
    "particles": 30,
    "negatives": 4,
    "micrographs": 2,
    "epochs": 10,
    "ap": 0.9,
    "ap_before": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A session with something in each of its tables."""
    file = SessionFile(tmp_path / SESSION_FILE)
    settings = {"seed": 1, "excluded": ["m2"], "rounds": [ROUND], "current": "m1"}
    points = {"m1": {"positive": POINTS_YX}}
    stamps = {"m1": (10, 20)}
    file.close(Stored(settings, points, {"m1": CANDIDATES}, b"model", {"m1": "m1.mrc"}, stamps))
    return tmp_path / SESSION_FILE


def alter(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement, values)
    database.commit()
    database.close()


def read(path: Path) -> Stored:
    file = SessionFile(path)
    try:
        return file.read()
    finally:
        file.close()


def refusal(path: Path) -> str:
    """The one line with which a file is refused, which is left as it was to the last byte."""
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        read(path)
    with pytest.raises(InputError):
        look_into(path)
    assert path.read_bytes() == before
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW more AS SELECT * FROM points",
        "CREATE TRIGGER t AFTER INSERT ON settings BEGIN DELETE FROM points; END",
        "CREATE TABLE more (x)",
        "CREATE INDEX more ON points (kind)",
        "CREATE VIRTUAL TABLE more USING rtree(id, low, high)",
        "ALTER TABLE model ADD COLUMN more",
        "ALTER TABLE points RENAME TO dots",
        "DROP TABLE settings",
    ],
)
def test_tables_that_are_not_ours_are_refused(path: Path, statement: str) -> None:
    alter(path, statement)
    assert "holds what no session of napari-deepem does" in refusal(path)


def test_view_in_place_of_a_table_is_never_run(path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 'm', x FROM n"
    alter(path, "DROP TABLE settings", f"CREATE VIEW settings (name, value) AS {endless}")
    assert "holds what no session of napari-deepem does" in refusal(path)


@pytest.mark.parametrize(
    ("table", "change", "values"),
    [
        ("points", "centres_yx = 'x'", ()),
        ("points", "centres_yx = 5", ()),
        ("points", "centres_yx = ?", (b"12345678",)),
        ("points", "centres_yx = ?", (np.array([np.nan, 1.0]).tobytes(),)),
        ("points", "kind = 'other'", ()),
        ("points", "micrograph = ?", (b"m1",)),
        ("points", "micrograph = '../../m1'", ()),
        ("points", "micrograph = 'C:\\m1'", ()),
        ("files", "micrograph = '../evil/m1'", ()),
        ("files", "micrograph = '/tmp/m1'", ()),
        ("files", "micrograph = ?", ("m" * 300,)),
        ("settings", "value = ?", ("[" + "[]," * 3_000_000 + "1]",)),
    ],
)
def test_labels_of_another_type_or_shape_are_refused(
    path: Path, table: str, change: str, values: tuple[object, ...]
) -> None:
    alter(path, f"UPDATE {table} SET {change}", values=values)
    assert "is damaged" in refusal(path)


@pytest.mark.parametrize(
    ("table", "change", "values"),
    [
        ("candidates", "scores = ?", (b"12345678",)),
        ("candidates", "scores = ?", (np.array([np.inf, 1.0]).tobytes(),)),
        ("candidates", "box_size_px = -3", ()),
        ("candidates", "box_size_px = 1e300", ()),
        ("candidates", "box_size_px = 'wide'", ()),
        ("candidates", "micrograph = '..'", ()),
        ("scored_files", "bytes = 'many'", ()),
        ("scored_files", "mtime_ns = 1.5", ()),
        ("model", "content = 'text'", ()),
    ],
)
def test_damage_of_what_can_be_made_again_costs_no_label(
    path: Path, table: str, change: str, values: tuple[object, ...]
) -> None:
    alter(path, f"UPDATE {table} SET {change}", values=values)
    for stored in (read(path), look_into(path)):
        assert stored.damaged == (table,)
        assert np.array_equal(stored.points["m1"]["positive"], POINTS_YX)
        assert stored.settings["excluded"] == ["m2"]
        assert stored.model == (None if table == "model" else b"model")
        # which files they are of has to be known
        assert list(stored.candidates) == (["m1"] if table == "model" else [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("display", text) for text in ("{", "[" * 100_000, "NaN", '{"filtered": 3}', b"1")),
        ("rounds", "{}"),
        ("rounds", "[3]"),
        ("rounds", "[{}]"),
        ("rounds", json.dumps([{**ROUND, "epochs": "ten"}])),
        ("rounds", json.dumps([{**ROUND, "number": 10**30}])),
        ("rounds", json.dumps([{**ROUND, "start": "else"}])),
        ("current", "7"),
        ("current", '"../m1"'),
        ("seed", "{"),
    ],
)
def test_damaged_setting_is_left_out_and_named(path: Path, name: str, text: str | bytes) -> None:
    alter(path, "INSERT OR REPLACE INTO settings VALUES (?, ?)", values=(name, text))
    for stored in (read(path), look_into(path)):
        assert stored.damaged == (name,)
        assert name not in stored.settings
        assert stored.settings["excluded"] == ["m2"]
        assert np.array_equal(stored.points["m1"]["positive"], POINTS_YX)


@pytest.mark.parametrize("value", [5, {"m1": 1}, [["m1"]], ["../m1"]])
def test_list_of_excluded_micrographs_of_another_shape_is_refused(
    path: Path, value: object
) -> None:
    statement = "UPDATE settings SET value = ? WHERE name = 'excluded'"
    alter(path, statement, values=(json.dumps(value),))
    assert "is damaged (setting 'excluded'" in refusal(path)


def test_value_that_is_huge_is_refused_unread(path: Path) -> None:
    alter(path, "UPDATE model SET content = zeroblob(300000000)")
    with pytest.raises(InputError, match=r"is damaged .*too big"):
        read(path)


def test_pages_that_go_round_in_a_circle_are_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    root = sqlite3.connect(path)
    (page,) = root.execute("SELECT rootpage FROM sqlite_master WHERE name = 'points'").fetchone()
    root.close()
    start = (page - 1) * size
    content[start : start + 12] = (  # an inner page without cells, whose only child is itself
        b"\x05\0\0\0\0" + size.to_bytes(2, "big") + b"\0" + page.to_bytes(4, "big")
    )
    path.write_bytes(content)
    assert "is damaged" in refusal(path)


def test_file_of_the_first_version_opens_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / SESSION_FILE
    SessionFile(path).close()  # it has the tables of the first version until it is written into
    alter(path, "INSERT INTO settings VALUES ('seed', '3')")
    file = SessionFile(path)
    assert file.read().settings == {"seed": 3}
    file.close(Stored(files={"m1": "m1.mrc"}))
    assert look_into(path).files == {"m1": "m1.mrc"}


# What lies where the file should be


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def a_hard_link(path: Path) -> None:
    os.link(path, path.with_name("second name"))


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_huge_file(path: Path) -> None:
    os.truncate(path, 2 * 2**30)


def a_wal(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"frames")


def a_journal_by_a_link(path: Path) -> None:
    Path(f"{path}-journal").symlink_to("theirs")


def a_journal_that_names_a_file(path: Path) -> None:
    Path(f"{path}-journal").write_bytes(b"x" * 600 + bytes.fromhex("d9d505f920a163d7"))


def a_log_ahead(path: Path) -> None:
    alter(path, "PRAGMA journal_mode = WAL")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files of this system are of one kind")
@pytest.mark.parametrize(
    ("lay", "reason"),
    [
        (a_link, "is a link"),
        (a_dangling_link, "is a link"),
        (a_hard_link, "hard link"),
        (a_pipe, "is no file"),
        (a_folder, "is no file"),
        (a_huge_file, "larger than 1 GB"),
        (a_wal, "which is not ours"),
        (a_journal_by_a_link, "which is not ours"),
        (a_journal_that_names_a_file, "which is not ours"),
        (a_log_ahead, "another program's database"),
    ],
)
def test_what_is_no_plain_file_is_not_written_into(
    path: Path, lay: Callable[[Path], None], reason: str
) -> None:
    lay(path)
    names = sorted(file.name for file in path.parent.iterdir())
    with pytest.raises(InputError, match=reason) as caught:
        SessionFile(path)
    assert "\n" not in str(caught.value)
    assert sorted(file.name for file in path.parent.iterdir()) == names


def test_work_that_a_crash_left_half_written_is_rolled_back(path: Path) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA cache_size = 1")  # pages go to the file before the end
    database.execute("BEGIN")
    database.execute("DELETE FROM points")
    database.execute("UPDATE model SET content = zeroblob(200000)")
    half, journal = path.read_bytes(), Path(f"{path}-journal").read_bytes()
    database.close()
    assert half != path.read_bytes()
    path.write_bytes(half)
    Path(f"{path}-journal").write_bytes(journal)
    file = SessionFile(path)
    stored = file.read()
    file.close()
    assert (list(stored.points), stored.model) == (["m1"], b"model")


@pytest.mark.skipif(os.name == "nt", reason="locks are other ones there")
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS", "EIO"])
def test_disk_without_locks_is_not_taken_for_a_second_window(
    path: Path, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import fcntl

    def refuse(*_: object) -> None:
        number = getattr(errno, error)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    new = path.with_name("new")
    for each in (path, new):
        with pytest.raises(InputError, match="cannot be locked on this disk"):
            SessionFile(each)
    assert list(look_into(path).points) == ["m1"]
    assert not new.exists()


def test_file_that_can_only_be_read_is_told_when_it_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = os.open

    def refuse(name: object, flags: int, *more: object) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied", str(name))
        return open_file(name, flags, *more)

    monkeypatch.setattr(database_claims.os, "open", refuse)
    with pytest.raises(InputError, match=r"cannot be written .*check the rights"):
        SessionFile(path)
    assert list(look_into(path).points) == ["m1"]


def test_file_can_be_looked_into_while_it_is_open_and_stays_locked(path: Path) -> None:
    first = SessionFile(path)
    first.write(Stored(points={"m2": {"negative": POINTS_YX}}))
    assert sorted(look_into(path).points) == ["m1", "m2"]
    with pytest.raises(InputError, match="open in another window"):
        SessionFile(path)
    other = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
    first.write(Stored(points={"m3": {"negative": POINTS_YX}}))
    first.close()
    assert sorted(look_into(path).points) == ["m1", "m2", "m3"]


@pytest.mark.parametrize("settings", [{"seed": object()}, {"seed": float("nan")}, {"\udcb5": 1}])
def test_write_that_fails_keeps_no_later_write_out(path: Path, settings: dict) -> None:
    """A.5: whatever the exception between BEGIN and COMMIT, nothing stays half written."""
    file = SessionFile(path)
    with pytest.raises((TypeError, ValueError)):
        file.write(Stored(settings, {"m2": {"positive": POINTS_YX}}))
    file.write(Stored({"epochs": 4}))
    stored = file.read()
    file.close()
    assert (stored.settings["epochs"], list(stored.points)) == (4, ["m1"])


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE points SET micrograph = CAST(x'ff41' AS TEXT)",),
        (
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = CAST(x'ee20' AS TEXT) WHERE name = 'model'",
        ),
    ],
)
def test_text_that_is_no_utf8_is_damage(path: Path, statements: tuple[str, ...]) -> None:
    """B.3: in a row, and in the schema, which is read first."""
    alter(path, *statements)
    assert "rename it to begin anew" in refusal(path)


@pytest.mark.parametrize("position", [1e300, -1e8, np.inf, np.nan])
def test_position_that_none_can_be_is_refused(path: Path, position: float) -> None:
    """B.3"""
    content = np.array([[position, 1.0]]).tobytes()
    alter(path, "UPDATE points SET centres_yx = ?", values=(content,))
    assert "not a number, or none that there can be" in refusal(path)


def test_file_name_that_is_no_utf8_comes_back(path: Path) -> None:
    """A.5"""
    name = os.fsdecode(b"ice_5\xb5m.mrc")
    file = SessionFile(path)
    file.write(Stored(files={"ice_5\xb5m": name}))
    assert file.read().files == {"m1": "m1.mrc", "ice_5\xb5m": name}
    file.close()


def test_reader_gives_up_on_what_takes_too_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_deepem.io.session_schema.LONGEST_S", 0.0)
    rows = {f"m{number}": {"positive": POINTS_YX} for number in range(5000)}
    file = SessionFile(path)
    file.write(Stored(points=rows))
    with pytest.raises(InputError, match="takes too long to read"):
        file.read()
    file.close()


def test_one_file_is_opened_once_by_many_threads(path: Path) -> None:
    files: list[SessionFile] = []
    reasons: list[str] = []

    def open_it() -> None:
        try:
            files.append(SessionFile(path))
        except InputError as error:
            reasons.append(str(error))

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files) == 1
    assert all("open in another window" in reason for reason in reasons)
    files[0].close()


@pytest.mark.parametrize("place", [b"points", b"indexsqlite", b"CREATE TABLE files"])
def test_tables_whose_names_are_no_text_are_refused(path: Path, place: bytes) -> None:
    """B.3: SQLite quotes them in its message."""
    content = path.read_bytes()
    assert place in content
    path.write_bytes(content.replace(place, place[:-1] + b"\xf1"))
    assert re.search("damaged|cannot be used", refusal(path))
