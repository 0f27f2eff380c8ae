"""Changes to files that random bytes would hardly hit upon."""

from __future__ import annotations

import json
import random
import sqlite3
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, -(10**30), 1e308, 1e6, 0.5, -0.0,
    float("nan"), float("inf"), "", "x", "../x", "/x", "a" * 5000, "\0", "\udcff", [], [[]], {},
    [0, 2, 2], [12000, 12000, 24], [1e300], {"x": 1}, [[1, 2], [3]], [["1", "2"]],
)  # fmt: skip
ODD_WORDS = (
    b"nan", b"-inf", b"1e400", b"9" * 400, b"1_0", b"0x10", b"True", b"\xd9\xa3", b"#", b'"', b"'",
    b"", b"\0", b"_rlnCoordinateX", b"loop_", b"data_", b"data_optics", b"# coding: hex",
    b"M/a#1.mrc", b"\xef\xbb\xbf", b"\xff\xfe", b"\r", b"../m.mrc", b"a" * 140_000,
)  # fmt: skip
SQL_VALUES = (
    "NULL", "0", "-1", "1e300", "'x'", "''", "'../x/y'", "'/tmp/x'", "x''", "x'00'", "zeroblob(16)",
    "zeroblob(30000000)", "9223372036854775807", "'{\"a\": [1e999]}'", "'\"x\"'", "'[]'", "'null'",
    "replace(hex(zeroblob(20000)), '00', '[')", "CAST(x'ff' AS TEXT)", "x'000000000000f87f'",
)  # fmt: skip
SQL_STATEMENTS = (
    "DROP TABLE {table}",
    "DELETE FROM {table}",
    "ALTER TABLE {table} RENAME COLUMN {column} TO other",
    "ALTER TABLE {table} ADD COLUMN other",
    "CREATE TRIGGER t AFTER INSERT ON {table} BEGIN DELETE FROM points; END",
    "CREATE VIEW v AS SELECT * FROM {table}",
    "CREATE INDEX i ON {table} ({column})",
    "DROP TABLE {table}; CREATE VIEW {table} AS WITH RECURSIVE c(x) AS "
    "(SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS {column} FROM c",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 7",
    "INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
    "INSERT OR REPLACE INTO settings VALUES ({value}, {value})",
    "INSERT OR REPLACE INTO files VALUES ({value}, {value})",
    "INSERT OR REPLACE INTO points VALUES ({value}, 'positive', {value})",
)


def none(content: bytes, chance: random.Random) -> None:
    """No mutation but libFuzzer's own."""


def words(content: bytes, chance: random.Random) -> bytes:
    """A word of a table replaced, a line doubled, or two lines exchanged."""
    lines = content.split(b"\n")
    row = chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        lines.insert(row, lines[chance.randrange(len(lines))])
    elif kind == 1:
        other = chance.randrange(len(lines))
        lines[row], lines[other] = lines[other], lines[row]
    else:
        parts = lines[row].split(b" ")
        parts[chance.randrange(len(parts))] = chance.choice(ODD_WORDS)
        lines[row] = b" ".join(parts)
    return b"\n".join(lines)


def json_text(content: bytes, chance: random.Random) -> bytes | None:
    """One value of JSON text replaced, left out, or nested."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return json.dumps(_changed(value, chance), default=str).encode("utf-8", "replace")


def json_line(content: bytes, chance: random.Random) -> bytes | None:
    """One of several lines of JSON changed, as `json_text` does."""
    lines = content.split(b"\n")
    row = chance.randrange(len(lines))
    changed = json_text(lines[row], chance)
    return None if changed is None else b"\n".join((*lines[:row], changed, *lines[row + 1 :]))


def safetensors(content: bytes, chance: random.Random) -> bytes | None:
    """A value of a safetensors header replaced: in its JSON metadata, or of a tensor's entry."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        metadata = header["__metadata__"]
    except (struct.error, ValueError, KeyError, TypeError, RecursionError):
        return None
    key = chance.choice(sorted(header))
    if key == "__metadata__" or chance.random() < 0.7:
        key = chance.choice(sorted(metadata))
        text = json_text(metadata[key].encode(), chance)
        metadata[key] = "{}" if text is None else text.decode()
    else:
        header[key] = _changed(header[key], chance)
    text = json.dumps(header, default=str).encode("utf-8", "replace")
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def score_map(content: bytes, chance: random.Random) -> bytes | None:
    """As `safetensors`, with the right sum of what it holds."""
    changed = safetensors(content, chance)
    if changed is None:
        return None
    (length,) = struct.unpack("<Q", changed[:8])
    try:
        header = json.loads(changed[8 : 8 + length])
        metadata = header["__metadata__"]
        body = changed[8 + length :]
        grids = (body[slice(*header[name]["data_offsets"])] for name in ("scores", "stds"))
        content = b"".join((metadata["score_map"].encode(), *grids))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return changed
    metadata["crc32"] = str(zlib.crc32(content))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def database(content: bytes, chance: random.Random) -> bytes | None:
    """A statement on an SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session"
        path.write_bytes(content)
        database = sqlite3.connect(path, isolation_level=None)
        try:
            database.executescript("PRAGMA writable_schema=ON; PRAGMA journal_mode=DELETE")
            rows = database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
            table = chance.choice(rows)[0]
            columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
            names = {"table": table, "column": chance.choice(columns)[1]}
            statement = "UPDATE {table} SET {column} = {value}"
            if chance.random() < 0.3:
                statement = chance.choice(SQL_STATEMENTS)
            database.executescript(statement.format(value=chance.choice(SQL_VALUES), **names))
        except (sqlite3.Error, IndexError, UnicodeError):
            return None
        finally:
            database.close()
        return path.read_bytes()


def _changed(value: Any, chance: random.Random) -> Any:
    """A JSON value in which something, at any depth, is another."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(keys)
        copy = value.copy()
        if chance.random() < 0.15:
            del copy[key]
        else:
            copy[key] = _changed(value[key], chance)
        return copy
    return chance.choice((*ODD_VALUES, [value], str(value)))
