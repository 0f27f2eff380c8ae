"""Simulated sets as files: micrographs, where their particles are, and how they were made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_deepem import __version__
from napari_deepem.core.errors import InputError
from napari_deepem.core.simulation import (
    SAMPLE_BOX_PX,
    SAMPLE_PIXEL_SIZE,
    Projector,
    SimulatedMicrograph,
    SimulationSettings,
    box_around,
    klh_volume,
    micrograph_names,
    projector_of,
    simulate_set,
)
from napari_deepem.core.types import Picks, Volume
from napari_deepem.io.atomic import check_writable, replacing
from napari_deepem.io.coordinates import write_coordinates
from napari_deepem.io.images import write_image
from napari_deepem.io.volumes import read_volume

RECORD = "simulation.json"
SMALLEST_PROJECTION_PX, LARGEST_PROJECTION_PX = 8, 2048
LARGEST_CUBE = 512  # voxels at the coarser of map and pixels: takes some 12 GB to transform
_OURS = re.compile(r"simulated_\d+\.(mrc|csv|star)")


@dataclass(frozen=True, eq=False, slots=True)
class Particle:
    """A particle that is simulated, ready to be projected."""

    projector: Projector
    pixel_size: float  # A/px of its projections
    box_size_px: int  # a box around it
    source: dict[str, str | float]  # for the record


@dataclass(frozen=True, eq=False, slots=True)
class MicrographSimulated:
    """The progress of a simulation: one micrograph is written, with so many particles in it."""

    name: str
    particles: int


def load_particle(
    map: Path | None = None, voxel_size: float | None = None, pixel_size: float | None = None
) -> Particle:
    """The particle of a density map, or the embedded one where no map is given.

    Parameters
    ----------
    map : Path, optional
        An MRC or CCP4 map; matter is positive.
    voxel_size : float, optional
        Of the map, A; what its header says by default.
    pixel_size : float, optional
        Of the micrographs, A/px; the map's voxel size by default.

    Raises
    ------
    InputError
        If the map can't be used, or its voxel size is not known.
    """
    for kind, size in (("voxel", voxel_size), ("pixel", pixel_size)):
        if size is not None and not 0 < size < float("inf"):
            raise InputError(f"a {kind} size of {size:g} A: give one above 0")
    source: dict[str, str | float] = {"particle": "embedded, after KLH"}
    if map is not None:
        volume = read_volume(map)
        source = {"map": str(map), "sha256": hashlib.sha256(map.read_bytes()).hexdigest()}
    elif voxel_size is None:
        volume = Volume(klh_volume(SAMPLE_PIXEL_SIZE), SAMPLE_PIXEL_SIZE)
    else:
        raise InputError("a voxel size without a map: give --map too, or leave both out")
    voxel_size = voxel_size or volume.voxel_size
    if voxel_size is None:
        raise InputError(f"{map}: its header holds no voxel size; give --map-voxel-size in A")
    pixel_size = pixel_size or voxel_size
    _check_width(max(volume.density.shape), voxel_size, pixel_size)
    projector = projector_of(volume.density, voxel_size, pixel_size)
    if map is None:
        box_size_px = 2 * round(0.5 * SAMPLE_BOX_PX * SAMPLE_PIXEL_SIZE / pixel_size)
    else:
        box_size_px = box_around(projector)
    return Particle(projector, pixel_size, box_size_px, {**source, "voxel_size": voxel_size})


def _check_width(width: int, voxel_size: float, pixel_size: float) -> None:
    """Raise InputError for a map, `width` voxels wide, too large or small to be projected."""
    width_px = width * voxel_size / pixel_size
    if width_px < SMALLEST_PROJECTION_PX:
        raise InputError(
            f"at {pixel_size:g} A/px the map is {width_px:.1f} px wide, less than "
            f"{SMALLEST_PROJECTION_PX}: give a smaller --pixel-size"
        )
    for needed, most in ((width_px, LARGEST_PROJECTION_PX), (min(width, width_px), LARGEST_CUBE)):
        if needed > most:
            raise InputError(
                f"at {pixel_size:g} A/px the map is {width_px:.0f} px wide, more than {most}: "
                "give a larger --pixel-size, or crop the map"
            )


def simulate_files(
    particle: Particle, settings: SimulationSettings, folder: Path, command: str = ""
) -> Generator[MicrographSimulated, None, None]:
    """A stream that writes a simulated set: an MRC each, and truth as CSV and RELION STAR.

    Parameters
    ----------
    particle : Particle
        What is simulated.
    settings : SimulationSettings
        Its pixel size must be the particle's.
    folder : Path
        Where the files go, and `simulation.json`, a record of how they were made. An older set
        there is replaced; files of anybody else never are.
    command : str
        What makes this set again, for the record.

    Yields
    ------
    MicrographSimulated
        After each micrograph.

    Raises
    ------
    InputError
        If the box does not fit the micrographs, or the folder can't be written into or holds
        files of the same names that are not ours.
    """
    output = _SetFolder.claim(folder, micrograph_names(settings.count))
    record = {
        "made_by": f"napari-deepem {__version__}",
        "command": command,
        **particle.source,
        "settings": asdict(settings),
        "files": sorted(output.planned),
    }
    micrographs: dict[str, Any] = {}
    for simulated in simulate_set(particle.projector, settings):
        if not micrographs:
            output.clear(record)
        output.write(simulated, settings.box_size_px)
        name, particles = simulated.micrograph.name, len(simulated.truth_yx)
        micrographs[name] = {
            "particles": particles,
            "defocus_angstrom": simulated.defocus_angstrom,
        }
        yield MicrographSimulated(name, particles)
    output.write_record({**record, "micrographs": micrographs})


@dataclass(frozen=True, slots=True)
class _SetFolder:
    """A folder for one simulated set."""

    folder: Path
    planned: frozenset[str]  # names of the files to come
    old: frozenset[str] = field(default=frozenset())  # of an older set

    @classmethod
    def claim(cls, folder: Path, names: list[str]) -> _SetFolder:
        """The folder, which is not made yet; InputError if files not ours would be replaced."""
        check_writable(folder)
        old = _files_of_record(folder / RECORD)
        planned = frozenset(name + suffix for name in names for suffix in (".mrc", ".csv", ".star"))
        for name in sorted(planned - old):
            if (folder / name).exists():
                raise InputError(
                    f"{folder / name} was not simulated by this program and would be replaced: "
                    "choose another folder for the set"
                )
        return cls(folder, planned, old)

    def clear(self, record: dict[str, Any]) -> None:
        """Write the record, by which the files are ours from now on, and remove an older set."""
        self.write_record({**record, "files": sorted(self.planned | self.old)})
        for file in self.old:
            (self.folder / file).unlink(missing_ok=True)

    def write(self, simulated: SimulatedMicrograph, box_size_px: int | None) -> None:
        """Write a micrograph and its truth."""
        micrograph = simulated.micrograph
        path = self.folder / f"{micrograph.name}.mrc"
        write_image(path, micrograph.image, micrograph.pixel_size)
        picks = Picks(simulated.truth_yx, box_size_px=box_size_px)
        for suffix in (".csv", ".star"):
            write_coordinates(path.with_suffix(suffix), picks)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write, or replace, the record."""
        with replacing(self.folder / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _files_of_record(path: Path) -> frozenset[str]:
    """The names of the files that an older set left; InputError for what is no such record."""
    if not path.exists():
        return frozenset()
    from pydantic import BaseModel, ConfigDict, TypeAdapter  # takes a while, seldom needed

    from napari_deepem.io.declared_json import read_declared_file

    class Record(BaseModel):
        model_config = ConfigDict(strict=True, extra="ignore")
        files: list[str]

    refusal = (
        f"{path} is not the record of a simulated set and would be replaced: "
        "choose another folder for the set"
    )
    files = read_declared_file(TypeAdapter(Record), path, refusal).files
    return frozenset(name for name in files if _OURS.fullmatch(name))
