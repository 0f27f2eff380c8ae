"""RELION's STAR file of micrographs, 3.1 and later: their optics groups, and the CTF of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.io.coordinates.parsing import parse_number
from napari_deepem.io.coordinates.star_coordinates import MICROGRAPH
from napari_deepem.io.coordinates.star_tables import Table, read_tables
from napari_deepem.io.images import micrograph_name

GROUP, GROUP_NAME = "_rlnOpticsGroup", "_rlnOpticsGroupName"
PIXEL_SIZE = "_rlnMicrographPixelSize"
ORIGINAL_PIXEL_SIZE = "_rlnMicrographOriginalPixelSize"
VOLTAGE, SPHERICAL_ABERRATION = "_rlnVoltage", "_rlnSphericalAberration"
AMPLITUDE_CONTRAST = "_rlnAmplitudeContrast"
_IMAGE = "_rlnImageName"
_OPTICS_NUMBERS = (
    *(ORIGINAL_PIXEL_SIZE, PIXEL_SIZE, VOLTAGE, SPHERICAL_ABERRATION, AMPLITUDE_CONTRAST),
    *("_rlnBeamTiltX", "_rlnBeamTiltY", "_rlnMagMat00", "_rlnMagMat01", "_rlnMagMat10"),
    "_rlnMagMat11",
)
_OPTICS_TEXTS = (GROUP_NAME, "_rlnMtfFileName", "_rlnOddZernike", "_rlnEvenZernike")
OPTICS = (*_OPTICS_TEXTS[:1], GROUP, *_OPTICS_NUMBERS, *_OPTICS_TEXTS[1:])
CTF = (
    *("_rlnDefocusU", "_rlnDefocusV", "_rlnDefocusAngle", "_rlnPhaseShift"),
    *("_rlnCtfFigureOfMerit", "_rlnCtfMaxResolution", "_rlnCtfBfactor", "_rlnCtfScalefactor"),
)


@dataclass(frozen=True, eq=False, slots=True)
class OpticsGroup:
    """What micrographs of one group have in common."""

    number: int
    pixel_size: float  # A/px of the micrographs
    values: Mapping[str, str]  # as a STAR file has them, by label


@dataclass(frozen=True, eq=False, slots=True)
class MicrographEntry:
    """What is known of one micrograph."""

    full_name: str  # as RELION knows it: with its folder, relative to the project
    group: int
    ctf: Mapping[str, str]  # as a STAR file has it, by label


def optics_group(
    number: int,
    pixel_size: float,
    *,
    voltage_kv: float | None = None,
    spherical_aberration_mm: float | None = None,
    amplitude_contrast: float | None = None,
) -> OpticsGroup:
    """The optics group of micrographs of which this is known."""
    values = {
        GROUP_NAME: f"opticsGroup{number}",
        GROUP: number,
        ORIGINAL_PIXEL_SIZE: f"{pixel_size:.6f}",
        PIXEL_SIZE: f"{pixel_size:.6f}",
        VOLTAGE: voltage_kv,
        SPHERICAL_ABERRATION: spherical_aberration_mm,
        AMPLITUDE_CONTRAST: amplitude_contrast,
    }
    words = {label: str(value) for label, value in values.items() if value is not None}
    return OpticsGroup(number, pixel_size, words)


@dataclass(frozen=True, eq=False, slots=True)
class MicrographsStar:
    """The content of a STAR file of micrographs."""

    groups: Mapping[int, OpticsGroup]  # by number
    entries: Mapping[str, MicrographEntry]  # by the micrograph's name without folders and suffix


def read_micrographs_star(path: Path) -> MicrographsStar:
    """The optics groups and the micrographs of a file, such as `micrographs_ctf.star`.

    Raises
    ------
    InputError
        The file can't be read, is no such file or one of RELION before 3.1, or names a micrograph
        twice or a group that it doesn't have.
    """
    groups: dict[int, OpticsGroup] = {}
    entries: dict[str, MicrographEntry] = {}
    has_optics = has_micrographs = False
    for table, line, words in read_tables(path, {*OPTICS, MICROGRAPH, _IMAGE, *CTF}, {GROUP}):
        if _IMAGE in table.index:
            raise InputError(
                f"{path}: has particles; give the STAR file of their micrographs, such as "
                "micrographs_ctf.star"
            )
        if MICROGRAPH in table.index:
            has_micrographs = True
            if words:
                _add_entry(entries, path, table, line, words)
        elif GROUP_NAME in table.index:
            has_optics = True
            if words:
                group = _group(path, table, line, words)
                groups[group.number] = group
    if not (has_optics and has_micrographs):
        raise InputError(
            f"{path}: expected tables of optics groups and of micrographs, as RELION 3.1 and later "
            "write them; bring an older file up to date with relion_convert_star"
        )
    for entry in entries.values():
        if entry.group not in groups:
            raise InputError(f"{path}: {entry.full_name} is of optics group {entry.group}, missing")
    return MicrographsStar(groups, entries)


def _group(path: Path, table: Table, line: int, words: list[str]) -> OpticsGroup:
    values = _values(path, table, line, words, OPTICS)
    if PIXEL_SIZE not in values:
        raise InputError(f"{path}, line {table.line}: optics groups without {PIXEL_SIZE}; add it")
    pixel_size = float(values[PIXEL_SIZE])
    if pixel_size <= 0:
        raise InputError(f"{path}, line {line}: {PIXEL_SIZE} is {pixel_size:g}; give A/px")
    return OpticsGroup(int(values[GROUP]), pixel_size, values)


def _add_entry(
    entries: dict[str, MicrographEntry], path: Path, table: Table, line: int, words: list[str]
) -> None:
    full_name = words[table.index[MICROGRAPH]]
    values = _values(path, table, line, words, (GROUP, *CTF))
    entry = MicrographEntry(full_name, int(values.pop(GROUP)), values)
    other = entries.setdefault(micrograph_name(full_name), entry)
    if other is not entry:
        raise InputError(
            f"{path}, line {line}: {full_name} and {other.full_name} can't be told apart by name; "
            "divide the file"
        )


def _values(
    path: Path, table: Table, line: int, words: list[str], labels: tuple[str, ...]
) -> dict[str, str]:
    """The words under these labels, which are numbers where they have to be."""
    values = {label: words[table.index[label]] for label in labels if label in table.index}
    for label, text in values.items():
        if label == GROUP:
            if not (text.isascii() and text.isdigit() and len(text) < 7):
                raise InputError(
                    f"{path}, line {line}: expected a whole number for {label}, found {text[:60]!r}"
                )
        elif label not in _OPTICS_TEXTS:
            parse_number(text, path, line, label)
    return values
