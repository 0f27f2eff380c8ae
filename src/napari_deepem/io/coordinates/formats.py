"""The coordinate formats, told apart by suffix.

To add one: a module with `recognises`, `read` and `write`, and one line in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.types import Picks
from napari_deepem.io.coordinates import box, csv_table, star
from napari_deepem.io.coordinates.rows import Rows
from napari_deepem.io.images.file_names import plain_name


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of coordinate file; the registry is a tuple of these."""

    suffix: str
    title: str  # what users know it by
    read: Callable[[Path], Rows]
    write: Callable[[Path, Picks], None]
    recognises: Callable[[Path], bool]  # is it such a file at all? A folder may hold others
    endings: tuple[str, ...] = ()  # what may stand between a micrograph's name and the suffix

    def name_of(self, path: Path) -> str:
        """Name of the micrograph that a file of this format belongs to, after its own name."""
        stem = plain_name(path.name[: -len(self.suffix)])
        for ending in self.endings:
            if stem.endswith(ending) and stem != ending:
                return stem.removesuffix(ending)
        return stem


# Where a folder holds several files for one micrograph, the first format here wins: those that
# hold scores come first. Of one format, the plain name wins, then the endings in this order.
FORMATS = (
    Format(
        ".star",
        "RELION",
        star.read,
        star.write,
        star.recognises,
        endings=("_manualpick", "_autopick"),
    ),
    Format(".csv", "Table", csv_table.read, csv_table.write, csv_table.recognises),
    Format(".box", "EMAN", box.read, box.write, box.recognises),
)
READABLE = tuple(format.suffix for format in FORMATS)
WRITABLE = READABLE


def format_of(path: Path) -> Format:
    """The format of a file by its suffix; InputError for an unknown one."""
    for format in FORMATS:
        if path.name.lower().endswith(format.suffix):
            return format
    raise InputError(f"{path}: not a coordinate format known here; use {', '.join(READABLE)}")
