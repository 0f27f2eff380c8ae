"""The coordinate formats that there are, and which of them a name or a file is of.

To add one: a module with its `FORMAT`, and its name in `FORMATS`. Menus, file dialogs, the command
line's `--format` and napari's readers and writers follow from that.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates import (
    autopick,
    box,
    cbox,
    cs,
    csv_table,
    eman_json,
    particles,
    star,
    topaz,
)
from napari_deepem.io.coordinates.coordinate_format import Format

# Where a folder holds several files for one micrograph, the first format here wins: those that
# hold scores come first, except for `.cbox`, which has picks below the threshold among the others.
# Of one format, the plain name wins, then the endings in this order.
FORMATS = (
    star.FORMAT,
    csv_table.FORMAT,
    box.FORMAT,
    autopick.FORMAT,
    particles.FORMAT,
    eman_json.FORMAT,
    cbox.FORMAT,
    topaz.FORMAT,
    cs.FORMAT,
)
SUFFIXES = tuple(dict.fromkeys(suffix for format in FORMATS for suffix in format.suffixes))


def keeps_below(names: Iterable[str]) -> bool:
    """Whether a format of these names holds candidates with scores below the threshold."""
    return any("below" in format_called(name).keeps for name in names)


def format_called(name: str) -> Format:
    """The format of a name, as `--format` has it; InputError for an unknown one."""
    for format in FORMATS:
        if format.name == name.strip().lower().lstrip("."):
            return format
    known = ", ".join(format.name for format in FORMATS)
    raise InputError(f"no format is called {name!r}: choose from {known}")


def formats_with_suffix_of(path: Path) -> list[Format]:
    """The formats that a file may have by its suffix; InputError if there is none."""
    formats = [format for format in FORMATS if format.suffix_of(path)]
    if not formats:
        raise InputError(f"{path}: not a coordinate format known here; use {', '.join(SUFFIXES)}")
    return formats


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix, and by its content where several share that.

    What none of them recognises is said to be of the first, whose reader says what is wrong.

    Raises
    ------
    InputError
        The suffix is unknown, or the file can't be read.
    """
    formats = formats_with_suffix_of(path)
    if len(formats) == 1:
        return formats[0]
    return next((format for format in formats if format.recognises(path)), formats[0])
