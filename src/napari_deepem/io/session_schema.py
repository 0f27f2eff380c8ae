"""The tables of a session file: a database that has any others is not ours."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

from napari_deepem.core.errors import InputError

APPLICATION_ID = 0x6465_656D  # "deem", as SQLite's header holds it
FORMAT_VERSION = 1
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);  -- JSON
CREATE TABLE points (
    micrograph TEXT NOT NULL,
    kind TEXT NOT NULL,  -- positive, negative, unsure, accepted, rejected, settled
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
"""  # which older versions leave alone, and do not make

LARGEST_VALUE = 2**28  # bytes
LONGEST_S = 5.0  # of work: waiting for a slow disk does not count

_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: LARGEST_VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
_COMMENT = re.compile(r"--[^\n]*")


@contextmanager
def distrusting(database: sqlite3.Connection) -> Iterator[None]:
    """A while in which a database is read that may hold anything.

    SQLite runs nothing that the file brings, believes no cell's size, takes no value above
    `LARGEST_VALUE`, and gives up (`sqlite3.OperationalError`) after `LONGEST_S`.
    """
    for category, limit in _LIMITS.items():
        database.setlimit(category, limit)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
        database.execute(f"PRAGMA {pragma}")
    end = thread_time() + LONGEST_S
    database.set_progress_handler(lambda: thread_time() > end, 10_000)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)


def make_tables(database: sqlite3.Connection) -> None:
    """Make the tables of a new session in an empty database."""
    for statement in SCHEMA.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def make_more_tables(database: sqlite3.Connection) -> None:
    """Make the tables that an older version did not know, where they are missing."""
    for statement in MORE_TABLES.split(";"):
        database.execute(statement)


def is_empty(database: sqlite3.Connection) -> bool:
    """Whether a database holds nothing at all yet."""
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (entries,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(application == 0 and entries == 0)


def check_tables(database: sqlite3.Connection) -> None:
    """Refuse a database that is not a session of this format, with our tables and no others.

    Raises
    ------
    InputError
        It is another program's, a newer version's, or has been tampered with; a message without
        the file's name.
    sqlite3.Error
        It is damaged.
    """
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise InputError("is another program's database: rename or move it")
    if version > FORMAT_VERSION:
        raise InputError(
            f"was written by a newer napari-deepem (format {version}, this one knows "
            f"{FORMAT_VERSION}): update it"
        )
    if _schema(database) not in _OUR_SCHEMAS:
        raise InputError("holds what no session of napari-deepem does: rename it to begin anew")
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(" ".join(str(verdict).split()))


def _schema(database: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    """All that a database says of its tables, indexes, views and triggers, comments left out."""
    entries = database.execute("SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_master")
    return frozenset(
        tuple(" ".join(_COMMENT.sub("", str(part)).split()) for part in entry)
        for entry in entries.fetchmany(100)
    )


def _our_schemas() -> tuple[frozenset[tuple[str, ...]], ...]:
    """What `_schema` gives of a file that the first version wrote, and of a file of today."""
    database = sqlite3.connect(":memory:")
    make_tables(database)
    first = _schema(database)
    make_more_tables(database)
    today = _schema(database)
    database.close()
    return first, today


_OUR_SCHEMAS = _our_schemas()
