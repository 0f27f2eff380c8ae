"""Whether a database file is one that we may write into: checked before SQLite touches it.

SQLite follows links, rolls back whatever journal lies beside a file, and takes a disk without locks
for a file that is in use.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from napari_deepem.core.errors import InputError
from napari_deepem.io.processes import has_ended, this_host

LARGEST_FILE = 2**30  # bytes
IN_USE = "is open in another window: close it there, then open this folder again"

_MAGIC = b"SQLite format 3\0"
_ROLLBACK_JOURNAL = b"\1\1"  # where the header says how a file is written
_OF_SEVERAL_FILES = bytes.fromhex("d9d505f920a163d7")  # ends a journal that names one more file
_LOCK = re.compile(r"(\d{1,9}) (\S+)")  # what a file that locks another one holds
_FLAGS = os.O_RDWR | sum(
    getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)


class InUse(InputError):
    """A file that another window has open."""


claiming = Lock()  # held from the check of a file until SQLite has locked it
_claims: set[tuple[int, int]] = set()  # to open such a file once more would free its lock


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write into a file: nobody else does, once SQLite has locked it."""

    key: tuple[int, int]  # device and inode
    lock_file: Path | None = None  # by which it is locked where the disk has no locks

    def release(self) -> None:
        """Give the right up, when the file is closed."""
        _claims.discard(self.key)
        if self.lock_file is not None:
            self.lock_file.unlink(missing_ok=True)


def claim(path: Path, is_private: bool = False) -> Claim:
    """The claim on a file, made if it is missing, which is ours to write into and lock.

    A private one, at home, is locked by a file beside it where the disk has no locks: that a
    program on another computer has died can't be told from its working on.

    Raises
    ------
    InputError
        A link, a folder or a pipe; too large; open in this program; not to be written or locked;
        or with a journal that is not ours. A message without the file's name.
    """
    is_new = not os.path.lexists(path)
    if is_new:
        path.open("xb").close()
    try:
        return _claim(path, is_private)
    except BaseException:
        if is_new:
            path.unlink()
        raise


def _claim(path: Path, is_private: bool) -> Claim:
    status = path.lstat()
    key = status.st_dev, status.st_ino
    if key in _claims:
        raise InUse(IN_USE)
    _check_status(status)
    _check_journals(path, status)
    has_no_locks = _check_content(path)
    if has_no_locks and not is_private:
        raise InputError(f"cannot be locked on this disk ({has_no_locks})")
    lock_file = _locked_by_file(path) if has_no_locks else None
    _claims.add(key)
    return Claim(key, lock_file)


def _check_status(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise InputError("is a link, what is saved would lie elsewhere: put the file itself here")
    if not stat.S_ISREG(status.st_mode):
        raise InputError("is no file: rename or remove it")
    if status.st_nlink > 1:
        raise InputError("has a second name elsewhere (a hard link): put a copy in its place")
    if status.st_size > LARGEST_FILE:
        raise InputError(f"is larger than {LARGEST_FILE >> 30} GB: rename it to begin anew")


def _check_journals(path: Path, status: os.stat_result) -> None:
    """Refuse a journal that this program did not leave, and which SQLite would apply."""
    for suffix in ("-wal", "-shm", "-journal"):
        journal = path.with_name(path.name + suffix)
        if not os.path.lexists(journal):
            continue
        left = journal.lstat()
        is_ours = suffix == "-journal" and stat.S_ISREG(left.st_mode) and left.st_nlink == 1
        if not is_ours or left.st_uid != status.st_uid or _names_a_file(journal):
            raise InputError(f"has {journal.name} beside it, which is not ours: remove that")


def _names_a_file(journal: Path) -> bool:
    """Whether a journal names a further file, which SQLite would delete."""
    with journal.open("rb") as file:
        file.seek(max(0, journal.stat().st_size - len(_OF_SEVERAL_FILES)))
        return file.read() == _OF_SEVERAL_FILES


def _check_content(path: Path) -> str:
    """Why a file can't be locked, empty if it can; refuses one that SQLite keeps in another way."""
    handle = os.open(path, _FLAGS)
    try:
        header = os.read(handle, 20)
        if header[:16] == _MAGIC and header[18:20] != _ROLLBACK_JOURNAL:
            raise InputError("is another program's database: rename or move it")
        return _why_not_lock(handle)
    finally:
        os.close(handle)


def _why_not_lock(handle: int) -> str:
    if sys.platform == "win32":
        return ""
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)  # a byte that SQLite leaves alone
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):  # others ask the same just now
            return error.strerror or str(error)
    return ""


def _locked_by_file(path: Path) -> Path:
    """The file that locks another one: it says which program made it, and on which host."""
    lock_file = path.with_name(f"{path.name}.lock")
    if _was_left_behind(lock_file):
        lock_file.unlink()
    try:
        with lock_file.open("x", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {this_host()}")
    except FileExistsError as error:
        raise InUse(f"{IN_USE}; if there is none, remove {lock_file}") from error
    return lock_file


def _was_left_behind(lock_file: Path) -> bool:
    """Whether the program that made a lock has ended without removing it."""
    try:
        lock = _LOCK.fullmatch(lock_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return lock is not None and has_ended(int(lock[1]), lock[2])
