"""Text files that users give: whole, decodable, and with numbers where numbers belong."""

from __future__ import annotations

import math
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.atomic import replacing


def read_text(path: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises
    ------
    InputError
        It is missing, a folder, unreadable, or not text.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a coordinate file; name a file in it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file, so it holds no coordinates") from error
    if "\0" in text:
        raise InputError(f"{path}: not a text file, so it holds no coordinates")
    return text


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole, with the same line ends on every system."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def parse_number(text: str, path: Path, line: int) -> float:
    """The finite number in a text; else an InputError that names the file, line and text."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{path}, line {line}: expected a number, found {text.strip()!r}")
    return number
