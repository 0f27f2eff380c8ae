"""The micrographs that methods are compared on, each set with a fixed split.

Real ones are those of `shared/data` beside the checkout, where they are present.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from napari_deepem import Micrograph, read_micrograph, simulate_sample
from napari_deepem.batch.simulate import load_particle
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

    `bgal k` tests on the k-th micrograph and trains on the other four.
    """
    kind, _, which = name.partition(" ")
    if kind == "sample":
        made = [(s.micrograph, s.truth_yx) for s in simulate_sample(sum(COUNTS))]
        return LabelledSet(name, SAMPLE_BOX_PX, 86, made[: COUNTS[0]], made[COUNTS[0] :])
    if kind == "apoferritin":
        return _split(name, 88, 68, read_labelled(DATA / kind), test=(3, 7, 11))
    if kind == "bgal":
        return _split(name, 36, 27, read_labelled(DATA / kind), test=(int(which),))
    if kind in ("70S", "KLH"):
        return _simulate(name, kind, float(which))
    raise ValueError(f"no set is called {name!r}")


def is_present(name: str) -> bool:
    """Whether what a set is made from is here."""
    kind = name.partition(" ")[0]
    if kind == "70S":
        return RIBOSOME.is_file()
    return (DATA / kind).is_dir() if kind in ("apoferritin", "bgal") else True


def sources(name: str) -> tuple[str, ...]:
    """Files and folders of this repository that a set depends on."""
    real = name.partition(" ")[0] in ("apoferritin", "bgal")
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
    name: str, box_px: int, diameter_px: int, labelled: list[Labelled], test: tuple[int, ...]
) -> LabelledSet:
    training = [item for index, item in enumerate(labelled) if index not in test]
    tested = [labelled[index] for index in test]
    if QUICK:
        training, tested = training[:3], tested[:1]
    return LabelledSet(name, box_px, diameter_px, training, tested)


def _simulate(name: str, kind: str, snr: float) -> LabelledSet:
    if kind == "70S":
        particle = load_particle(RIBOSOME, VOXEL_SIZE, PIXEL_SIZE[kind])
    else:
        particle = load_particle(pixel_size=PIXEL_SIZE[kind])
    settings = replace(
        SIMULATED, snr=snr, optics=replace(SIMULATED.optics, pixel_size=particle.pixel_size)
    )
    training, test = (
        [(made.micrograph, made.truth_yx) for made in simulate_set(particle.projector, part)]
        for part in (replace(settings, seed=k, count=count) for k, count in enumerate(COUNTS))
    )
    assert settings.box_size_px is not None
    diameter_px = round(particle.projector.diameter_px)
    return LabelledSet(name, settings.box_size_px, diameter_px, training, test)
