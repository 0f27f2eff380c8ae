"""The optics groups of micrographs: from RELION's STAR file, or from options and headers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_deepem.core.errors import InputError
from napari_deepem.core.wording import listed
from napari_deepem.io.coordinates import match_names
from napari_deepem.io.coordinates.star_tables import quoted
from napari_deepem.io.micrographs_star import (
    MicrographEntry,
    OpticsGroup,
    optics_group,
    read_micrographs_star,
)

PIXEL_SIZE_TOLERANCE = 0.01  # of two that are told of one micrograph: programs round theirs
_PIXEL_SIZE_DIGITS = 4  # after the point, which make two groups


@dataclass(frozen=True, slots=True)
class OpticsOptions:
    """What a user says of all micrographs; None where that is not known."""

    pixel_size: float | None = None  # A/px; None: as each header says
    voltage_kv: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None


class HeaderOptics:
    """A group for every pixel size, otherwise as the options say."""

    def __init__(self, options: OpticsOptions) -> None:
        self.groups: dict[int, OpticsGroup] = {}  # by number
        self.remarks: list[str] = []
        self._options = options

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of the micrographs of which there is anything to say: all."""
        return list(names)

    def entry_of(self, name: str, path: Path, in_header: float | None) -> MicrographEntry:
        """What is known of a micrograph; InputError if its A/px is not, or for an odd name."""
        options, full_name = self._options, path.as_posix()
        quoted(full_name)  # or it is refused when all the work is done
        pixel_size = in_header if options.pixel_size is None else options.pixel_size
        if pixel_size is None:
            raise InputError(f"{path}: its header has no pixel size; give --pixel-size, in A/px")
        for group in self.groups.values():
            if round(group.pixel_size - pixel_size, _PIXEL_SIZE_DIGITS) == 0:
                return MicrographEntry(full_name, group.number, {})
        number = len(self.groups) + 1
        self.groups[number] = optics_group(
            number,
            pixel_size,
            voltage_kv=options.voltage_kv,
            spherical_aberration_mm=options.spherical_aberration_mm,
            amplitude_contrast=options.amplitude_contrast,
        )
        return MicrographEntry(full_name, number, {})


class StarOptics:
    """Groups, names and CTF as a STAR file of micrographs has them; InputError for another file."""

    def __init__(self, path: Path) -> None:
        self._star = read_micrographs_star(path)
        self.groups = self._star.groups
        self.remarks: list[str] = []
        self._path = path
        self._names_there: dict[str, str] = {}
        self._n_unlike = 0  # micrographs whose pixel sizes differ

    def known(self, names: Iterable[str]) -> list[str]:
        """Those of the micrographs that the file has; InputError if that is none."""
        names = list(names)
        self._names_there = match_names(names, self._star.entries)
        lacking = [name for name in names if name not in self._names_there]
        if not self._names_there:
            raise InputError(
                f"{self._path}: has none of the micrographs with picks, such as {lacking[0]}; "
                "names must agree"
            )
        if lacking:
            self.remarks.append(f"left out, not in {self._path}: {listed(lacking)}")
        return list(self._names_there)

    def entry_of(self, name: str, path: Path, in_header: float | None) -> MicrographEntry:
        """What is known of one of the `known` micrographs."""
        entry = self._star.entries[self._names_there[name]]
        in_star = self.groups[entry.group].pixel_size
        is_unlike = in_header is not None and abs(in_header / in_star - 1) > PIXEL_SIZE_TOLERANCE
        if is_unlike and not self._n_unlike:
            self.remarks.append(
                f"{path} says {in_header:.4g} A/px, {self._path} {in_star:.4g}, which is taken: "
                "check that they are the same images"
            )
        self._n_unlike += is_unlike
        return entry


MicrographOptics = HeaderOptics | StarOptics
