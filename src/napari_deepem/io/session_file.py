"""Session files: one SQLite database beside the micrographs, changed in small transactions.

Whatever happens to the program, what was committed is there. An open file is locked: a second
program is told, and changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates, FloatArray
from napari_deepem.io.atomic import writable_folder

SESSION_FILE = "napari-deepem.session"
APPLICATION_ID = 0x6465_656D  # "deem", as SQLite's header holds it
FORMAT_VERSION = 1
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);  -- JSON
CREATE TABLE points (
    micrograph TEXT NOT NULL,
    kind TEXT NOT NULL,  -- positive, negative, unsure, accepted, rejected
    centres_yx BLOB NOT NULL,  -- (n, 2) float64, little-endian, original pixels
    PRIMARY KEY (micrograph, kind)
);
CREATE TABLE candidates (
    micrograph TEXT PRIMARY KEY,
    centres_yx BLOB NOT NULL,  -- (n, 2) float64
    scores BLOB NOT NULL,  -- (n,) float64
    stds BLOB NOT NULL,  -- (n,) float64
    box_size_px INTEGER NOT NULL
);
CREATE TABLE model (content BLOB NOT NULL);  -- a model file, at most one
"""
MORE_TABLES = """
CREATE TABLE IF NOT EXISTS files (micrograph TEXT PRIMARY KEY, file TEXT NOT NULL);  -- its name
CREATE TABLE IF NOT EXISTS scored_files (  -- those that the candidates are of
    micrograph TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL
)
"""  # which older versions leave alone

Points = Mapping[str, FloatArray]  # by kind
Stamp = tuple[int, int]  # of a file: its size in bytes, and when it was changed, ns


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """The content of a session file, or what of it changes."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    points: Mapping[str, Points] = field(default_factory=dict)  # by micrograph
    candidates: Mapping[str, Candidates | None] = field(default_factory=dict)  # None: no more
    model: bytes | None = None  # a model file; empty: no more; None: none, or as it was
    files: Mapping[str, str] = field(default_factory=dict)  # file name by micrograph
    scored_files: Mapping[str, Stamp] = field(default_factory=dict)  # by micrograph


class SessionFile:
    """An open session file; nobody else can open it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Open a file, or make a new one.

        Raises
        ------
        InputError
            It is open elsewhere, damaged, of a newer version, something else, or can't be written.
            Then it is left as it was.
        """
        self.path = path
        self._busy, self._closed = Lock(), False
        try:
            # one thread at a time, though not always the same one
            self._database = sqlite3.connect(
                path, timeout=0.2, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise InputError(_reason(path, error)) from error
        try:
            self._claim()
        except sqlite3.Error as error:
            self.close()
            raise InputError(_reason(path, error)) from error
        except InputError:
            self.close()
            raise

    def read(self) -> Stored:
        """The content of the file, all of it.

        Raises
        ------
        InputError
            The file is damaged.
        """
        try:
            return self._read()
        except (sqlite3.Error, ValueError) as error:
            raise InputError(_reason(self.path, error)) from error

    def write(self, changes: Stored) -> None:
        """Write what has changed, all of it or nothing; into a closed file nothing.

        Raises
        ------
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

    def _claim(self) -> None:
        ask = self._database.execute
        ask("PRAGMA locking_mode = EXCLUSIVE")
        ask("BEGIN EXCLUSIVE")
        (application,) = ask("PRAGMA application_id").fetchone()
        (version,) = ask("PRAGMA user_version").fetchone()
        (tables,) = ask("SELECT count(*) FROM sqlite_master").fetchone()
        if application == 0 and tables == 0:
            for statement in SCHEMA.split(";"):
                ask(statement)
            ask(f"PRAGMA application_id = {APPLICATION_ID}")
            ask(f"PRAGMA user_version = {FORMAT_VERSION}")
        elif application != APPLICATION_ID:
            raise InputError(f"{self.path} is another program's database: rename or move it")
        elif version > FORMAT_VERSION:
            raise InputError(
                f"{self.path} was written by a newer napari-deepem (format {version}, this one "
                f"knows {FORMAT_VERSION}): update it; until then nothing is saved"
            )
        for statement in MORE_TABLES.split(";"):
            ask(statement)
        ask("COMMIT")  # the lock stays, because of the locking mode

    def _read(self) -> Stored:
        ask = self._database.execute
        points: dict[str, dict[str, FloatArray]] = {}
        for micrograph, kind, centres_yx in ask("SELECT * FROM points"):
            points.setdefault(micrograph, {})[kind] = _numbers(centres_yx).reshape(-1, 2)
        candidates = {
            micrograph: Candidates(
                _numbers(centres_yx).reshape(-1, 2), _numbers(scores), _numbers(stds), box_size_px
            )
            for micrograph, centres_yx, scores, stds, box_size_px in ask("SELECT * FROM candidates")
        }
        model = ask("SELECT content FROM model").fetchone()
        settings = {n: json.loads(value) for n, value in ask("SELECT * FROM settings")}
        files = dict(ask("SELECT * FROM files").fetchall())
        scored = {n: (size, mtime_ns) for n, size, mtime_ns in ask("SELECT * FROM scored_files")}
        return Stored(settings, points, candidates, model and model[0], files, scored)

    def _commit(self, changes: Stored) -> None:
        try:
            self._database.execute("BEGIN")
            self._write(changes)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise InputError(_reason(self.path, error)) from error

    def _write(self, changes: Stored) -> None:
        ask, many = self._database.execute, self._database.executemany
        many(
            "INSERT OR REPLACE INTO settings VALUES (?, ?)",
            [(name, json.dumps(value)) for name, value in changes.settings.items()],
        )
        many("INSERT OR REPLACE INTO files VALUES (?, ?)", list(changes.files.items()))
        many("DELETE FROM scored_files WHERE micrograph = ?", [(n,) for n in changes.candidates])
        many(
            "INSERT INTO scored_files VALUES (?, ?, ?)",
            [(name, *stamp) for name, stamp in changes.scored_files.items()],
        )
        many("DELETE FROM points WHERE micrograph = ?", [(name,) for name in changes.points])
        many("INSERT INTO points VALUES (?, ?, ?)", _point_rows(changes.points))
        many("DELETE FROM candidates WHERE micrograph = ?", [(n,) for n in changes.candidates])
        many(
            "INSERT INTO candidates VALUES (?, ?, ?, ?, ?)",
            [
                (n, _bytes(c.centres_yx), _bytes(c.scores), _bytes(c.stds), c.box_size_px)
                for n, c in changes.candidates.items()
                if c is not None
            ],
        )
        if changes.model is not None:
            ask("DELETE FROM model")
            if changes.model:
                ask("INSERT INTO model VALUES (?)", (changes.model,))


def home_of(folder: Path) -> Path:
    """The folder at home that stands for a folder of micrographs that can't be written into."""
    code = sha256(str(folder).encode()).hexdigest()[:8]
    return Path.home() / "napari-deepem" / f"{folder.name}-{code}"


def place_of(folder: Path) -> Path:
    """The folder for what is kept of a folder of micrographs: the same, or else one at home.

    Raises
    ------
    InputError
        Neither can be written into.
    """
    try:
        return writable_folder(folder)
    except InputError:
        pass
    try:
        return writable_folder(home_of(folder))
    except InputError as error:
        raise InputError(f"{folder} can't be written into, nor can your home: {error}") from error


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file, unlike that of another in its place; None where it can't be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _point_rows(points: Mapping[str, Points]) -> Iterable[tuple[str, str, bytes]]:
    for micrograph, kinds in points.items():
        for kind, centres_yx in kinds.items():
            if len(centres_yx):
                yield micrograph, kind, _bytes(centres_yx)


def _bytes(numbers: FloatArray) -> bytes:
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()


def _numbers(content: bytes) -> FloatArray:
    return np.frombuffer(content, "<f8").astype(np.float64)


def _reason(path: Path, error: Exception) -> str:
    """The reason, in one line, why a session file can't be used."""
    text = str(error)
    if "locked" in text:
        return f"{path} is open in another window: close it there; until then nothing is saved here"
    if "full" in text:
        return f"{path} cannot be written, the disk is full: make room; until then nothing is saved"
    if "readonly" in text or "unable to open" in text:
        return f"{path} cannot be written: check the rights; until then nothing is saved"
    if isinstance(error, sqlite3.OperationalError):
        return f"{path} cannot be used ({text}): until that is mended nothing is saved"
    return f"{path} is damaged ({text}): rename it to begin anew; until then nothing is saved"
