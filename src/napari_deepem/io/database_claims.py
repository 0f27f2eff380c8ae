"""Whether a database file is one that we may write into: checked before SQLite touches it.

SQLite follows links, rolls back whatever journal lies beside a file, and takes a disk without locks
for a file that is in use.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from threading import Lock

from napari_deepem.core.errors import InputError

LARGEST_FILE = 2**30  # bytes
IN_USE = "is open in another window: close it there, then open this folder again"

_MAGIC = b"SQLite format 3\0"
_ROLLBACK_JOURNAL = b"\1\1"  # where the header says how a file is written
_OF_SEVERAL_FILES = bytes.fromhex("d9d505f920a163d7")  # ends a journal that names one more file
_FLAGS = os.O_RDWR | sum(
    getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)

Claim = tuple[int, int]  # device and inode

claiming = Lock()  # held from the check of a file until SQLite has locked it
_claims: set[Claim] = set()  # of this program: to open such a file once more would free its lock


def claim(path: Path) -> Claim:
    """The claim on a file, made if it is missing, which is ours to write into and lock.

    Raises
    ------
    InputError
        A link, a folder or a pipe; too large; open in this program; not to be written or locked;
        or with a journal that is not ours. A message without the file's name.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        path.open("xb").close()
        status = path.lstat()
    key = status.st_dev, status.st_ino
    if key in _claims:
        raise InputError(IN_USE)
    _check_status(status)
    _check_journals(path, status)
    _check_content(path)
    _claims.add(key)
    return key


def release(key: Claim) -> None:
    """Give a claim up, when the file is closed."""
    _claims.discard(key)


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


def _check_content(path: Path) -> None:
    handle = os.open(path, _FLAGS)
    try:
        header = os.read(handle, 20)
        if header[:16] == _MAGIC and header[18:20] != _ROLLBACK_JOURNAL:
            raise InputError("is another program's database: rename or move it")
        _check_locks(handle)
    finally:
        os.close(handle)


def _check_locks(handle: int) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)  # a byte that SQLite leaves alone
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):  # others ask the same just now
            reason = error.strerror or error
            raise InputError(f"cannot be locked on this disk ({reason})") from error
