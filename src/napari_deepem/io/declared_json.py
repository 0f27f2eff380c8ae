"""JSON that came from a file, checked against a declared shape before anything trusts it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from napari_deepem.core.errors import InputError

STRICT = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
LARGEST_TEXT = 24 * 2**20  # bytes of a file: what is made of them takes up to twenty times as many

T = TypeVar("T")


def _plain_name(name: str) -> str:
    if name in ("", ".", "..") or "\0" in name or PureWindowsPath(name).name != name:
        raise ValueError("is not the plain name of a file")
    if PurePosixPath(name).name != name:
        raise ValueError("is not the plain name of a file")
    return name


Share = Annotated[float, Field(ge=0, le=1.000001)]  # sums of floats go beyond 1
FileName = Annotated[str, Field(max_length=255), AfterValidator(_plain_name)]


def read_declared(shape: TypeAdapter[T], text: str | bytes, refusal: str) -> T:
    """The value that JSON text holds, of the shape declared for it.

    Parameters
    ----------
    shape : pydantic.TypeAdapter
        Of a type with the configuration `STRICT`: types, ranges, finite numbers, no other keys.
        pydantic's own parser bounds how deep text nests and how long its numbers are.
    text : str or bytes
    refusal : str
        What the message says of the file, with `{reason}` for what is wrong in it.

    Raises
    ------
    InputError
        If the text is not JSON or not of that shape.
    """
    try:
        return shape.validate_json(text)
    except ValidationError as error:
        raise InputError(refusal.replace("{reason}", _reason(error))) from error


def read_declared_file(shape: TypeAdapter[T], path: Path, refusal: str) -> T:
    """The value of a file of JSON; raises as `read_declared`, and for what is no file, or huge."""
    if not path.is_file() or path.stat().st_size > LARGEST_TEXT:
        raise InputError(refusal.replace("{reason}", "it is no file, or too large"))
    return read_declared(shape, path.read_bytes(), refusal)


def _reason(error: ValidationError) -> str:
    """The first thing wrong, and where: `maps.0: Input should be greater than 0`."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    reason = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
