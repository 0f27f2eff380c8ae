"""The coordinate formats: what each is called, how it is told, read and written.

To add one: a module with `recognises`, `read` and `write`, and one `Format` in `FORMATS`. Menus,
file dialogs, the command line's `--format` and napari's readers and writers follow from that.
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
from napari_deepem.io.coordinates.coordinate_format import Format, Option

# Where a folder holds several files for one micrograph, the first format here wins: those that
# hold scores come first, except for `.cbox`, which has picks below the threshold among the others.
# Of one format, the plain name wins, then the endings in this order.
FORMATS = (
    Format(
        "star",
        "RELION STAR, one a micrograph",
        (".star",),
        "{name}.star",
        frozenset({"score", "angle", "class"}),
        star.recognises,
        star.read,
        star.write,
        endings=("_manualpick", "_autopick"),
    ),
    Format(
        "csv",
        "Table",
        (".csv",),
        "{name}.csv",
        frozenset({"score", "fraction", "angle", "class", "size"}),
        csv_table.recognises,
        csv_table.read,
        csv_table.write,
    ),
    Format(
        "box",
        "EMAN1",
        (".box",),
        "{name}.box",
        frozenset({"box"}),
        box.recognises,
        box.read,
        box.write,
        needs=frozenset({"box"}),
    ),
    Format(
        "autopick",
        "RELION job: STAR files and their list",
        (".star",),
        "autopick.star",
        frozenset({"score", "angle", "class"}),
        autopick.recognises,
        autopick.read,
        autopick.write,
        beside=(f"{{name}}{autopick.ENDING}", autopick.OLD_PLACE),
        lists=autopick.LISTS,
    ),
    Format(
        "particles",
        "RELION STAR, one for all; cryoSPARC",
        (".star",),
        "particles.star",
        frozenset({"score", "fraction", "angle", "class"}),
        particles.recognises,
        particles.read,
        particles.write,
        options=(
            Option("relion", ("3.1", "3.0"), "Version of RELION, from"),
            Option(
                "voltage", (particles.UNKNOWN, "300", "200", "120", "100"), "Voltage of optics, kV"
            ),
            Option(
                "cs",
                (particles.UNKNOWN, "2.7", "2.26", "2.0", "1.4", "1.2", "0.01"),
                "Spherical aberration of optics, mm",
            ),
        ),
    ),
    Format(
        "json",
        "EMAN2",
        (".json",),
        "info/{name}_info.json",
        frozenset({"score"}),
        eman_json.recognises,
        eman_json.read,
        eman_json.write,
        endings=("_info",),
        adds_to_file=True,
    ),
    Format(
        "cbox",
        "crYOLO",
        (".cbox",),
        "{name}.cbox",
        frozenset({"score", "box", "fraction", "size", "below"}),
        cbox.recognises,
        cbox.read,
        cbox.write,
        needs=frozenset({"box"}),
    ),
    Format(
        "topaz",
        "Topaz",
        (".txt",),
        "topaz.txt",
        frozenset({"score"}),
        topaz.recognises,
        topaz.read,
        topaz.write,
    ),
    Format(
        "cs",
        "cryoSPARC",
        (".cs",),
        "picks.cs",
        frozenset({"score", "fraction"}),
        cs.recognises,
        cs.read,
        cs.write,
        beside=("picks.csg",),
        needs=frozenset({"shape"}),
    ),
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
