"""The records of a run that picks: of each micrograph one file, which holds all its candidates.

A record is written before the coordinate files that are made from it. So whoever goes on with a run
knows which files are its own, and picks anew, with other criteria too, without scoring. It is one
file a micrograph: any number of runs may write into a folder at once, on network disks too.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
)
from safetensors import SafetensorError, safe_open

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Candidates
from napari_deepem.io.atomic import replacing
from napari_deepem.io.declared_json import STRICT, read_declared
from napari_deepem.io.file_stamps import ContentStamp
from napari_deepem.io.model_summary import Mixture
from napari_deepem.io.run_places import RUN
from napari_deepem.io.tensor_files import read_metadata, tensor_bytes

SUFFIX = ".picked"
LARGEST_HEADER = 100_000  # bytes: a record of ours has some 1000
MOST_CANDIDATES = 10_000_000  # of a micrograph
_DTYPES = {"centres_yx": np.float64, "scores": np.float64, "stds": np.float64}
_DESCRIPTION, _CHECKSUM = "record", "crc32"  # entries of a file's metadata


def _stays_inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ValueError("is not the name of a file in the folder")
    return name


def _can_be_path(path: str) -> str:
    if "\0" in path:
        raise ValueError("is no path")
    return path


RelativeName = Annotated[str, Field(max_length=1000), AfterValidator(_stays_inside)]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Text = Annotated[str, Field(max_length=10_000)]


class Criteria(BaseModel):
    """What was picked by, as `PickCriteria` has it."""

    model_config = STRICT

    threshold: Annotated[float, Field(ge=0, le=1)]
    std_range: tuple[float, float] | None
    min_distance_px: Annotated[float, Field(ge=0, le=1e6)] | None
    mixture: Mixture | None = None  # which older records lack

    @model_serializer(mode="wrap")
    def _as_before(self, values_of: SerializerFunctionWrapHandler) -> dict[str, object]:
        """The values, without a mixture that is None: as older versions wrote them."""
        values: dict[str, object] = values_of(self)
        if self.mixture is None:
            del values["mixture"]
        return values


class Described(BaseModel):
    """All that is known of a micrograph of a run, but for its candidates."""

    model_config = STRICT

    state: Literal["picked", "failed"]
    path: Annotated[Text, AfterValidator(_can_be_path)]  # of the micrograph, absolute
    stamp: ContentStamp | None  # of its file
    scorer: Text  # what has scored it: a model, at a step
    criteria: Criteria
    options: dict[Text, Text] = {}  # of the formats
    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    pixel_size: Positive | None = None  # A/px
    box_size_px: Annotated[int, Field(ge=1, le=100_000)] | None = None
    n_picks: Annotated[int, Field(ge=0)] = 0
    files: tuple[RelativeName, ...] = ()  # that were made of it, from the folder of the picks on
    whole_files: tuple[RelativeName, ...] = ()  # that were made of it and of all others
    remark: Text | None = None  # what looks odd about it, or why it failed

    def agrees_with(self, other: Described | None) -> bool:
        """Whether the same is picked by the other one: of the same file, by the same criteria."""
        return other is not None and self._basis == other._basis

    @property
    def _basis(self) -> tuple[object, ...]:
        return self.state, self.stamp, self.scorer, self.criteria, self.options


_DESCRIBED = TypeAdapter(Described)


@dataclass(frozen=True, eq=False, slots=True)
class PickRecord:
    """The record of one micrograph of a run."""

    described: Described
    candidates: Candidates | None  # None where it failed


def record_path(folder: Path, name: str) -> Path:
    """The path of a micrograph's record in the folder that its picks are in."""
    return folder / RUN / f"{name}{SUFFIX}"


def write_record(folder: Path, name: str, record: PickRecord) -> None:
    """Write the record of a micrograph; InputError if that is impossible."""
    candidates = record.candidates
    tensors = {
        column: np.ascontiguousarray(getattr(candidates, column), dtype=dtype)
        for column, dtype in _DTYPES.items()
        if candidates is not None
    }
    text = json.dumps(record.described.model_dump(mode="json"), sort_keys=True)
    metadata = {_DESCRIPTION: text, _CHECKSUM: _checksum(text, tensors)}
    content = tensor_bytes(tensors, metadata)
    with replacing(record_path(folder, name)) as temporary:
        temporary.write_bytes(content)


def read_description(folder: Path, name: str) -> Described | None:
    """What a record says without its candidates; None without one, or if it is damaged."""
    try:
        metadata = read_metadata(record_path(folder, name), LARGEST_HEADER)
        return read_declared(_DESCRIBED, metadata.get(_DESCRIPTION, ""), "{reason}")
    except (OSError, SafetensorError, InputError):
        return None


def read_record(folder: Path, name: str) -> PickRecord | None:
    """The record of a micrograph, with its candidates; None without one, or if it is damaged."""
    described = read_description(folder, name)
    if described is None:
        return None
    if described.state == "failed":
        return PickRecord(described, None)
    try:
        with safe_open(record_path(folder, name), framework="np") as file:
            metadata = file.metadata() or {}
            columns = {column: file.get_slice(column) for column in _DTYPES}
            shape = columns["centres_yx"].get_shape()
            if len(shape) != 2 or shape[1] != 2 or shape[0] > MOST_CANDIDATES:
                return None
            if any(each.get_dtype() != "F64" for each in columns.values()):
                return None
            tensors = {column: file.get_tensor(column) for column in _DTYPES}
    except (OSError, SafetensorError):
        return None
    if metadata.get(_CHECKSUM) != _checksum(metadata.get(_DESCRIPTION, ""), tensors):
        return None
    if described.box_size_px is None or any(
        len(each) != shape[0] or not np.isfinite(each).all() for each in tensors.values()
    ):
        return None
    return PickRecord(described, Candidates(**tensors, box_size_px=described.box_size_px))


def recorded_names(folder: Path) -> Iterator[str]:
    """The names of the micrographs that a folder has records of, in no order."""
    try:
        for path in (folder / RUN).iterdir():
            if path.name.endswith(SUFFIX) and not path.name.startswith("."):
                yield path.name.removesuffix(SUFFIX)
    except FileNotFoundError:
        return


def _checksum(text: str, tensors: dict[str, np.ndarray]) -> str:
    """A number in digits that tells a record from what a damaged disk makes of it."""
    total = zlib.crc32(text.encode())
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].data, total)
    return str(total)
