"""The micrographs that methods are compared on, each set with a fixed split.

Real ones are those of `shared/data` beside the checkout, where they are present. Choices are made
on the development sets, figures reported from the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from napari_deepem import Micrograph, read_micrograph, simulate_sample
from napari_deepem.batch.simulate import Particle, load_particle
from napari_deepem.core.simulation import SAMPLE_BOX_PX, SimulationSettings, simulate_set
from napari_deepem.core.types import FloatArray
from napari_deepem.io.coordinates import read_coordinate_set
from napari_deepem.io.images import find_micrographs, micrograph_name

QUICK = bool(os.environ.get("QUICK"))  # to try a script out: figures then mean nothing

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RIBOSOME = DATA / "maps" / "ribosome_70s_65.mrc"
VOXEL_SIZE = 5.0  # A, of that map, about; its header does not say
COUNTS = (3, 1) if QUICK else (20, 10)  # simulated micrographs to train on and to test on
SIMULATED = SimulationSettings(particles=60, box_size_px=112)  # with CTF, see there
PIXEL_SIZE = {"70S": 3.0, "KLH": 4.7}  # A, at which the particle fits that box

MAPS = DATA / "maps" / "general"
DEVELOPMENT_COUNTS = (2, 1) if QUICK else (6, 4)  # micrographs to train on and to test on


@dataclass(frozen=True, slots=True)
class Molecule:
    """A density map, and how micrographs of it are made."""

    map: str  # of `MAPS`, ends with its code in the PDB
    pixel_size: float  # A
    settings: SimulationSettings


DEVELOPMENT = {  # different in size, shape, density and dirt; none is without mistakes
    "rubisco": Molecule(
        "rubisco_1bxn", 4.0, SimulationSettings(particles=160, snr=0.03, contamination=1.0)
    ),
    "ClpB": Molecule(
        "clpb_1qvr",
        3.0,
        SimulationSettings(
            particles=50, snr=0.02, contamination=1.0, carbon=0.7, ice_gradient=0.05
        ),
    ),
    "26S": Molecule(
        "proteasome_26s_4cr2",
        6.0,
        SimulationSettings(
            particles=90, snr=0.02, overlaps=0.3, contamination=1.0, noise="detector"
        ),
    ),
    "thyroglobulin": Molecule("thyroglobulin_7n4y", 5.0, SimulationSettings(snr=0.012)),
    "receptor": Molecule(
        "receptor_5kxi", 3.5, SimulationSettings(particles=220, snr=0.025, overlaps=0.5)
    ),
}
REAL = ("apoferritin", "bgal", "80S", "KLH micrograph")

Labelled = tuple[Micrograph, FloatArray]  # a micrograph, and (n, 2) centres of its particles


@dataclass(frozen=True, eq=False, slots=True)
class LabelledSet:
    """Micrographs to train on and others to test on."""

    name: str
    box_px: int
    diameter_px: int  # of the particle: what other programs ask for
    training: Sequence[Labelled]
    test: Sequence[Labelled]


@lru_cache(maxsize=2)
def load(name: str) -> LabelledSet:
    """A set by name: `sample`, `apoferritin`, `bgal 0` to `bgal 4`, or `70S 0.01` (its SNR).

    `bgal k` tests on the k-th micrograph and trains on the other four; `bgal 0+1` tests on these
    and trains on 3 and 4, for the labels of 2 are few. Development sets have the names of their
    molecules, or are `80S`, of which a quarter of the only micrograph each is trained on and the
    right half tested on, and `KLH micrograph`, to test on alone.
    """
    kind, _, which = name.partition(" ")
    if kind == "sample":
        made = [(s.micrograph, s.truth_yx) for s in simulate_sample(sum(COUNTS))]
        return LabelledSet(name, SAMPLE_BOX_PX, 86, made[: COUNTS[0]], made[COUNTS[0] :])
    if kind == "apoferritin":
        return _split(name, 88, 68, read_labelled(DATA / kind), test=(3, 7, 11))
    if name == "bgal 0+1":
        return _split(name, 36, 27, read_labelled(DATA / kind), test=(0, 1), left_out=(2,))
    if kind == "bgal":
        return _split(name, 36, 27, read_labelled(DATA / kind), test=(int(which),))
    if name == "KLH micrograph":
        return LabelledSet(name, 200, 160, [], read_labelled(DATA / "klh"))
    if name == "80S":
        return _halved(name, 140, 108, read_labelled(DATA / "ribosome")[0])
    if name in DEVELOPMENT:
        made_of = DEVELOPMENT[name]
        particle = load_particle(MAPS / f"{made_of.map}.mrc", pixel_size=made_of.pixel_size)
        settings = replace(made_of.settings, box_size_px=particle.box_size_px)
        return _simulate(name, particle, settings, DEVELOPMENT_COUNTS)
    if kind == "70S":
        particle = load_particle(RIBOSOME, VOXEL_SIZE, PIXEL_SIZE[kind])
        return _simulate(name, particle, replace(SIMULATED, snr=float(which)), COUNTS)
    if kind == "KLH":
        particle = load_particle(pixel_size=PIXEL_SIZE[kind])
        return _simulate(name, particle, replace(SIMULATED, snr=float(which)), COUNTS)
    raise ValueError(f"no set is called {name!r}")


def is_present(name: str) -> bool:
    """Whether what a set is made from is here."""
    kind = name.partition(" ")[0]
    files = {
        "apoferritin": DATA / "apoferritin",
        "bgal": DATA / "bgal",
        "80S": DATA / "ribosome",
        "KLH micrograph": DATA / "klh",
        "70S": RIBOSOME,
        **{title: MAPS / f"{molecule.map}.mrc" for title, molecule in DEVELOPMENT.items()},
    }
    needed = files.get(name, files.get(kind))
    return needed is None or needed.exists()


def sources(name: str) -> tuple[str, ...]:
    """Files and folders of this repository that a set depends on."""
    real = name.partition(" ")[0] in REAL or name in REAL
    return ("benchmarks/sets.py", *(() if real else ("src/napari_deepem/core/simulation",)))


def at_snr(snr: float) -> str:
    """The set simulated at that signal-to-noise ratio: of 70S ribosomes where their map is here."""
    return f"70S {snr:g}" if RIBOSOME.is_file() else f"KLH {snr:g}"


def read_labelled(folder: Path) -> list[Labelled]:
    """Micrographs of a folder, with the centres of its coordinate files."""
    paths = find_micrographs([folder])
    known = read_coordinate_set(folder, [micrograph_name(path) for path in paths])
    micrographs = [read_micrograph(path) for path in paths if micrograph_name(path) in known]
    return [(micrograph, known[micrograph.name].centres_yx) for micrograph in micrographs]


def _split(
    name: str,
    box_px: int,
    diameter_px: int,
    labelled: list[Labelled],
    test: tuple[int, ...],
    left_out: tuple[int, ...] = (),
) -> LabelledSet:
    training = [item for k, item in enumerate(labelled) if k not in (*test, *left_out)]
    tested = [labelled[index] for index in test]
    if QUICK:
        training, tested = training[:3], tested[:1]
    return LabelledSet(name, box_px, diameter_px, training, tested)


def _halved(name: str, box_px: int, diameter_px: int, labelled: Labelled) -> LabelledSet:
    height, width = labelled[0].shape
    left, right = slice(width // 2), slice(width // 2, width)
    training = [
        _part(labelled, rows, left) for rows in (slice(height // 2), slice(height // 2, height))
    ]
    return LabelledSet(name, box_px, diameter_px, training, [_part(labelled, slice(height), right)])


def _part(labelled: Labelled, rows: slice, cols: slice) -> Labelled:
    """A part of a micrograph, with the particles that have their centres there."""
    micrograph, centres_yx = labelled
    low, high = np.array([(rows.start or 0, cols.start or 0), (rows.stop, cols.stop)])
    inside = ((centres_yx >= low) & (centres_yx < high)).all(axis=1)
    name = f"{micrograph.name}_{low[0]}_{low[1]}"
    return replace(micrograph, image=micrograph.image[rows, cols], name=name), (
        centres_yx[inside] - low
    )


def _simulate(
    name: str, particle: Particle, settings: SimulationSettings, counts: tuple[int, int]
) -> LabelledSet:
    settings = replace(settings, optics=replace(settings.optics, pixel_size=particle.pixel_size))
    training, test = (
        [(made.micrograph, made.truth_yx) for made in simulate_set(particle.projector, part)]
        for part in (replace(settings, seed=k, count=count) for k, count in enumerate(counts))
    )
    assert settings.box_size_px is not None
    diameter_px = round(particle.projector.diameter_px)
    return LabelledSet(name, settings.box_size_px, diameter_px, training, test)
