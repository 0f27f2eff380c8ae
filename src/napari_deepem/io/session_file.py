"""Session files: one SQLite database beside the micrographs, changed in small transactions.

Whatever happens to the program, what was committed is there. An open file is locked: a second
program is told, and changes nothing.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from pathlib import Path
from threading import Lock

from napari_deepem.core.errors import InputError
from napari_deepem.io import database_claims
from napari_deepem.io.database_claims import IN_USE, LARGEST_FILE, InUse
from napari_deepem.io.file_stamps import stamp_of
from napari_deepem.io.session_content import (
    Points,
    Stored,
    copy_database,
    read_content,
    write_content,
)
from napari_deepem.io.session_schema import (
    check_tables,
    distrusting,
    is_empty,
    make_more_tables,
    make_tables,
)
from napari_deepem.io.temporary_names import temporary_path

__all__ = [
    "NOTHING_SAVED",
    "InUse",
    "Points",
    "Replaced",
    "SessionFile",
    "Stored",
    "look_into",
]

# Python 3.11's sqlite3 decodes SQLite's own messages, which may quote a damaged file, strictly
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
NOTHING_SAVED = "until then nothing is saved"


PUT_BACK = "was removed while it was open, and is there again: to begin anew, remove it once closed"


class Replaced(InputError):
    """A session file in whose place is another one, or none, or one that was changed by others."""

    def __init__(self, path: Path, how: str = "was replaced or changed by another program") -> None:
        super().__init__(f"{path} {how}")
        self.path = path


class SessionFile:
    """An open session file; nobody else can open it meanwhile."""

    def __init__(self, path: Path, is_private: bool = False) -> None:
        """Open a file, or make a new one; a private one is at home, see `database_claims.claim`.

        Raises
        ------
        InUse
            It is open elsewhere.
        InputError
            It is damaged, of a newer version, something else, or can't be written
            or locked. Then it is left as it was.
        """
        self.path, self._is_private = path, is_private
        self._remark = ""
        self._busy, self._closed = Lock(), False
        with database_claims.claiming:
            try:
                self._claim = database_claims.claim(path, is_private)
                try:
                    self._database = self._open()
                    self._left = _identity_of(path)
                except BaseException:
                    self._claim.release()
                    raise
            except (*DATABASE_ERRORS, OSError, InputError) as error:
                is_in_use = isinstance(error, InUse) or "locked" in str(error)
                kind = InUse if is_in_use else InputError
                raise kind(_reason(path, error)) from error

    def read(self) -> Stored:
        """The content of the file, all of it.

        Raises
        ------
        InputError
            The file is damaged, or somebody has tampered with it.
        """
        try:
            with self._busy, distrusting(self._database):
                return read_content(self._database)
        except (sqlite3.Error, ValueError) as error:
            raise InputError(_reason(self.path, error)) from error

    def write(self, changes: Stored) -> None:
        """Write what has changed, all of it or nothing; into a closed file nothing.

        A file that was removed meanwhile is put back first, see `take_remark`.

        Raises
        ------
        Replaced
            Another program has put another file in its place, or changed it: that is left alone.
            Or it was removed, and can't be put back.
        InputError
            The disk is full, or the file can't be written any more.
        """
        with self._busy:
            if not self._closed:  # by its owner, who has written all that there was
                self._commit(changes)

    def close(self, last: Stored | None = None) -> None:
        """Write what has changed, then let others open the file.

        No other write comes in between: one that waits holds what was there before.

        Raises
        ------
        InputError
            As `write`; the file is closed all the same.
        """
        with self._busy:
            try:
                if last is not None and not self._closed:
                    self._commit(last)
            finally:
                self._closed = True
                self._database.close()
                self._claim.release()

    def take_remark(self) -> str:
        """What has happened to the file that its owner should know, said once; else empty."""
        remark, self._remark = self._remark, ""
        return remark

    def _open(self) -> sqlite3.Connection:
        """The database, locked, with our tables and nothing else."""
        # one thread at a time, though not always the same one
        address = self.path.absolute().as_uri()
        if self._claim.lock_file is not None:
            address += "?nolock=1"
        database = sqlite3.connect(
            address, timeout=0.2, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            with distrusting(database):
                database.execute("PRAGMA locking_mode = EXCLUSIVE")
                database.execute("BEGIN EXCLUSIVE")
                if is_empty(database):
                    make_tables(database)
                check_tables(database)
                database.execute("COMMIT")  # the lock stays, because of the locking mode
        except BaseException:
            database.close()
            raise
        return database

    def _commit(self, changes: Stored) -> None:
        if not os.path.lexists(self.path):  # what is written into it now, nobody finds
            self._put_back()
        if _identity_of(self.path) != self._left:
            raise Replaced(self.path)
        database = self._database
        try:
            database.execute("BEGIN")
            make_more_tables(database)
            write_content(database, changes)
            database.execute("COMMIT")
        except DATABASE_ERRORS as error:
            raise InputError(f"{_reason(self.path, error)}; {NOTHING_SAVED}") from error
        finally:  # whatever went wrong: what stays open would keep all later changes out
            if database.in_transaction:
                database.execute("ROLLBACK")
            # whose file it is was known before: another may lie there since this change was made
            self._left = self._left[:2] + _identity_of(self.path)[2:]

    def _put_back(self) -> None:
        """Write a file that was removed once more: while it is open, its content is still there."""
        try:
            with database_claims.claiming, temporary_path(self.path.parent) as temporary:
                copy_database(self._database, temporary)
                self._database.close()  # which removes what lies beside the path, too
                self._claim.release()
                temporary.rename(self.path)
                self._claim = database_claims.claim(self.path, self._is_private)
                self._database = self._open()
                self._left = _identity_of(self.path)
        except (*DATABASE_ERRORS, OSError, InputError) as error:
            raise Replaced(self.path, f"was removed, and can't be put back ({error})") from error
        self._remark = f"{self.path} {PUT_BACK}"


def _identity_of(path: Path) -> tuple[int, ...]:
    """What tells a file from another one in its place, or from itself after a change.

    It is not read: to close it again would free SQLite's lock. Windows lets nobody replace an open
    file, and tells late when it was changed.
    """
    if sys.platform == "win32":
        return ()
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def is_free(path: Path) -> bool:
    """Whether a session file is open in no window, so that it can be opened here; not kept open.

    One that is gone is not: the window that has it open still holds what was in it.
    """
    if not os.path.lexists(path):
        return False
    try:
        SessionFile(path).close()
    except InUse:
        return False
    except InputError:  # who opens it is told
        return True
    return True


def is_being_written(path: Path) -> bool:
    """Whether a window is in the middle of a change: SQLite empties the journal at its end."""
    try:
        with path.with_name(f"{path.name}-journal").open("rb") as journal:
            return any(journal.read(8))
    except OSError:
        return False


def look_into(path: Path) -> Stored:
    """The content of a session file that can't be opened, as another window has it; not locked.

    Raises
    ------
    InputError
        There is no such file, or none that can be read, or it is being written just now.
    """
    try:
        while True:
            stamp = stamp_of(path)
            stored = _content_as_it_lies(path)
            if stamp == stamp_of(path):  # or it was written meanwhile
                return stored
    except (sqlite3.Error, OSError, ValueError) as error:
        raise InputError(_reason(path, error)) from error


def _content_as_it_lies(path: Path) -> Stored:
    """The content of a file for which no lock is asked, and to which no journal is applied."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
        raise InputError("is no file that can be read")
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    database = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        with distrusting(database):
            check_tables(database)
            return read_content(database)
    finally:
        database.close()


def _reason(path: Path, error: Exception) -> str:
    """The reason, in one line, why a session file can't be used."""
    text = str(error)
    if isinstance(error, InputError):
        return f"{path} {text}"
    if "locked" in text:
        return f"{path} {IN_USE}"
    if "full" in text:
        return f"{path} cannot be written, the disk is full: make room"
    if isinstance(error, OSError):
        return f"{path} cannot be written ({error.strerror or error}): check the rights"
    if "readonly" in text or "unable to open" in text:
        return f"{path} cannot be written: check the rights"
    if "interrupted" in text:
        return f"{path} takes too long to read: rename it to begin anew"
    if isinstance(error, sqlite3.OperationalError) and "decode" not in text:
        return f"{path} cannot be used ({text})"
    return f"{path} is damaged ({text}): rename it to begin anew"
