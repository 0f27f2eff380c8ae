"""What a run that was killed has left is removed by the next; what others are writing is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_deepem.io import temporary_names
from napari_deepem.io.atomic import check_writable, replacing
from napari_deepem.io.processes import this_host
from napari_deepem.io.temporary_names import remove_leftovers, temporary_path

FOREIGN = ".napari-deepem-{host}-1-01234567.box"


@pytest.fixture(scope="module")
def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def left_by(process: int, folder: Path, suffix: str = ".box") -> Path:
    with temporary_path(folder, suffix) as own:
        path = folder / own.name.replace(f"-{os.getpid()}-", f"-{process}-")
    path.touch()
    return path


def test_leftovers_of_a_process_that_is_gone_are_removed(
    tmp_path: Path, ended_process: int
) -> None:
    """C.7"""
    for suffix in ("", ".box", ".safetensors", ".we ird\n\udcb5"):
        left_by(ended_process, tmp_path, suffix)
    probe = left_by(ended_process, tmp_path, "")
    probe.unlink()
    (probe / "new" / "deep").mkdir(parents=True)
    (probe / "new" / "deep" / "file").touch()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_writes_stays_however_old_it_is(tmp_path: Path) -> None:
    """C.7"""
    for process in (os.getpid(), os.getppid()):
        os.utime(left_by(process, tmp_path), (1, 1))
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_another_host_writes_stays_for_a_day(tmp_path: Path) -> None:
    """C.7: which of its processes live can't be told from here."""
    new, old = (tmp_path / FOREIGN.format(host=host) for host in ("node-1.far", "node-2"))
    for path in (new, old):
        path.touch()
    os.utime(old, (1, 1))
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


def test_files_of_anybody_else_stay(tmp_path: Path, ended_process: int) -> None:
    """C.7: those of older versions too, whose names do not say whose they are."""
    names = {
        *(
            "0123456789ab",
            ".0123456789ab.box",
            ".napari-deepem-picks.json",
            "napari-deepem.session",
        ),
        *(".napari-deepem-picks-0123456789abcdef", f"napari-deepem-{ended_process}-01234567"),
        f"my.napari-deepem-host-{ended_process}-01234567",
    }
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_run_removes_leftovers_where_it_writes(tmp_path: Path, ended_process: int) -> None:
    """C.7: in an output folder, beside one that is not there yet, and in a cache."""
    (tmp_path / "cache").mkdir()
    for folder in (tmp_path, tmp_path / "cache"):
        left_by(ended_process, folder)
    check_writable(tmp_path / "picks")
    with replacing(tmp_path / "cache" / "a.box"):
        pass
    names = [path.name for path in tmp_path.rglob("*")]
    assert sorted(names) == ["a.box", "cache"]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_signal_in_the_midst_of_removing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """C.7: what could not be removed is when the program ends."""

    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(temporary_names, "_remove", interrupt)
        with pytest.raises(KeyboardInterrupt), temporary_path(tmp_path) as path:
            make(path)
    assert path.exists()
    temporary_names._remove_own()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("node", ["", "node-7.cluster.example", "my laptop/\u00b5", 300 * "n"])
def test_any_host_makes_names_that_are_known_again(
    tmp_path: Path, ended_process: int, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    monkeypatch.setattr("platform.node", lambda: node)
    this_host.cache_clear()
    left_by(ended_process, tmp_path)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
    this_host.cache_clear()
