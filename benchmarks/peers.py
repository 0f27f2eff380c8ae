"""Other pickers, run as programs where they are installed; nothing of theirs is imported.

Topaz is found through $TOPAZ or the path, RELION's `relion_autopick` through the path.
"""

from __future__ import annotations

import csv
import os
import resource
import shlex
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import mrcfile
import numpy as np
import sets
from trials import Found

from napari_deepem import Micrograph, Picks, read_coordinates
from napari_deepem.core.types import FloatArray

TOPAZ = os.environ.get("TOPAZ") or shutil.which("topaz")
RELION = shutil.which("relion_autopick")
EVERYTHING = -100  # a score, or threshold, that every candidate exceeds


@dataclass(frozen=True, slots=True)
class Topaz:
    """Topaz, as its manual says: downsample, normalise, train if wanted, extract.

    `updates` of its default network, resnet8 with 32 units, from its own pretrained weights and
    with its default objective; 0 for a pretrained network as it stands. The number of particles
    per micrograph, which it asks for, is the true one.
    """

    sources: ClassVar = ("benchmarks/peers.py",)

    updates: int = 0
    particle_px: int = 24  # about its diameter after downsampling by a whole number
    epochs: int = 4  # after each of which the network is saved; the last one is used
    network: str = "resnet16_u64"  # that is used without training; its default, too

    @property
    def name(self) -> str:
        return f"Topaz, {self.updates} updates" if self.updates else "Topaz, pretrained"

    def pick(
        self,
        sample: sets.LabelledSet,
        clicked: Sequence[FloatArray],
        all_clicked: bool,
        seed: int,
    ) -> Found:
        down = max(1, round(sample.diameter_px / self.particle_px))
        with workplace(TOPAZ, "topaz") as topaz:
            names = topaz.write("test", [micrograph for micrograph, _ in sample.test])
            topaz(f"preprocess -s {down} -d -1 -j 1 -o test_down test/*.mrc")
            training_s = self._train(topaz, sample, clicked, down) if self.updates else None
            network = f"model_epoch{self.epochs}.sav" if self.updates else self.network
            topaz(
                f"extract -m {network} -r {round(sample.diameter_px / 2 / down)} -x {down}"
                f" -t {EVERYTHING} -d -1 -j 1 -o picks.txt test_down/*.mrc"
            )
            found = _read_topaz(topaz.folder / "picks.txt")
            return Found([found[name] for name in names], training_s, commands=topaz.commands)

    def _train(
        self, topaz: Workplace, sample: sets.LabelledSet, clicked: Sequence[FloatArray], down: int
    ) -> float:
        """Train on the micrographs with clicks; returns the seconds of a core that it took."""
        labelled = [k for k, centres_yx in enumerate(clicked) if len(centres_yx)]
        names = topaz.write("train", [sample.training[k][0] for k in labelled])
        rows = [
            f"{name}\t{col:.0f}\t{row:.0f}\n"
            for name, k in zip(names, labelled, strict=True)
            for row, col in clicked[k]
        ]
        table = topaz.folder / "labels.txt"
        table.write_text("".join(["image_name\tx_coord\ty_coord\n", *rows]))
        expected = round(np.mean([len(sample.training[k][1]) for k in labelled]))
        started = _cpu_seconds()
        topaz(f"preprocess -s {down} -d -1 -j 1 -o train_down train/*.mrc")
        topaz(f"convert -s {down} -o targets.txt labels.txt")
        topaz(
            f"train -n {expected} --train-images train_down --train-targets targets.txt"
            f" --num-epochs {self.epochs} --epoch-size {self.updates // self.epochs}"
            " --save-prefix model -o curve.txt -d -1 -j 1"
        )
        return _cpu_seconds() - started


@dataclass(frozen=True, slots=True)
class RelionLog:
    """RELION's Laplacian-of-Gaussian picker, for particles dark on a bright background.

    Micrographs are said to have 1 A/px. The threshold is far below the default, since all
    candidates are ranked.
    """

    sources: ClassVar = ("benchmarks/peers.py",)

    diameter: float  # of the filter, as a multiple of the particle's
    neighbour: int = 75  # closest neighbours, per cent; the default, 100, finds fewer of them

    @property
    def name(self) -> str:
        return f"RELION LoG at {self.diameter:g} diameters"

    def pick(
        self,
        sample: sets.LabelledSet,
        clicked: Sequence[FloatArray],
        all_clicked: bool,
        seed: int,
    ) -> Found:
        diameter_px = round(self.diameter * sample.diameter_px)
        with workplace(RELION, "relion_autopick") as relion:
            names = relion.write("test", [micrograph for micrograph, _ in sample.test])
            relion(
                "--i 'test/*.mrc' --odir out/ --pickname log --angpix 1 --LoG"
                f" --LoG_diam_min {diameter_px} --LoG_diam_max {diameter_px}"
                f" --LoG_neighbour {self.neighbour} --LoG_adjust_threshold -3"
            )
            stars = [relion.folder / "out" / "test" / f"{name}_log.star" for name in names]
            return Found([_read_relion(star) for star in stars], commands=relion.commands)


@dataclass(frozen=True, eq=False, slots=True)
class Workplace:
    """A folder in which one program is run, and what was run."""

    program: str
    name: str
    folder: Path
    commands: list[str]

    def __call__(self, arguments: str) -> None:
        """Run the program on one core, in a shell, which knows what *.mrc means."""
        self.commands.append(f"{self.name} {arguments}")
        subprocess.run(
            f"{shlex.quote(self.program)} {arguments}",
            shell=True,
            cwd=self.folder,
            check=True,
            capture_output=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def write(self, subfolder: str, micrographs: Sequence[Micrograph]) -> list[str]:
        """Write micrographs as float32 MRC files; returns their names, without dots."""
        (self.folder / subfolder).mkdir()
        names = [micrograph.name.replace(".", "_") for micrograph in micrographs]
        for name, micrograph in zip(names, micrographs, strict=True):
            image = micrograph.image.astype(np.float32)
            mrcfile.write(self.folder / subfolder / f"{name}.mrc", image)
        return names


@contextmanager
def workplace(program: str | None, name: str) -> Iterator[Workplace]:
    """An empty folder to run a program in, removed afterwards."""
    if program is None:
        raise FileNotFoundError(f"{name} is not installed")
    with TemporaryDirectory() as folder:
        yield Workplace(program, name, Path(folder), [])


def version(program: str | None) -> str:
    """What a program says of its version."""
    if program is None:
        return "not installed"
    told = subprocess.run([program, "--version"], capture_output=True, text=True)
    return told.stdout.partition("\n")[0].removeprefix("RELION version:").strip()


def _cpu_seconds() -> float:
    """What the programs run so far have used of a core."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_topaz(path: Path) -> dict[str, Picks]:
    """Picks of each micrograph from Topaz's table: image_name, x_coord, y_coord, score."""
    rows = defaultdict(list)
    with path.open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["image_name"]].append([float(row[k]) for k in ("y_coord", "x_coord", "score")])
    values = {name: np.array(of) for name, of in rows.items()}
    return {name: Picks(of[:, :2], of[:, 2]) for name, of in values.items()}


def _read_relion(star: Path) -> Picks:
    """Picks of one micrograph; RELION writes no file where it finds nothing."""
    if not star.is_file():
        return Picks(np.empty((0, 2)), np.empty(0))
    return read_coordinates(star)
