"""The content of a session file, checked as it is read: what comes out of here is trusted."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypeVar

import numpy as np
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates, FloatArray
from napari_deepem.io.declared_json import STRICT, FileName, Share, read_declared
from napari_deepem.io.file_stamps import Stamp

T = TypeVar("T")
Points = Mapping[str, FloatArray]  # by kind


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """The content of a session file, or what of it changes."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    points: Mapping[str, Points] = field(default_factory=dict)  # by micrograph
    candidates: Mapping[str, Candidates | None] = field(default_factory=dict)  # None: no more
    model: bytes | None = None  # a model file; empty: no more; None: none, or as it was
    files: Mapping[str, str] = field(default_factory=dict)  # file name by micrograph
    scored_files: Mapping[str, Stamp] = field(default_factory=dict)  # by micrograph
    # names of settings, or of tables with rows, that can't be read: those are left out
    damaged: tuple[str, ...] = ()


MOST_MICROGRAPHS = 200_000
LARGEST_BOX_PX = 100_000
LARGEST_NUMBER = 1e7  # of a position, px, a score or a standard deviation
LONGEST_SETTINGS = 2**23  # letters, of all together: JSON takes many times that in memory

EXCLUDED = "excluded"  # the one setting that is work of the user's, as points are

Kind = Literal["positive", "negative", "unsure", "accepted", "rejected", "settled"]
Count = Annotated[int, Field(ge=0, lt=2**63)]


@with_config(ConfigDict(strict=True, allow_inf_nan=False))  # a later version may say more
class _Round(TypedDict):
    """A training, see `session.training_rounds`."""

    number: Count
    start: Literal["new", "anew", "weights", "file"]
    particles: Count
    negatives: Count
    micrographs: Count
    epochs: Count
    ap: Share | None
    on_border: NotRequired[Count]
    ap_before: NotRequired[Share | None]


@with_config(ConfigDict(strict=True, allow_inf_nan=False))
class _Display(TypedDict, total=False):
    """The view of micrographs, see `session.display`."""

    filtered: bool
    low_pass_angstrom: Count | None
    high_pass_angstrom: Count
    contrast: dict[FileName, tuple[float, float]]


_SETTINGS: Mapping[str, TypeAdapter[Any]] = {
    "excluded": TypeAdapter(list[FileName], config=STRICT),
    "current": TypeAdapter(FileName | None, config=STRICT),
    "display": TypeAdapter(_Display),
    "rounds": TypeAdapter(list[_Round]),
}
_OTHER_SETTING = TypeAdapter[Any](JsonValue, config=STRICT)

# the rows of the tables, and how many there may be
_TABLES: Mapping[str, tuple[TypeAdapter[Any], int]] = {
    "settings": (TypeAdapter(tuple[str, str]), 1000),
    "points": (TypeAdapter(tuple[FileName, Kind, bytes]), 6 * MOST_MICROGRAPHS),
    "candidates": (
        TypeAdapter(
            tuple[FileName, bytes, bytes, bytes, Annotated[int, Field(ge=1, le=LARGEST_BOX_PX)]],
        ),
        MOST_MICROGRAPHS,
    ),
    "model": (TypeAdapter(tuple[bytes]), 1),
    "files": (TypeAdapter(tuple[FileName, str | bytes]), MOST_MICROGRAPHS),
    "scored_files": (TypeAdapter(tuple[FileName, Count, int]), MOST_MICROGRAPHS),
}


def read_content(database: sqlite3.Connection) -> Stored:
    """The content of a database whose tables are ours, see `session_schema.check_tables`.

    What is damaged and no work of the user's hands, as how micrographs are shown or what can be
    scored again, is left out and named in `Stored.damaged`: no label is to be lost for it.

    Raises
    ------
    InputError, ValueError
        What the user made is not of the type, shape or range that it should be; a message without
        the file's name.
    sqlite3.Error
        The file is damaged.
    """
    points: dict[str, dict[str, FloatArray]] = {}
    for micrograph, kind, centres_yx in _rows(database, "points"):
        points.setdefault(micrograph, {})[kind] = _numbers(centres_yx, 2)
    files = {name: os.fsdecode(file) for name, file in _rows(database, "files")}
    (letters,) = database.execute("SELECT total(length(value)) FROM settings").fetchone()
    if letters > LONGEST_SETTINGS:
        raise ValueError(f"{letters:.0f} letters of settings")
    damaged: list[str] = []
    settings = dict(_readable(database, "settings", _setting, damaged))
    candidates = dict(_readable(database, "candidates", _candidates, damaged))
    stamps = dict(_readable(database, "scored_files", _stamp, damaged))
    model = next(_readable(database, "model", bytes, damaged), None)
    if "scored_files" in damaged:  # whether candidates are of the files that there are is not known
        candidates, stamps = {}, {}
    once = tuple(dict.fromkeys(damaged))
    return Stored(settings, points, candidates, model, files, stamps, once)


def write_content(database: sqlite3.Connection, changes: Stored) -> None:
    """Write what has changed, within a transaction."""
    ask, many = database.execute, database.executemany
    many(
        "INSERT OR REPLACE INTO settings VALUES (?, ?)",
        [(name, json.dumps(value, allow_nan=False)) for name, value in changes.settings.items()],
    )
    many(
        "INSERT OR REPLACE INTO files VALUES (?, ?)",
        [(name, _file_name(file)) for name, file in changes.files.items()],
    )
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


def copy_database(database: sqlite3.Connection, path: Path) -> None:
    """Make a database file that holds what another one does, whose own file may be gone."""
    copy = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None)
    try:
        database.backup(copy)
    finally:
        copy.close()


def _rows(database: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that holds work of the user's: all of them are to be right."""
    for row in _unchecked_rows(database, table):
        try:
            yield _checked(table, row)
        except ValidationError as error:
            reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise ValueError(f"{table}: {reason}") from error


def _readable(
    database: sqlite3.Connection, table: str, read: Callable[..., T], damaged: list[str]
) -> Iterator[T]:
    """What `read` makes of the rows of a table; what can't be read is named in `damaged`."""
    for row in _unchecked_rows(database, table):
        try:
            value = read(*_checked(table, row))
        except (InputError, ValueError):
            name = str(row[0])[:20] if table == "settings" else table
            if name == EXCLUDED:
                raise
            damaged.append(name)
        else:
            yield value


def _unchecked_rows(database: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
        return  # a version that did not know it wrote the file
    (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    if count > (most := _TABLES[table][1]):
        raise ValueError(f"{count} rows of {table}, {most} at most were written")
    yield from database.execute(f"SELECT * FROM {table}")


def _checked(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    checked: tuple[Any, ...] = _TABLES[table][0].validate_python(row, strict=True)
    return checked


def _setting(name: str, text: str) -> tuple[str, Any]:
    refusal = f"is damaged (setting {name[:20]!r}: {{reason}}): rename it to begin anew"
    return name, read_declared(_SETTINGS.get(name, _OTHER_SETTING), text, refusal)


def _candidates(
    name: str, centres_yx: bytes, scores: bytes, stds: bytes, box_size_px: int
) -> tuple[str, Candidates]:
    columns = _numbers(centres_yx, 2), _numbers(scores, 1)[:, 0], _numbers(stds, 1)[:, 0]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("candidates: not as many scores as positions")
    return name, Candidates(*columns, box_size_px)


def _stamp(name: str, size: int, time: int) -> tuple[str, Stamp]:
    return name, (size, time)


def _numbers(content: bytes, columns: int) -> FloatArray:
    """(n, columns) float64, finite and no larger than anything that is measured in pixels."""
    if len(content) % (8 * columns):
        raise ValueError(f"{len(content)} bytes are no rows of {columns} numbers")
    numbers = np.frombuffer(content, "<f8").astype(np.float64).reshape(-1, columns)
    if not (np.abs(numbers) <= LARGEST_NUMBER).all():  # nor for NaN
        raise ValueError("a position or a score is not a number, or none that there can be")
    return numbers


def _point_rows(points: Mapping[str, Points]) -> Iterable[tuple[str, str, bytes]]:
    for micrograph, kinds in points.items():
        for kind, centres_yx in kinds.items():
            if len(centres_yx):
                yield micrograph, kind, _bytes(centres_yx)
        if not any(map(len, kinds.values())):  # which tells no labels from labels never touched
            yield micrograph, "positive", b""


def _bytes(numbers: FloatArray) -> bytes:
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()


def _file_name(name: str) -> str | bytes:
    """The name of a file as SQLite takes it: text, or the bytes of what is no UTF-8."""
    try:
        name.encode()
        return name
    except UnicodeEncodeError:
        return os.fsencode(name)
