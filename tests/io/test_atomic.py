from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from napari_deepem.core.errors import InputError
from napari_deepem.io.atomic import check_writable, replacing, writable_folder


def test_success_puts_the_whole_file_in_place_and_nothing_else(tmp_path: Path) -> None:
    with replacing(tmp_path / "new" / "deep" / "a.box") as temporary:
        assert temporary.parent == tmp_path / "new" / "deep"
        assert temporary.suffix == ".box"
        temporary.write_text("1")
    assert [p.name for p in (tmp_path / "new" / "deep").iterdir()] == ["a.box"]
    assert (tmp_path / "new" / "deep" / "a.box").read_text() == "1"


@pytest.mark.parametrize(
    "failure", [RuntimeError, KeyboardInterrupt, OSError(errno.ENOSPC, "full")]
)
def test_failure_leaves_the_old_file_and_no_other(tmp_path: Path, failure: type[Exception]) -> None:
    target = tmp_path / "a.box"
    target.write_text("old")
    expected = InputError if isinstance(failure, OSError) else failure
    with pytest.raises(expected), replacing(target) as temporary:  # noqa: PT012  what fails is the block
        temporary.write_text("half")
        raise failure
    assert [p.name for p in tmp_path.iterdir()] == ["a.box"]
    assert target.read_text() == "old"


def test_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"cannot write .*a\.box: the disk is full"),
        replacing(tmp_path / "a.box"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_writer_may_remove_the_temporary_before_failing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.box") as temporary:  # noqa: PT012
        temporary.unlink()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="it is a folder"), replacing(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (
        replacing(tmp_path / "file" / "b" / "a.box").__enter__,
        lambda: writable_folder(tmp_path / "file" / "b"),
        lambda: writable_folder(tmp_path / "file"),
    ):
        with pytest.raises(InputError, match=r"file is a file; choose another folder"):
            write()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no files, also for root")
def test_a_folder_that_takes_no_files_is_named() -> None:
    with pytest.raises(InputError, match="cannot write into /proc: "):
        writable_folder("/proc")
    with pytest.raises(InputError, match="cannot write into /proc/deepem"):
        writable_folder("/proc/deepem")
    with pytest.raises(InputError, match=r"cannot write /proc/a\.box: "), replacing("/proc/a.box"):
        pass


def test_no_permission_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"no permission; choose another folder"):
        writable_folder(tmp_path)
    with pytest.raises(InputError, match="no permission"), replacing(tmp_path / "a.box"):
        pass


def test_writable_folder_makes_it_and_leaves_it_empty(tmp_path: Path) -> None:
    folder = writable_folder(str(tmp_path / "a" / "b"))
    assert folder == tmp_path / "a" / "b"
    assert list(folder.iterdir()) == []


def test_nothing_is_left_of_a_try(tmp_path: Path) -> None:
    """C.7: a command that is refused later makes no folder."""
    check_writable(tmp_path / "a" / "b")
    check_writable(tmp_path / "a" / ".." / ".." / "b")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for make in (check_writable, writable_folder):
        with pytest.raises(InputError, match="the name is too long"):
            make(tmp_path / "a" / (300 * "b"))
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    """C.7"""
    for name in ("a.box", f"{300 * 'b'}/a.box", f"{300 * 'b'}.box"):
        with pytest.raises(InputError), replacing(tmp_path / "new" / "deep" / name):
            raise OSError(errno.ENOSPC, "full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{temporary}", "cannot flush '{temporary}'", "see {name}"])
def test_failure_names_the_file_that_was_to_be_written(tmp_path: Path, text: str) -> None:
    """D.6: whatever a library has to say, which knows the temporary file only."""
    target = tmp_path / "a.png"
    with pytest.raises(InputError) as caught, replacing(target) as temporary:
        raise OSError(text.format(temporary=temporary, name=temporary.name))
    expected = text.format(temporary=target, name=target.name)
    assert str(caught.value) == f"cannot write {target}: {expected}; choose another place"


def test_disk_that_turns_read_only_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D.6: there even removing what is not there fails."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(InputError, match=r"a\.png: it is read-only"), replacing(tmp_path / "a.png"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="permission bits are POSIX")
def test_files_are_readable_for_others_as_the_umask_allows(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        with replacing(tmp_path / "a.box") as temporary:
            temporary.write_text("1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.box").stat().st_mode) == 0o644
