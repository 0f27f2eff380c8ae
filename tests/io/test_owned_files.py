"""What this program wrote may be replaced, until somebody else has changed it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_deepem.io.owned_files import OwnedFiles, names_on_record


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


def test_files_on_record_are_ours_at_any_time(tmp_path: Path) -> None:
    for name in ("a.box", "b.box"):
        (tmp_path / name).write_text("1 2 3 3")
    written = OwnedFiles.named(tmp_path, ["a.box", "gone.box"])
    assert written.others([tmp_path / "a.box", tmp_path / "b.box"]) == [tmp_path / "b.box"]
    assert written.others([tmp_path / "deeper" / "a.box"]) == []  # it is not there
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "a.box").write_text("1 2 3 3")
    assert written.others([tmp_path / "deeper" / "a.box"]) == [tmp_path / "deeper" / "a.box"]


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


@pytest.mark.parametrize(
    ("content", "listed", "under_a_key"),
    [
        ('["a.box", "b.star"]', {"a.box", "b.star"}, None),
        (json.dumps({"made_by": "us", "files": ["a.mrc"]}), None, {"a.mrc"}),
        ("[]", set(), None),
        ('["a.box", 7]', {"a.box"}, None),
        ("{", None, None),
        ('{"made_by": "others"}', None, None),
        ('{"files": "a.mrc"}', None, None),
        ('[{"my": "runs"}]', set(), None),
        ("7", None, None),
    ],
)
def test_record_is_a_list_of_names_or_nothing(
    tmp_path: Path, content: str, listed: set[str] | None, under_a_key: set[str] | None
) -> None:
    record = tmp_path / "record.json"
    assert names_on_record(record) == names_on_record(record, key="files") == frozenset()
    record.write_text(content)
    assert names_on_record(record) == listed
    assert names_on_record(record, key="files") == under_a_key
