"""What this program wrote may be replaced, until somebody else has changed it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_deepem.io.owned_files import OwnedFiles


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
