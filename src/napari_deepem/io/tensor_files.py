"""Safetensors files: of the same bytes for the same content, their headers checked before reading.

The library itself checks that the file is as long as its header says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import SEEK_END
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save

MOST_QUOTES = 2000  # a file of ours has some 80: four of each entry, and of each tensor ten


def tensor_bytes(
    tensors: Mapping[str, NDArray[np.floating[Any]]], metadata: Mapping[str, str]
) -> bytes:
    """The content of a file with these tensors and this metadata, the same each time.

    The library (0.8) puts the metadata into the header in an order of chance.
    """
    content = save(dict(tensors), metadata=dict(metadata))
    end = 8 + int.from_bytes(content[:8], "little")
    entries = json.loads(content[8:end])
    entries["__metadata__"] = dict(sorted(entries["__metadata__"].items()))
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


def read_metadata(path: Path, largest: int) -> dict[str, str]:
    """The metadata alone, by name, which takes a tenth of the time of opening the tensors.

    Raises
    ------
    OSError, SafetensorError
        The file can't be read, or is none with metadata, cut short, or as `check_header` says.
    """
    with path.open("rb") as file:
        header = _header_of(file, largest)
        size = file.seek(0, SEEK_END)
    try:
        entries = json.loads(header)
        metadata = {str(name): str(text) for name, text in entries.pop("__metadata__").items()}
        end = max((each["data_offsets"][1] for each in entries.values()), default=0)
        if size != 8 + len(header) + end:
            raise SafetensorError(f"{size} bytes, where its header asks for {end} of tensors")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SafetensorError("a damaged header") from error
    return metadata


def check_header(path: Path, largest: int) -> None:
    """Raise SafetensorError for a file with a header of more bytes, or of very many entries.

    The library takes up to 100 MB, of which millions of entries would be made.
    """
    with path.open("rb") as file:
        _header_of(file, largest)


def _header_of(file: IO[bytes], largest: int) -> bytes:
    length = int.from_bytes(file.read(8), "little")
    if length > largest:
        raise SafetensorError(f"a header of {length} bytes")
    header = file.read(length)
    if header.count(b'"') - header.count(b'\\"') > MOST_QUOTES:
        raise SafetensorError("a header of very many entries")
    return header


def shapes_in(file: Any) -> dict[str, tuple[int, ...]]:
    """The shapes, by name, of the tensors in an open file; SafetensorError if one isn't float32."""
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    for name, values in slices.items():
        if values.get_dtype() != "F32":
            raise SafetensorError(f"{name} is of type {values.get_dtype()}, not F32")
    return {name: tuple(values.get_shape()) for name, values in slices.items()}
