"""What another window has written, brought into the session of a window that follows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_deepem.core.jobs import finish
from napari_deepem.core.types import Labels
from napari_deepem.io.session_file import SessionFile, Stored, is_being_written
from napari_deepem.io.session_labels import points_of
from napari_deepem.io.session_places import SESSION_FILE
from napari_deepem.session import Session
from napari_deepem.session.following import Seen, follow, looking
from napari_deepem.session.open_folder import Opened

ONE, OTHER = Labels.of([[1.0, 2.0]]), Labels.of([[3.0, 4.0]])


def stored(**labels: Labels) -> Stored:
    return Stored(points={name: points_of(each, Labels.of()) for name, each in labels.items()})


@pytest.fixture
def file(tmp_path: Path):
    """The session file of another window."""
    file = SessionFile(tmp_path / SESSION_FILE)
    yield file
    file.close()


def look(file: SessionFile, seen: Seen) -> Seen:
    return finish(looking(Opened(file.path.parent, {}), file.path, seen))


def test_file_is_read_again_when_it_has_changed(file: SessionFile) -> None:
    file.write(stored(m1=ONE))
    seen = look(file, Seen(Stored()))
    assert list(seen.stored.points) == ["m1"]
    assert look(file, seen) is seen
    file.write(stored(m2=OTHER))
    assert sorted(look(file, seen).stored.points) == ["m1", "m2"]


def test_file_that_is_being_written_is_left_until_that_is_done(file: SessionFile) -> None:
    file.write(stored(m1=ONE))
    assert not is_being_written(file.path)
    seen = look(file, Seen(Stored()))
    file._database.execute("PRAGMA cache_size = 1")  # what is written goes to the disk at once
    file._database.execute("BEGIN")
    file._database.execute("DELETE FROM points")
    rows = [(f"m{number}", "positive", bytes(16_000)) for number in range(50)]
    file._database.executemany("INSERT INTO points VALUES (?, ?, ?)", rows)
    assert is_being_written(file.path)
    assert look(file, seen) is seen
    assert look(file, Seen(Stored())).stored.points == {}
    file._database.execute("ROLLBACK")
    assert not is_being_written(file.path)


def test_file_of_a_window_that_is_closed_is_free(file: SessionFile) -> None:
    assert not look(file, Seen(Stored())).is_free
    file.close()
    assert look(file, Seen(Stored())).is_free


def test_what_has_not_changed_stays_the_same_value() -> None:
    session = Session(labels={"m1": ONE, "m2": ONE})
    before, now = stored(m1=ONE, m2=ONE), stored(m1=ONE, m2=OTHER)
    follow(session, before, now)
    assert session.labels["m1"] is ONE
    assert session.labels["m2"].positive_yx.tolist() == [[3.0, 4.0]]
    changes: list[object] = []
    session.events.labels.connect(changes.append)
    follow(session, now, now)
    assert changes == []
