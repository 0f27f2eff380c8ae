"""One RELION STAR file with the coordinates on all micrographs, which it names.

RELION 3.1 and later put the optics into a table of their own; cryoSPARC imports either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.coordinate_format import Format, Option
from napari_deepem.io.coordinates.micrograph_picks import MicrographPicks
from napari_deepem.io.coordinates.relion_project import name_in_project
from napari_deepem.io.coordinates.star_coordinates import (
    COLUMNS,
    MICROGRAPH,
    kind_of,
    read_star,
    words_of,
)
from napari_deepem.io.coordinates.star_tables import Block, quoted, write_tables

_UNKNOWN = "unknown"  # of the options: what is not known is left out
_GROUP = "_rlnOpticsGroup"
_PIXEL_SIZES = ("_rlnMicrographOriginalPixelSize", "_rlnMicrographPixelSize")

read = read_star


def recognises(path: Path) -> bool:
    """Whether a file holds coordinates, and the micrograph of each."""
    return kind_of(path) == "named coordinates"


def write(path: Path, micrographs: Sequence[MicrographPicks], options: Mapping[str, str]) -> None:
    """Write all picks, with their fractions of a pixel; one optics group a pixel size.

    RELION 3.1's own programs need pixel size, voltage and spherical aberration in the optics.
    """
    names = [quoted(name_in_project(each, path.parent)) for each in micrographs]
    if options["relion"] == "3.0":
        _refuse_quotes(names)
        rows = _rows(micrographs, [(name,) for name in names])
        write_tables(path, Block("", (MICROGRAPH, *COLUMNS), rows))
    else:
        sizes = [each.pixel_size for each in micrographs]
        groups = list(dict.fromkeys(sizes))
        numbers = [str(groups.index(size) + 1) for size in sizes]
        rows = _rows(micrographs, list(zip(names, numbers, strict=True)))
        particles = Block("particles", (MICROGRAPH, _GROUP, *COLUMNS), rows)
        write_tables(path, _optics(groups, options), particles)


def _rows(
    micrographs: Sequence[MicrographPicks], starts: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    for micrograph, start in zip(micrographs, starts, strict=True):
        for words in words_of(micrograph.picks, micrograph.picks.centres_yx):
            yield (*start, *words)


def _optics(pixel_sizes: Sequence[float | None], options: Mapping[str, str]) -> Block:
    """The table of the optics groups, with the columns of what is known of all of them."""
    values = {"_rlnVoltage": options["voltage"], "_rlnSphericalAberration": options["cs"]}
    known = {label: value for label, value in values.items() if value != _UNKNOWN}
    sizes = () if None in pixel_sizes else _PIXEL_SIZES
    labels = (_GROUP, f"{_GROUP}Name", *known, *sizes)
    rows = (
        (str(number), f"opticsGroup{number}", *known.values(), *(f"{size:.6f}" for _ in sizes))
        for number, size in enumerate(pixel_sizes, start=1)
    )
    return Block("optics", labels, rows)


def _refuse_quotes(names: Sequence[str]) -> None:
    for name in names:
        if name[0] in "'\"":
            raise InputError(
                f"RELION 3.0 can't read {name} in a STAR file: rename it, or choose relion=3.1"
            )


FORMAT = Format(
    name="particles",
    title="RELION STAR, one for all; cryoSPARC",
    suffixes=(".star",),
    place="particles.star",
    keeps=frozenset({"score", "fraction", "angle", "class"}),
    recognises=recognises,
    read=read,
    write=write,
    options=(
        Option("relion", ("3.1", "3.0"), "Version of RELION, from"),
        Option("voltage", (_UNKNOWN, "300", "200", "120", "100"), "Voltage of optics, kV"),
        Option(
            "cs",
            (_UNKNOWN, "2.7", "2.26", "2.0", "1.4", "1.2", "0.01"),
            "Spherical aberration of optics, mm",
        ),
    ),
)
