"""A study's file: one line of JSON that says what it is of, and one for each training that ended.

The file is replaced as a whole, so a command that is killed leaves it as it was before a training
or after it. Two that tune at once share it: each adds to what it finds there, and writes its own
lines again with the next one, in case the other replaced the file in the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter

from napari_deepem.batch.tuning.search_space import is_in_space
from napari_deepem.core.errors import InputError
from napari_deepem.core.training.variants import Variant
from napari_deepem.io.atomic import replacing, writable_folder
from napari_deepem.io.declared_json import STRICT, Share, read_declared

FORMAT = "napari-deepem study"
FORMAT_VERSION = 1
OPTUNA_JOURNAL = b'"study_name":"napari-deepem tune"'  # in the first line of older ones
LARGEST_FILE = 16 * 2**20  # bytes: some 20 000 trials
MOST_TRIALS = 5000
NOT_OURS = "is not a study that tune wrote: give another file with --study"


def _to_be_tried(variant: Variant) -> Variant:
    if not is_in_space(variant):
        raise ValueError("no variant that tuning tries")
    return variant


Seconds = Annotated[float, Field(ge=0, le=1e9)]
Tried = Annotated[Variant, AfterValidator(_to_be_tried)]


class Head(BaseModel):
    """The first line."""

    model_config = STRICT

    format: Literal["napari-deepem study"]
    version: Annotated[int, Field(ge=1)]
    about: Annotated[dict[str, str], Field(max_length=100)]


class TrialLine(BaseModel):
    """A training of the search; the first is that of the default, and finished."""

    model_config = STRICT

    kind: Literal["trial"] = "trial"
    variant: Tried
    ap: Share | None  # None if it was not finished
    seconds: Seconds
    note: Annotated[str, Field(max_length=1000)] = ""  # why it was not finished
    is_bad: bool = False  # for it was no good, rather than for want of time
    box_aps: Annotated[list[Share], Field(max_length=10_000)] = []  # after each epoch


class RepeatLine(BaseModel):
    """A training by which a variant is set against others, on what this seed holds out."""

    model_config = STRICT

    kind: Literal["repeat"] = "repeat"
    variant: Tried
    seed: Annotated[int, Field(ge=0, le=2**63)]
    ap: Share
    unseen_ap: Share | None
    seconds: Seconds


Line = TrialLine | RepeatLine
HEAD: TypeAdapter[Head] = TypeAdapter(Head)
LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


@dataclass(frozen=True, eq=False, slots=True)
class StudyFile:
    """A study's file, and the lines that this command knows of, in their order."""

    path: Path
    head: bytes
    lines: list[bytes]

    @classmethod
    def open(cls, path: Path, about: Mapping[str, str]) -> StudyFile:
        """The file of a study of all this, written if it is not there or empty.

        Raises
        ------
        InputError
            It is something else, or a study of other data; then it is left alone.
        """
        content = _content(path)
        if not content:
            writable_folder(path.parent)
            values = {"format": FORMAT, "version": FORMAT_VERSION, "about": dict(about)}
            file = cls(path, json.dumps(values).encode(), [])
            file.add()
            return file
        head, *lines = content.split(b"\n")
        _check_head(path, head, about)
        return cls(path, head, [line for line in lines[:-1] if line])  # the last is cut short

    def read(self) -> list[Line]:
        """The lines.

        Raises
        ------
        InputError
            The file is damaged.
        """
        if len(self.lines) > 2 * MOST_TRIALS:
            raise InputError(f"{self.path} holds very many trials: give another file with --study")
        return [
            read_declared(LINE, line, damaged(self.path, f"line {n}: {{reason}}"))
            for n, line in enumerate(self.lines, start=2)
        ]

    def add(self, *lines: Line) -> None:
        """Keep lines, besides those that are there; InputError if the file can't be written."""
        self.lines.extend(line.model_dump_json().encode() for line in lines)
        first, *there = _content(self.path).split(b"\n")
        if first not in (b"", self.head):
            raise InputError(f"{self.path} was replaced by another file: give one with --study")
        merged = dict.fromkeys([*there[:-1], *self.lines])
        with replacing(self.path) as temporary:
            temporary.write_bytes(b"".join(line + b"\n" for line in (self.head, *merged) if line))


def _content(path: Path) -> bytes:
    """The content of a study's file; none where there is no file."""
    if not path.exists():
        return b""
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path} {NOT_OURS}")
    return path.read_bytes()


def _check_head(path: Path, head: bytes, about: Mapping[str, str]) -> None:
    """Raise InputError for what is no study that this program reads, or one of other data."""
    if OPTUNA_JOURNAL in head[:1000]:
        raise InputError(
            f"{path} is a study of an older version, which this one can't go on with: give another "
            "file with --study"
        )
    known = read_declared(HEAD, head, f"{path} {NOT_OURS}")
    if known.version != FORMAT_VERSION:
        raise InputError(f"{path} is a study of a newer version: update napari-deepem")
    for quantity, value in about.items():
        if known.about.get(quantity) != value:
            raise InputError(
                f"{path} is a study of {quantity} {known.about.get(quantity)}, this is {value}: "
                "give another file with --study"
            )


def damaged(path: Path, reason: str) -> str:
    """The refusal of a study that can't be gone on with."""
    return f"{path} is damaged ({reason}): give another file with --study"
