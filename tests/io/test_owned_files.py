"""What this program wrote may be replaced, until somebody else has changed it."""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from napari_deepem.io.owned_files import OwnedFiles, Records


def test_file_is_ours_until_somebody_changes_it(tmp_path: Path) -> None:
    ours, theirs, missing = (tmp_path / f"{name}.star" for name in ("ours", "theirs", "missing"))
    ours.write_text("picks")
    theirs.write_text("clicked for an hour")
    written = OwnedFiles()
    assert written.others([ours, theirs, missing]) == [ours, theirs]
    written.add(ours)
    assert len(written) == 1
    assert written.others([ours, theirs, missing]) == [theirs]
    os.utime(ours, ns=(1, 1))
    assert written.others([ours, theirs, missing]) == [ours, theirs]
    written.add(ours)  # written once more
    assert written.others([ours]) == []


def test_file_is_the_same_on_whatever_way_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.box").write_text("1 2 3 3")
    written = OwnedFiles()
    written.add(tmp_path / "a.box")
    monkeypatch.chdir(tmp_path)
    assert written.others([Path("a.box"), tmp_path / ".." / tmp_path.name / "a.box"]) == []


def test_what_others_noted_joins(tmp_path: Path) -> None:
    path, written, more = tmp_path / "a.box", OwnedFiles(), OwnedFiles()
    path.write_text("1 2 3 3")
    more.add(path)
    written.update(more)
    assert written.others([path]) == []


def test_records_of_any_number_of_runs_hold_together(tmp_path: Path) -> None:
    """C.5: none is lost, in whatever order they come."""
    records = Records(tmp_path / "picks", ".ours-")
    assert records.names() == frozenset()
    (tmp_path / "picks").mkdir()
    assert records.names() == frozenset()
    tasks = [{f"m{task}.box", f"m{task}.star"} for task in range(50)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(records.add, tasks))
    assert records.names() == frozenset().union(*tasks)


def test_record_that_a_later_one_covers_is_removed(tmp_path: Path) -> None:
    records = Records(tmp_path, ".ours-")
    records.add(["a.box"])
    records.add(["a.box"])
    assert len(list(tmp_path.iterdir())) == 1
    records.add(["b.box"])
    assert len(list(tmp_path.iterdir())) == 2
    records.add(["a.box", "b.box", "c.box"])
    assert len(list(tmp_path.iterdir())) == 1
    assert records.names() == {"a.box", "b.box", "c.box"}


def test_record_that_vanishes_while_it_is_read_is_in_the_one_that_covers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C.5: another run covers it in that moment."""
    records, read_bytes = Records(tmp_path, ".ours-"), Path.read_bytes
    records.add(["a.box"])

    def reading(path: Path) -> bytes:
        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        Records(tmp_path, ".ours-").add(["a.box", "b.box"])
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    assert records.names() == {"a.box", "b.box"}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no such names there")
def test_names_of_any_bytes_are_kept(tmp_path: Path) -> None:
    names = {"ice_\udcb5m.box", "a\nb.box", "\u00b5.star", "grid:1.box", "a\\b.box", " .csv"}
    records = Records(tmp_path, ".ours-")
    records.add(names)
    assert records.names() == names


def test_damaged_or_foreign_record_gives_no_rights(tmp_path: Path) -> None:
    records = Records(tmp_path, ".ours-")
    records.add(["a.box"])
    (record,) = tmp_path.iterdir()
    content = record.read_bytes()
    for spoilt in (b"", content[:-1], content + b"b.box\0", b"b" + content[1:]):
        record.write_bytes(spoilt)
        assert records.names() == frozenset()
    records.add(["a.box"])  # mends it
    assert records.names() == {"a.box"}
    (tmp_path / ".ours-folder").mkdir()
    (tmp_path / ".ours-0123456789abcdef").write_bytes(b"mine")
    (tmp_path / ".ours-link").symlink_to(tmp_path / "nowhere")
    many = b"a\0" * 1_000_001
    (tmp_path / f".ours-{hashlib.sha256(many).hexdigest()[:16]}").write_bytes(many)
    assert records.names() == {"a.box"}
    assert (tmp_path / ".ours-0123456789abcdef").read_bytes() == b"mine"


def test_record_of_somebody_else_gives_no_rights_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C.5: several users pick into one folder, in which each can remove his own files alone."""
    records = Records(tmp_path, ".ours-")
    records.add(["a.box"])

    def refuse(path: Path, *_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    records.add(["a.box", "b.box"])
    assert records.names() == {"a.box", "b.box"}
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert records.names() == frozenset()
